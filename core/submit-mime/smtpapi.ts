/**
 * The `X-SMTPAPI` header (SendGrid's SMTP API): JSON, folded, that says to whom a message goes and how. What mail/send has under
 * another name is read by mail/send's readers. What is wrong is gathered as faults; a property that nobody knows is not read,
 * as SendGrid does not. Never throws.
 */
import { type Mailbox, readMailbox } from '../address.ts';
import type { Address, Content } from '../mail.ts';
import { parseJsonBody } from '../mail-send/body.ts';
import { jsonBytes, readCategories, readCustomArgs, readTags } from '../mail-send/data.ts';
import {
  addFault,
  type Faults,
  hasLineBreak,
  isFull,
  type JsonObject,
  quoted,
  readAnyObject,
  readArray,
  under,
} from '../mail-send/faults.ts';
import type { MailSendContext } from '../mail-send/index.ts';
import { SUBSTITUTION_BYTES } from '../mail-send/limits.ts';
import { poolNamed, readAsm, readBatchId, readPoolName, readSendAt } from '../mail-send/settings.ts';
import { nameText, readTemplate, templateNamed } from '../mail-send/template.ts';
import { readMailboxes } from '../raw/mailboxes.ts';
import { decodeWords } from '../raw/words.ts';
import { readFilters } from './filters.ts';
import { SMTPAPI_RECIPIENTS } from './limits.ts';

/** One of `to`. */
export type Recipient = { address: Address; mailbox: Mailbox };

export type SmtpApi = {
  /** Empty: the RCPT list counts. */
  to: Recipient[];
  /** Values by tag, one for each recipient. */
  sub: Record<string, string[]>;
  /** Unix seconds for all; undefined: now. */
  sendAt?: number;
  /** Unix seconds for each recipient; undefined: now. */
  sendEachAt?: (number | undefined)[];
  content: Pick<
    Content,
    | 'sections'
    | 'categories'
    | 'customArgs'
    | 'asm'
    | 'ipPoolName'
    | 'batchId'
    | 'templateId'
    | 'template'
    | 'mailSettings'
    | 'trackingSettings'
  >;
};

/**
 * @param value the field's octets on one line, one latin1 character each
 * @param count of the RCPT list: how many recipients there are where `to` names none
 */
export function readSmtpApi(faults: Faults, value: string, count: number, context: MailSendContext): SmtpApi {
  const root = readRoot(faults, value);
  const to = readTo(faults, root.to);
  const recipients = to.length > 0 ? to.length : count;
  const sub = readSub(faults, root.sub, recipients);
  const sendAt = readSendAt(faults, root.send_at, '', context.now);
  const sendEachAt = readSendEachAt(faults, root.send_each_at, recipients, context.now);
  if (root.send_at !== undefined && root.send_each_at !== undefined)
    addFault(faults, 'send_each_at', 'The send_at and the send_each_at must not be used together.');
  return {
    to,
    sub,
    ...(sendAt === undefined ? {} : { sendAt }),
    ...(sendEachAt ? { sendEachAt } : {}),
    content: readContent(faults, root, context),
  };
}

/** SendGrid: "The X-SMTPAPI does not support Dynamic Transactional Templates." There is no field for their data. */
const DYNAMIC_TEMPLATE = 'A dynamic template must be sent by mail/send: X-SMTPAPI has legacy templates.';

/** What has to be looked up before a message is read. */
export type NamedInField = { template?: string | undefined; pool?: string | undefined };

/** The template and the pool that the field names, before anything of it is checked; absent: it names none that could be. */
export function namedInField(value: string): NamedInField {
  const text = textOfField(value);
  // Whoever names neither does not have his JSON read twice.
  if (!text.includes('"templates"') && !text.includes('"ip_pool"')) return {};
  const parsed = parseJsonBody(text, 'application/json');
  if (!parsed.ok) return {};
  const { filters } = (parsed.value ?? {}) as { filters?: { templates?: { settings?: unknown } } };
  return { template: templateNamed(filters?.templates?.settings), pool: poolNamed(parsed.value, 'ip_pool') };
}

/** Some mail libraries write any long field in encoded words. */
function textOfField(value: string): Buffer {
  return value.startsWith('=?') ? Buffer.from(decodeWords(value), 'utf8') : Buffer.from(value, 'latin1');
}

function readRoot(faults: Faults, value: string): JsonObject {
  const text = textOfField(value);
  if (text.length === 0) return {};
  const parsed = parseJsonBody(text, 'application/json');
  if (!parsed.ok) {
    const [error] = parsed.errors;
    addFault(faults, '', error?.message === 'Bad Request' ? 'It is not JSON.' : (error?.message ?? 'It is not JSON.'));
    return {};
  }
  return readAnyObject(faults, parsed.value, '') ?? {};
}

