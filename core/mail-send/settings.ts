/**
 * How and when a mail is sent: send_at, batch_id, asm, ip_pool_name, mail_settings, tracking_settings.
 * Settings are checked here and carried as they were given. What is promised by one and not done is refused, except where
 * not doing it harms nobody (docs/limits.md).
 */
import { type Mailbox, readMailbox } from '../address.ts';
import {
  addFault,
  type Faults,
  isFull,
  type JsonObject,
  quoted,
  readArray,
  readBoolean,
  readInteger,
  readObject,
  readString,
  under,
} from './faults.ts';
import type { Footer } from './footer.ts';
import {
  BATCH_ID_CHARACTERS,
  GROUPS_TO_DISPLAY,
  POOL_NAME_CHARACTERS,
  SEND_AT_HOURS,
  SPAM_THRESHOLD,
} from './limits.ts';

type Reader = (faults: Faults, value: unknown, field: string) => unknown;
type Shape = Record<string, Record<string, Reader>>;

const SWITCH = { enable: readBoolean };
const MAIL_SETTINGS: Shape = {
  bypass_list_management: SWITCH,
  bypass_spam_management: SWITCH,
  bypass_bounce_management: SWITCH,
  bypass_unsubscribe_management: SWITCH,
  footer: { enable: readBoolean, text: readString, html: readString },
  sandbox_mode: SWITCH,
  /** Ours: whether a name that a template prints must be in the data, whatever the template says. */
  strict_variables: SWITCH,
  bcc: { enable: readBoolean, email: readString },
  spam_check: { enable: readBoolean, threshold: readInteger, post_to_url: readString },
};
const TRACKING_SETTINGS: Shape = {
  click_tracking: { enable: readBoolean, enable_text: readBoolean },
  open_tracking: { enable: readBoolean, substitution_tag: readString },
  subscription_tracking: { enable: readBoolean, text: readString, html: readString, substitution_tag: readString },
  ganalytics: {
    enable: readBoolean,
    utm_source: readString,
    utm_medium: readString,
    utm_term: readString,
    utm_content: readString,
    utm_campaign: readString,
    utm_name: readString,
  },
};
/** What sendgrid-go once had among the tracking settings. Like SendGrid, nobody reads it there, so it is not carried. */
const NEVER_TRACKING = ['bcc', 'footer', 'bypass_list_management', 'sandbox_mode'];
const OTHER_BYPASSES = ['bypass_spam_management', 'bypass_bounce_management', 'bypass_unsubscribe_management'];
const BATCH_ID = /^[\x21-\x7e]+$/;

/**
 * `send_at` of the root (`field` empty) or of a personalization.
 * @param now milliseconds since the epoch
 * @param hours ahead that it may lie
 * @returns unix seconds; undefined for now, which is also what the past means
 */
export function readSendAt(
  faults: Faults,
  value: unknown,
  field: string,
  now: number,
  hours = SEND_AT_HOURS,
): number | undefined {
  const path = under(field, 'send_at');
  const seconds = readInteger(faults, value, path);
  if (seconds === undefined || seconds * 1000 <= now) return undefined;
  if (seconds * 1000 <= now + hours * 3_600_000) return seconds;
  addFault(faults, path, `Scheduling more than ${hours} hours in advance is forbidden.`);
  return undefined;
}

/** The batch that a request names, before anything of it is checked. */
export function batchNamed(body: unknown): string | undefined {
  const { batch_id: id } = (body ?? {}) as { batch_id?: unknown };
  return typeof id === 'string' && isBatchId(id) ? id : undefined;
}

const isBatchId = (id: string) => BATCH_ID.test(id) && id.length <= BATCH_ID_CHARACTERS;

/** @param batches those that exist; undefined: it is not known which */
export function readBatchId(faults: Faults, value: unknown, batches?: ReadonlySet<string>): string | undefined {
  const id = readString(faults, value, 'batch_id');
  if (id === undefined) return id;
  if (isBatchId(id)) {
    if (batches && !batches.has(id))
      addFault(faults, 'batch_id', 'invalid batch id: it must be one that POST /v3/mail/batch gave you.');
    return id;
  }
  const message = `The batch_id must be 1 to ${BATCH_ID_CHARACTERS} printable ASCII characters without spaces: the batch_id that POST /v3/mail/batch gave you.`;
  addFault(faults, 'batch_id', message);
  return undefined;
}

