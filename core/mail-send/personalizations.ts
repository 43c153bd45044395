/**
 * The personalizations of a request: who gets each message, and what differs from the root. Counts are checked before
 * the entries are, so that a body with a million recipients costs no more than one with a thousand.
 */
import { asciiAddress, type Mailbox } from '../address.ts';
import type { Address, Copy, Personalization } from '../mail.ts';
import { type Party, readRecipient, readSender, sameAddress } from './addresses.ts';
import { readSubject } from './content.ts';
import { jsonBytes, readCustomArgs, readTags } from './data.ts';
import {
  addFault,
  type Faults,
  isFull,
  type JsonObject,
  readAnyObject,
  readArray,
  readObject,
  under,
} from './faults.ts';
import { readHeaders, spellAsRoot } from './headers.ts';
import { PERSONALIZATIONS, RECIPIENTS, SEND_AT_DAYS, SUBSTITUTION_BYTES } from './limits.ts';
import { readSendAt } from './settings.ts';
import type { TemplateKind } from './template.ts';

/** What the root says that a personalization depends on. */
export type Root = {
  from: Party | undefined;
  /** How it spells its header names, by the name in lower case; empty where no personalization has headers. */
  spelling: ReadonlyMap<string, string>;
  customArgs: Record<string, string>;
  /** `mail_settings.bcc` where it is enabled: gets one more copy of each personalization that does not have it already. */
  archive: Mailbox | undefined;
  /** Unix seconds, only if in the future. */
  sendAt: number | undefined;
  template: TemplateKind;
  /** Milliseconds since the epoch. */
  now: number;
};

export type Envelope = { personalizations: Personalization[]; copies: Copy[]; sendAt: Record<number, number> };

const ROLES = ['to', 'cc', 'bcc'] as const;
/** `categories`: sendgrid-go may send it; like SendGrid, nobody reads it. */
const PROPERTIES = [
  'categories',
  ...ROLES,
  'from',
  'subject',
  'headers',
  'substitutions',
  'dynamic_template_data',
  'custom_args',
  'send_at',
];
const FIELD = 'personalizations';
const REQUIRED = 'The personalizations field is required and must have at least one personalization.';
const TO_REQUIRED =
  'The to array is required for all personalization objects, and must have at least one email object with a valid email address.';

/** The entries, not yet read; none where there are too few or too many to read any. */
export function readList(faults: Faults, value: unknown): unknown[] {
  const list = readArray(faults, value, FIELD);
  if (list === undefined && value !== undefined) return [];
  if (!list || list.length === 0) {
    addFault(faults, FIELD, REQUIRED);
    return [];
  }
  if (list.length > PERSONALIZATIONS) {
    const message = `The personalizations are limited to ${PERSONALIZATIONS} per request, you provided ${list.length}. Please split them over several requests.`;
    addFault(faults, FIELD, message);
    return [];
  }
  const recipients = countRecipients(list);
  if (recipients <= RECIPIENTS) return list;
  const message = `There is a limit of ${RECIPIENTS} total recipients (to + cc + bcc) per request, you provided ${recipients}.`;
  addFault(faults, FIELD, message, 'recipient-errors');
  return [];
}

/** Reads the entries. What is wrong in one leaves the others to be read. */
export function readPersonalizations(faults: Faults, list: unknown[], root: Root): Envelope {
  const envelope: Envelope = { personalizations: [], copies: [], sendAt: {} };
  for (const [index, entry] of list.entries()) {
    if (isFull(faults)) break;
    const object = readObject(faults, entry, under(FIELD, index), PROPERTIES);
    if (object) readPersonalization(faults, object, index, root, envelope);
  }
  const count = envelope.copies.length;
  if (count > RECIPIENTS) {
    const message = `There is a limit of ${RECIPIENTS} total recipients (to + cc + bcc + mail_settings.bcc) per request, you provided ${count}.`;
    addFault(faults, FIELD, message, 'recipient-errors');
  }
  return envelope;
}

