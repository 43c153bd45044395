/**
 * `POST /v3/mail/send`: from a JSON value to a MailRequest, or to everything that is wrong with it, field by field.
 * What is accepted is carried whole: a property that no field takes is refused, not dropped, but for a few that official
 * clients send and SendGrid does not read (docs/limits.md). Never throws on JSON.
 */
import { type ApiError, apiError } from '../errors.ts';
import type { Content, MailRequest } from '../mail.ts';
import { readFrom, readReplyTo } from './addresses.ts';
import { readAttachments } from './attachments.ts';
import { readParts, readSubject } from './content.ts';
import { readCategories, readCustomArgs, readTags } from './data.ts';
import { type Faults, type JsonObject, listFaults, noFaults, readObject } from './faults.ts';
import { addFooter } from './footer.ts';
import { readHeaders, spellingOf } from './headers.ts';
import { SEND_AT_DAYS } from './limits.ts';
import { readList, readPersonalizations } from './personalizations.ts';
import {
  isEnabled,
  readArchive,
  readAsm,
  readBatchId,
  readFooter,
  readMailSettings,
  readPoolName,
  readSendAt,
  readTrackingSettings,
  switchOf,
} from './settings.ts';
import { checkVariables, type KnownTemplate, nameText, readTemplate } from './template.ts';

export { type ParsedBody, parseJsonBody } from './body.ts';
export { type MergedMessage, mergePersonalization } from './merge.ts';
export { batchNamed, groupsNamed, poolNamed } from './settings.ts';
export { templateNamed } from './template.ts';

/** What the account has. An absent set is an empty one: the ids in it are then all unknown. */
export type MailSendContext = {
  /** Milliseconds since the epoch. */
  now: number;
  /** Names of IP pools that take mail: those of the settings, and the one that the request names. */
  pools: ReadonlySet<string>;
  /** Of pools that have no address which does. */
  emptyPools?: ReadonlySet<string>;
  /** Ids of unsubscribe groups. */
  groups?: ReadonlySet<number>;
  /** Ids of batches; absent: any could be one. */
  batches?: ReadonlySet<string>;
  /** Templates by id. */
  templates?: ReadonlyMap<string, KnownTemplate>;
};

export type ValidatedMail = { ok: true; request: MailRequest } | { ok: false; errors: ApiError[] };

/** `substitutions`: a personalization's by right; at the root SendGrid does not read it. */
const PROPERTIES = [
  'substitutions',
  'personalizations',
  'from',
  'reply_to',
  'reply_to_list',
  'subject',
  'content',
  'attachments',
  'template_id',
  'sections',
  'headers',
  'categories',
  'custom_args',
  'send_at',
  'batch_id',
  'asm',
  'ip_pool_name',
  'mail_settings',
  'tracking_settings',
];

/** @param body a value as JSON.parse gives it */
export function validateMailSend(body: unknown, context: MailSendContext): ValidatedMail {
  const faults = noFaults();
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { ok: false, errors: [apiError('badRequest')] };
  const root = readObject(faults, body, '', PROPERTIES)!;
  const request = readRequest(faults, root, context);
  if (faults.errors.length > 0) return { ok: false, errors: listFaults(faults) };
  if (!request) throw new Error('a mail without faults and without a request');
  return { ok: true, request };
}

function readRequest(faults: Faults, root: JsonObject, context: MailSendContext): MailRequest | undefined {
  const { now } = context;
  const list = readList(faults, root.personalizations);
  const from = readFrom(faults, root.from);
  const template = readTemplate(faults, root.template_id, context.templates);
  const subjectRequired = !template.subject && !haveSubjects(root.personalizations);
  const subject = readSubject(faults, root.subject, 'subject', subjectRequired);
  const headers = readHeaders(faults, root.headers, 'headers') ?? {};
  const customArgs = readCustomArgs(faults, root.custom_args, 'custom_args') ?? {};
  const sendAt = readSendAt(faults, root.send_at, '', now, SEND_AT_DAYS * 24);
  const mailSettings = readMailSettings(faults, root.mail_settings);
  const envelope = readPersonalizations(faults, list, {
    from,
    spelling: spellingOf(list.some((one) => has(one, 'headers')) ? headers : {}),
    customArgs,
    archive: readArchive(mailSettings),
    sendAt,
    template: template.kind,
    now,
  });
  const strict = checkVariables(
    faults,
    template,
    envelope.personalizations,
    switchOf(mailSettings, 'strict_variables'),
  );
  const text = template.known?.active;
  const rest = readRest(faults, root, context, template.exists);
  if (!from) return undefined;
  const content: Content = {
    from: from.address,
    ...(subject === undefined ? {} : { subject }),
    headers,
    customArgs,
    ...(template.id === undefined ? {} : { templateId: template.id }),
    ...(text ? { template: nameText(text, strict) } : {}),
    ...(mailSettings ? { mailSettings } : {}),
    ...rest,
    // What a template makes gets it when it is made.
    parts: text ? rest.parts : addFooter(rest.parts, readFooter(mailSettings)),
  };
  return { content, ...envelope, sandbox: isEnabled(mailSettings, 'sandbox_mode') };
}

type Rest = Omit<Content, 'from' | 'subject' | 'headers' | 'customArgs' | 'templateId' | 'mailSettings'>;

function readRest(faults: Faults, root: JsonObject, context: MailSendContext, templated: boolean): Rest {
  const asm = readAsm(faults, root.asm, context.groups);
  const ipPoolName = readPoolName(faults, root.ip_pool_name, context);
  const batchId = readBatchId(faults, root.batch_id, context.batches);
  const trackingSettings = readTrackingSettings(faults, root.tracking_settings);
  return {
    replyTo: readReplyTo(faults, root.reply_to, root.reply_to_list),
    parts: readParts(faults, root.content, templated),
    attachments: readAttachments(faults, root.attachments),
    sections: readTags(faults, root.sections, 'sections') ?? {},
    categories: readCategories(faults, root.categories),
    ...(asm ? { asm } : {}),
    ...(ipPoolName === undefined ? {} : { ipPoolName }),
    ...(batchId === undefined ? {} : { batchId }),
    ...(trackingSettings ? { trackingSettings } : {}),
  };
}

function haveSubjects(personalizations: unknown): boolean {
  if (!Array.isArray(personalizations) || personalizations.length === 0) return false;
  return personalizations.every((one) => has(one, 'subject'));
}

function has(personalization: unknown, property: string): boolean {
  return typeof personalization === 'object' && personalization !== null && Object.hasOwn(personalization, property);
}