/** The pool that a request names, before anything of it is checked: `ip_pool_name`, or `ip_pool` of X-SMTPAPI. Undefined: none that could be one. */
export function poolNamed(body: unknown, field: 'ip_pool_name' | 'ip_pool' = 'ip_pool_name'): string | undefined {
  const name = (body as { [field]?: unknown } | null | undefined)?.[field];
  const { least, most } = POOL_NAME_CHARACTERS;
  return typeof name === 'string' && name.length >= least && name.length <= most ? name : undefined;
}

/** @param context the names of pools that take mail, and of those that have no address which does */
export function readPoolName(
  faults: Faults,
  value: unknown,
  { pools, emptyPools }: { pools: ReadonlySet<string>; emptyPools?: ReadonlySet<string> },
): string | undefined {
  const name = readString(faults, value, 'ip_pool_name');
  if (name === undefined) return undefined;
  const { least, most } = POOL_NAME_CHARACTERS;
  if (name.length < least || name.length > most)
    addFault(faults, 'ip_pool_name', `The ip_pool_name must be ${least} to ${most} characters in length.`);
  else if (emptyPools?.has(name))
    addFault(faults, 'ip_pool_name', `The IP pool "${name}" has no IP address that takes mail: add one to it first.`);
  else if (!pools.has(name))
    addFault(
      faults,
      'ip_pool_name',
      `The ip_pool_name must be the name of an IP pool of your account, you provided "${name}".`,
    );
  else return name;
  return undefined;
}

/** The ids of unsubscribe groups that a request names, before anything of it is checked. */
export function groupsNamed(body: unknown): number[] {
  const { asm } = (body ?? {}) as { asm?: unknown };
  const { group_id: id, groups_to_display: shown } = (asm ?? {}) as { group_id?: unknown; groups_to_display?: unknown };
  return [id, ...(Array.isArray(shown) ? shown : [])].filter((one): one is number => Number.isInteger(one));
}

/** @param groups the ids of the unsubscribe groups that exist */
export function readAsm(
  faults: Faults,
  value: unknown,
  groups: ReadonlySet<number> | undefined,
): { groupId: number; groupsToDisplay: number[] } | undefined {
  const asm = readObject(faults, value, 'asm', ['group_id', 'groups_to_display']);
  if (!asm) return undefined;
  const groupId = readGroup(faults, asm.group_id, 'asm.group_id', groups);
  if (asm.group_id === undefined)
    addFault(faults, 'asm.group_id', 'The asm.group_id is required and must be an integer.');
  const list = readArray(faults, asm.groups_to_display, 'asm.groups_to_display') ?? [];
  if (list.length > GROUPS_TO_DISPLAY) {
    const message = `The asm.groups_to_display are limited to ${GROUPS_TO_DISPLAY} groups, you provided ${list.length}.`;
    addFault(faults, 'asm.groups_to_display', message);
    return undefined;
  }
  const shown = list.map((one, i) => readGroup(faults, one, under('asm.groups_to_display', i), groups));
  const groupsToDisplay = shown.filter((one) => one !== undefined);
  return groupId === undefined ? undefined : { groupId, groupsToDisplay };
}

export function readMailSettings(faults: Faults, value: unknown): JsonObject | undefined {
  const settings = readSettings(faults, value, 'mail_settings', MAIL_SETTINGS);
  if (!settings) return undefined;
  const others = OTHER_BYPASSES.filter((name) => isEnabled(settings, name));
  if (isEnabled(settings, 'bypass_list_management') && others.length > 0)
    addFault(
      faults,
      'mail_settings.bypass_list_management',
      `The bypass_list_management setting must not be combined with ${others.join(', ')}.`,
    );
  if (isEnabled(settings, 'spam_check'))
    addFault(
      faults,
      'mail_settings.spam_check.enable',
      'The spam_check mail setting is not available and must not be enabled: the mail would go out unchecked.',
    );
  checkBcc(faults, settings);
  checkSpamCheck(faults, settings);
  return settings;
}