function readPersonalization(faults: Faults, object: JsonObject, index: number, root: Root, envelope: Envelope): void {
  const field = under(FIELD, index);
  const recipients = readRecipients(faults, object, index, envelope.copies, root.archive);
  const from = readSender(faults, object.from, under(field, 'from'));
  if (from && root.from && from.mailbox.asciiDomain !== root.from.mailbox.asciiDomain)
    addFault(
      faults,
      under(field, 'from.email'),
      'The domain of the from email must be the domain of the from email at the root of the request.',
    );
  const subject = readSubject(faults, object.subject, under(field, 'subject'), false);
  const headers = readHeaders(faults, object.headers, under(field, 'headers'));
  const customArgs = readCustomArgs(faults, object.custom_args, under(field, 'custom_args'), root.customArgs);
  const data = readTemplateData(faults, object, field, root.template);
  const sendAt =
    object.send_at === undefined ? root.sendAt : readSendAt(faults, object.send_at, field, root.now, SEND_AT_DAYS * 24);
  if (sendAt !== undefined) envelope.sendAt[index] = sendAt;
  envelope.personalizations.push({
    index,
    ...recipients,
    ...(from ? { from: from.address } : {}),
    ...(subject === undefined ? {} : { subject }),
    ...(headers ? { headers: spellAsRoot(headers, root.spelling) } : {}),
    ...(customArgs ? { customArgs } : {}),
    ...data,
  });
}

/** Adds the copies in the order to, cc, bcc, archive, and gives what the readers see. */
function readRecipients(
  faults: Faults,
  object: JsonObject,
  personalization: number,
  copies: Copy[],
  archive: Mailbox | undefined,
): { to: Address[]; cc: Address[] } {
  const field = under(FIELD, personalization);
  const visible: Record<(typeof ROLES)[number], Address[]> = { to: [], cc: [], bcc: [] };
  const seen = new Set<string>();
  let repeated: string | undefined;
  for (const role of ROLES) {
    const path = under(field, role);
    const list = readArray(faults, object[role], path);
    if (role === 'to' && (object.to === undefined || list?.length === 0)) addFault(faults, path, TO_REQUIRED);
    for (const [i, entry] of (list ?? []).entries()) {
      if (isFull(faults)) break;
      const party = readRecipient(faults, entry, under(path, i));
      if (!party) continue;
      if (isRepeated(party.mailbox, seen)) repeated ??= `[${party.address.email}] in the ${path} field`;
      visible[role].push(party.address);
      copies.push({ personalization, role, address: asciiAddress(party.mailbox), index: copies.length });
    }
  }
  if (archive && !isRepeated(archive, seen))
    copies.push({ personalization, role: 'bcc', address: asciiAddress(archive), index: copies.length });
  if (repeated) {
    const message = `Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of ${repeated}.`;
    addFault(faults, field, message, 'recipient-errors');
  }
  return { to: visible.to, cc: visible.cc };
}

function isRepeated(mailbox: Mailbox, seen: Set<string>): boolean {
  const key = sameAddress(mailbox);
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}

function readTemplateData(faults: Faults, object: JsonObject, field: string, template: TemplateKind) {
  const path = under(field, 'substitutions');
  const substitutions = readTags(faults, object.substitutions, path);
  if (substitutions && jsonBytes(substitutions) > SUBSTITUTION_BYTES)
    addFault(
      faults,
      path,
      `The substitutions must not be larger than ${SUBSTITUTION_BYTES} bytes per personalization, measured as JSON.`,
    );
  if (substitutions && template === 'dynamic' && Object.keys(substitutions).length > 0)
    addFault(
      faults,
      path,
      'The substitutions must not be used with a dynamic template. Use dynamic_template_data instead.',
    );
  const dataPath = under(field, 'dynamic_template_data');
  const dynamicTemplateData = readAnyObject(faults, object.dynamic_template_data, dataPath);
  if (dynamicTemplateData && template !== 'dynamic' && Object.keys(dynamicTemplateData).length > 0)
    addFault(
      faults,
      dataPath,
      'The dynamic_template_data must only be used with a dynamic template, whose template_id begins with "d-".',
    );
  return { ...(substitutions ? { substitutions } : {}), ...(dynamicTemplateData ? { dynamicTemplateData } : {}) };
}

function countRecipients(list: unknown[]): number {
  let count = 0;
  for (const entry of list) {
    if (typeof entry !== 'object' || entry === null) continue;
    for (const role of ROLES) {
      const recipients = (entry as JsonObject)[role];
      if (Array.isArray(recipients)) count += recipients.length;
    }
  }
  return count;
}