function readContent(faults: Faults, root: JsonObject, context: MailSendContext): SmtpApi['content'] {
  const { mailSettings, trackingSettings, templateId } = readFilters(faults, root.filters);
  const groupId = root.asm_group_id;
  const shown = root.asm_groups_to_display;
  const asm =
    groupId === undefined && shown === undefined
      ? undefined
      : readAsm(faults, { group_id: groupId, groups_to_display: shown }, context.groups);
  const ipPoolName = readPoolName(faults, root.ip_pool, context);
  const batchId = readBatchId(faults, root.batch_id);
  const template = readTemplate(faults, templateId, context.templates);
  if (template.kind === 'dynamic' && template.exists)
    addFault(faults, 'filters.templates.settings.template_id', DYNAMIC_TEMPLATE);
  const text = template.known?.active;
  return {
    sections: readTags(faults, toStrings(root.section), 'section') ?? {},
    categories: readCategories(faults, toList(root.category)),
    customArgs: readArgs(faults, root.unique_args),
    ...(asm ? { asm } : {}),
    ...(ipPoolName === undefined ? {} : { ipPoolName }),
    ...(batchId === undefined ? {} : { batchId }),
    ...(template.id === undefined ? {} : { templateId: template.id }),
    ...(text ? { template: nameText(text, false) } : {}),
    ...(mailSettings ? { mailSettings } : {}),
    ...(trackingSettings ? { trackingSettings } : {}),
  };
}

/** `"addr"` or `"Name <addr>"`, one or a list of them. */
function readTo(faults: Faults, value: unknown): Recipient[] {
  const list = readArray(faults, typeof value === 'string' ? [value] : value, 'to') ?? [];
  if (list.length > SMTPAPI_RECIPIENTS) {
    addFault(faults, 'to', `The to is limited to ${SMTPAPI_RECIPIENTS} addresses, you provided ${list.length}.`);
    return [];
  }
  const recipients: Recipient[] = [];
  for (const [i, entry] of list.entries()) {
    if (isFull(faults)) break;
    const one = typeof entry === 'string' ? readRecipient(entry) : undefined;
    if (one) recipients.push(one);
    else addFault(faults, under('to', i), `"${quoted(String(entry))}" is not an address.`);
  }
  return recipients;
}

function readRecipient(text: string): Recipient | undefined {
  if (hasLineBreak(text)) return undefined;
  const { mailboxes } = readMailboxes(text);
  const [address] = mailboxes;
  const mailbox = address && readMailbox(address.email);
  return mailbox && mailboxes.length === 1 ? { address, mailbox } : undefined;
}

/** SendGrid: a value for each recipient. One too few would send a mail with its tag in it; what is beyond is nobody's. */
function readSub(faults: Faults, value: unknown, recipients: number): SmtpApi['sub'] {
  const object = readAnyObject(faults, value, 'sub') ?? {};
  const sub: SmtpApi['sub'] = {};
  for (const [tag, given] of Object.entries(object)) {
    if (isFull(faults)) break;
    const field = under('sub', tag);
    if (tag === '') addFault(faults, field, 'The tags must be at least one character in length.');
    const values = readArray(faults, Array.isArray(given) ? given : toList(given), field) ?? [];
    if (values.length < recipients)
      addFault(
        faults,
        field,
        `There must be a value for each of the ${recipients} recipients, there are ${values.length}.`,
      );
    const texts = values.slice(0, recipients).map(toText);
    const wrong = texts.findIndex((text) => typeof text !== 'string');
    if (wrong >= 0) addFault(faults, under(field, wrong), 'The values of a tag must be strings.');
    else if (tag !== '') defineOwn(sub, tag, texts as string[]);
  }
  checkSubBytes(faults, sub, recipients);
  return sub;
}

function checkSubBytes(faults: Faults, sub: SmtpApi['sub'], recipients: number): void {
  if (isFull(faults) || faults.errors.length > 0) return;
  for (let n = 0; n < recipients; n++) {
    if (jsonBytes(subOf(sub, n)) <= SUBSTITUTION_BYTES) continue;
    addFault(
      faults,
      'sub',
      `The values of one recipient must not be larger than ${SUBSTITUTION_BYTES} bytes, measured as JSON.`,
    );
    return;
  }
}

/** What the tags stand for at the n-th recipient. */
export function subOf(sub: SmtpApi['sub'], n: number): Record<string, string> {
  const values: Record<string, string> = {};
  for (const tag of Object.keys(sub)) defineOwn(values, tag, sub[tag]![n]!);
  return values;
}

/** A time for each recipient ("There must be one timestamp per email"); what is beyond is nobody's. */
function readSendEachAt(
  faults: Faults,
  value: unknown,
  recipients: number,
  now: number,
): (number | undefined)[] | undefined {
  const list = readArray(faults, value, 'send_each_at');
  if (!list) return undefined;
  if (list.length < recipients)
    addFault(
      faults,
      'send_each_at',
      `There must be a time for each of the ${recipients} recipients, there are ${list.length}.`,
    );
  const times: (number | undefined)[] = [];
  for (let n = 0; n < Math.min(list.length, recipients) && !isFull(faults); n++)
    times.push(readSendAt(faults, list[n], under('send_each_at', n), now));
  return times;
}

/** An empty object is what clients write for none. */
function readArgs(faults: Faults, value: unknown): Record<string, string> {
  const args = toStrings(value);
  if (typeof args === 'object' && args !== null && Object.keys(args).length === 0) return {};
  return readCustomArgs(faults, args, 'unique_args') ?? {};
}

/** One value stands for a list of it; an empty text for none. */
function toList(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value)];
  return value === '' || value === null ? undefined : typeof value === 'string' ? [value] : value;
}

/** Numbers and booleans are carried as the text that they are (SendGrid: "flattened as strings"). */
function toText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

function toStrings(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const texts: JsonObject = {};
  for (const [key, one] of Object.entries(value)) defineOwn(texts, key, toText(one));
  return texts;
}

/** A property like any other, `__proto__` too. */
function defineOwn<T>(object: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