export function readTrackingSettings(faults: Faults, value: unknown): JsonObject | undefined {
  const settings = readSettings(faults, value, 'tracking_settings', TRACKING_SETTINGS, NEVER_TRACKING);
  if (!settings) return undefined;
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !NEVER_TRACKING.includes(name)));
}

/** `mail_settings.bcc.email` where the setting is enabled. */
export function readArchive(settings: JsonObject | undefined): Mailbox | undefined {
  const { enable, email } = settingOf(settings, 'bcc') ?? {};
  return enable === true && typeof email === 'string' ? readMailbox(email) : undefined;
}

/** `mail_settings.footer` where the setting is enabled. */
export function readFooter(settings: JsonObject | undefined): Footer | undefined {
  const { enable, text, html } = settingOf(settings, 'footer') ?? {};
  if (enable !== true) return undefined;
  return { ...(typeof text === 'string' ? { text } : {}), ...(typeof html === 'string' ? { html } : {}) };
}

export function isEnabled(settings: JsonObject | undefined, name: string): boolean {
  return settingOf(settings, name)?.enable === true;
}

/** What a setting's `enable` says; undefined: nothing. */
export function switchOf(settings: JsonObject | undefined, name: string): boolean | undefined {
  const enable = settingOf(settings, name)?.enable;
  return typeof enable === 'boolean' ? enable : undefined;
}

function settingOf(settings: JsonObject | undefined, name: string): JsonObject | undefined {
  const setting = settings?.[name];
  return typeof setting === 'object' && setting !== null ? (setting as JsonObject) : undefined;
}

function readGroup(
  faults: Faults,
  value: unknown,
  field: string,
  groups: ReadonlySet<number> | undefined,
): number | undefined {
  const id = readInteger(faults, value, field);
  if (id === undefined || groups?.has(id)) return id;
  addFault(faults, field, `The group must be an unsubscribe group of your account: there is none with the id ${id}.`);
  return undefined;
}

function readSettings(
  faults: Faults,
  value: unknown,
  field: string,
  shape: Shape,
  ignored: string[] = [],
): JsonObject | undefined {
  const settings = readObject(faults, value, field, [...Object.keys(shape), ...ignored]);
  if (!settings) return undefined;
  for (const [name, properties] of Object.entries(shape)) {
    if (isFull(faults)) break;
    const path = under(field, name);
    const setting = readObject(faults, settings[name], path, Object.keys(properties));
    if (!setting) continue;
    for (const [property, read] of Object.entries(properties)) read(faults, setting[property], under(path, property));
  }
  return settings;
}

/** Legacy: a Bcc of its own for every mail. */
function checkBcc(faults: Faults, settings: JsonObject): void {
  const bcc = settingOf(settings, 'bcc');
  if (!bcc) return;
  const { enable, email } = bcc;
  if (enable === true && email === undefined)
    addFault(
      faults,
      'mail_settings.bcc.email',
      'The email is required when the bcc mail setting is enabled.',
      'mail_settings.bcc.email',
    );
  if (typeof email === 'string' && (enable === true || email !== '') && !readMailbox(email))
    addFault(
      faults,
      'mail_settings.bcc.email',
      'The bcc email does not contain a valid address.',
      'mail_settings.bcc.email',
    );
}

/** Legacy: SendGrid's own spam check before sending. It can only be off; what else it says is checked all the same. */
function checkSpamCheck(faults: Faults, settings: JsonObject): void {
  const check = settingOf(settings, 'spam_check');
  if (!check) return;
  const { threshold, post_to_url: url } = check;
  const field = 'mail_settings.spam_check';
  const { least, most } = SPAM_THRESHOLD;
  if (Number.isInteger(threshold) && ((threshold as number) < least || (threshold as number) > most))
    addFault(faults, `${field}.threshold`, `The spam_check threshold must be from ${least} to ${most}.`);
  if (typeof url === 'string' && url !== '' && !/^https?:\/\//.test(url))
    addFault(
      faults,
      `${field}.post_to_url`,
      `The post_to_url must start with http:// or https://, you provided "${quoted(url)}".`,
    );
}
