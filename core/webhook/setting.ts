/**
 * Settings of an event webhook, as they are kept and as the API reads and writes them (SendGrid: `user/webhooks/event/settings`). It
 * refuses, naming the field, what could not work: a URL that cannot be posted to, half of a client's credentials, a switch that is
 * none. Secrets are ciphertext here, and are never shown.
 */
import type { ApiError } from '../errors.ts';
import { readParseUrl } from '../parse/url.ts';
import type { OAuth } from './message.ts';
import type { ToldType } from './outbox.ts';

/** The switches of SendGrid's settings object, and the event that each is for. */
export const SWITCHES: Readonly<Record<string, ToldType>> = {
  group_resubscribe: 'group_resubscribe',
  delivered: 'delivered',
  group_unsubscribe: 'group_unsubscribe',
  spam_report: 'spamreport',
  bounce: 'bounce',
  deferred: 'deferred',
  unsubscribe: 'unsubscribe',
  processed: 'processed',
  open: 'open',
  click: 'click',
  dropped: 'dropped',
  account_status_change: 'account_status_change',
};

export type WebhookSetting = {
  enabled: boolean;
  url: string;
  friendlyName: string;
  /** The switches that are on. */
  switches: string[];
  oauth?: OAuth;
};

export type WebhookRecord = WebhookSetting & {
  /** The account. */
  pk: string;
  /** `webhook#id`. */
  sk: string;
  id: string;
  /** Milliseconds since the epoch; what happened before `since` is not told. */
  createdAt: number;
  updatedAt: number;
  since: number;
  /** Present: what it is sent is signed. Private keys are base64 of KMS ciphertexts. */
  signing?: { publicKey: string; privateKey: string; hmacKey: string };
};

/** Webhooks that an account may have. */
export const MOST_WEBHOOKS = 20;
const NAME_CHARACTERS = 255;

export const webhookKey = (account: string, id: string) => ({ pk: account, sk: `webhook#${id}` });

/** What a body asks for. `secret` is in clear: whoever keeps it encrypts it first. */
export type ReadSetting = { ok: true; setting: WebhookSetting; secret?: string } | { ok: false; errors: ApiError[] };

/** @param before what is changed; absent: a new one is made */
export function readWebhookSetting(
  body: unknown,
  { before, anyPort = false }: { before?: WebhookSetting | undefined; anyPort?: boolean } = {},
): ReadSetting {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { ok: false, errors: [fault(null, 'the body must be a JSON object')] };
  const given = body as Record<string, unknown>;
  const errors: ApiError[] = [];
  const flag = (name: string, was: boolean): boolean => {
    const value = given[name];
    if (value !== undefined && typeof value !== 'boolean') errors.push(fault(name, `${name} must be true or false`));
    return typeof value === 'boolean' ? value : was;
  };
  const enabled = flag('enabled', before?.enabled ?? false);
  const url = readUrl('url', given.url, before?.url, anyPort, errors);
  const switches = Object.keys(SWITCHES).filter((name) => flag(name, before?.switches.includes(name) ?? false));
  const friendlyName = readName(given.friendly_name, before?.friendlyName ?? '', errors);
  const { oauth, secret } = readOAuth(given, before?.oauth, anyPort, errors);
  if (errors.length > 0 || url === undefined) return { ok: false, errors };
  const setting = { enabled, url, friendlyName, switches, ...(oauth === undefined ? {} : { oauth }) };
  return { ok: true, setting, ...(secret === undefined ? {} : { secret }) };
}

function readUrl(
  field: string,
  given: unknown,
  before: string | undefined,
  anyPort: boolean,
  errors: ApiError[],
): string | undefined {
  if (given === undefined && before !== undefined) return before;
  if (typeof given !== 'string' || given === '') return void errors.push(fault(field, `${field} is required`));
  const read = readParseUrl(given, anyPort);
  if (!read.ok) return void errors.push(fault(field, `${field} ${read.message}`));
  return given;
}

function readName(given: unknown, before: string, errors: ApiError[]): string {
  if (given === undefined) return before;
  if (given === null) return '';
  if (typeof given === 'string' && given.length <= NAME_CHARACTERS) return given;
  errors.push(fault('friendly_name', `friendly_name must be text of at most ${NAME_CHARACTERS} characters`));
  return before;
}

/** Null or '' takes them away. The secret may stay as it is while the id or the URL changes. */
export function readOAuth(
  given: Record<string, unknown>,
  before: OAuth | undefined,
  anyPort: boolean,
  errors: ApiError[],
): { oauth?: OAuth; secret?: string } {
  const text = (name: string): string | null | undefined => {
    const value = given[name];
    if (value === undefined) return undefined;
    if (value === null || value === '') return null;
    if (typeof value === 'string' && value.length <= 2_048) return value;
    errors.push(fault(name, `${name} must be text`));
    return undefined;
  };
  const [id, token, secret] = [text('oauth_client_id'), text('oauth_token_url'), text('oauth_client_secret')];
  if (id === null || token === null) return {};
  const clientId = id ?? before?.clientId;
  const tokenUrl = token ?? before?.tokenUrl;
  if (clientId === undefined && tokenUrl === undefined) {
    if (secret)
      errors.push(fault('oauth_client_secret', 'oauth_client_secret needs oauth_client_id and oauth_token_url'));
    return {};
  }
  if (clientId === undefined) errors.push(fault('oauth_client_id', 'oauth_client_id is required with oauth_token_url'));
  if (tokenUrl === undefined) errors.push(fault('oauth_token_url', 'oauth_token_url is required with oauth_client_id'));
  if (clientId === undefined || tokenUrl === undefined) return {};
  if (token !== undefined) readUrl('oauth_token_url', token, undefined, anyPort, errors);
  const kept = before?.secret === undefined ? {} : { secret: before.secret };
  return { oauth: { clientId, tokenUrl, ...kept }, ...(secret ? { secret } : {}) };
}

/** What the API shows. @param secrets what a signed webhook's owner is told once */
export function showWebhook(webhook: WebhookRecord) {
  const { id, enabled, url, friendlyName, switches, oauth, signing, createdAt, updatedAt } = webhook;
  return {
    id,
    enabled,
    url,
    ...Object.fromEntries(Object.keys(SWITCHES).map((name) => [name, switches.includes(name)])),
    friendly_name: friendlyName,
    ...(oauth === undefined ? {} : { oauth_client_id: oauth.clientId, oauth_token_url: oauth.tokenUrl }),
    ...(signing === undefined ? {} : { public_key: signing.publicKey }),
    created_date: date(createdAt),
    updated_date: date(updatedAt),
  };
}

/** What the form without an id shows where there is none yet. */
export function showNoWebhook() {
  return {
    enabled: false,
    url: '',
    ...Object.fromEntries(Object.keys(SWITCHES).map((name) => [name, false])),
    friendly_name: '',
  };
}

/** SendGrid gives them without milliseconds. */
const date = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** The events that a webhook is told. */
export function toldEvents({ switches }: Pick<WebhookSetting, 'switches'>): Set<ToldType> {
  return new Set(switches.flatMap((name) => SWITCHES[name] ?? []));
}

function fault(field: string | null, message: string): ApiError {
  return { message, field, help: null };
}
