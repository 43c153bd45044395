/**
 * `/v3/user/webhooks/event`: settings of event webhooks, in the shapes of SendGrid's OpenAPI document. Every official client calls the two
 * forms without an id, which mean the oldest. Beyond it: the delivery log, and a replay of a range of time.
 */
import type { ApiError } from '../../core/errors.ts';
import { readParseUrl } from '../../core/parse/url.ts';
import type { CursorRecord } from '../../core/webhook/cursor.ts';
import type { NotifyMessage, OAuth } from '../../core/webhook/message.ts';
import {
  MOST_WEBHOOKS,
  readOAuth,
  readWebhookSetting,
  showNoWebhook,
  showWebhook,
  type WebhookRecord,
  type WebhookSetting,
  webhookKey,
} from '../../core/webhook/setting.ts';
import { makeSigningKey } from '../../core/webhook/signature.ts';
import type { Answer, Call } from './manage.ts';

export type WebhookRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomId: () => string;
  randomBytes: (count: number) => Buffer;
  /** URLs may name any port: only where private hosts are let through. */
  anyPort: boolean;
  listWebhooks: (account: string) => Promise<WebhookRecord[]>;
  readWebhook: (account: string, id: string) => Promise<WebhookRecord | undefined>;
  createWebhook: (record: WebhookRecord) => Promise<boolean>;
  /** False: it is gone, or another change came between. */
  changeWebhook: (record: WebhookRecord, before: WebhookRecord) => Promise<boolean>;
  removeWebhook: (account: string, id: string) => Promise<boolean>;
  sealSecret: (account: string, webhook: string, secret: Buffer) => Promise<string>;
  readCursor: (account: string, webhook: string) => Promise<CursorRecord | undefined>;
  sendNotify: (message: NotifyMessage) => Promise<boolean>;
};

const NOT_FOUND: Answer = { status: 404, errors: [{ message: 'Invalid id provided.', field: null, help: null }] };
const BUSY: Answer = {
  status: 503,
  errors: [{ message: 'Somebody else changed it at the same moment. Try again.', field: null, help: null }],
};
/** Seconds of a range that is told again: what pages are kept for at most, and more. */
const MOST_RANGE = 400 * 86_400;
/** Octets of the key of an HMAC. */
const HMAC_BYTES = 32;

/** The webhook that a call is about: the path's, or the oldest. */
async function find({ account, params }: Call, deps: WebhookRouteDeps): Promise<WebhookRecord | undefined> {
  return params.id === undefined ? (await deps.listWebhooks(account))[0] : deps.readWebhook(account, params.id);
}

export async function listWebhooks({ account }: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const webhooks = await deps.listWebhooks(account);
  return { status: 200, body: { max_allowed: MOST_WEBHOOKS, webhooks: webhooks.map(showWebhook) } };
}

export async function getWebhook(call: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const webhook = await find(call, deps);
  if (webhook) return { status: 200, body: showWebhook(webhook) };
  return call.params.id === undefined ? { status: 200, body: showNoWebhook() } : NOT_FOUND;
}

export async function createWebhook({ account, body }: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const read = readWebhookSetting(body, { anyPort: deps.anyPort });
  if (!read.ok) return { status: 400, errors: read.errors };
  const { setting, secret } = read;
  const others = await deps.listWebhooks(account);
  const taken = others.find(({ url }) => url === setting.url);
  if (taken) return refuse('url', `a webhook with this url exists already: ${taken.id}`);
  if (others.length >= MOST_WEBHOOKS) return refuse(null, `an account may have ${MOST_WEBHOOKS} event webhooks`);
  const id = deps.randomId();
  const now = deps.now();
  const record: WebhookRecord = {
    ...webhookKey(account, id),
    ...(await sealed(account, id, setting, secret, deps)),
    id,
    createdAt: now,
    updatedAt: now,
    since: now,
  };
  if (!(await deps.createWebhook(record))) return BUSY;
  return { status: 201, body: showWebhook(record) };
}

export async function changeWebhook(call: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const { account, body, params } = call;
  const before = await find(call, deps);
  // The form without an id makes the first one (SendGrid's legacy webhook was always there).
  if (!before) return params.id === undefined ? created(await createWebhook(call, deps)) : NOT_FOUND;
  const read = readWebhookSetting(body, { before, anyPort: deps.anyPort });
  if (!read.ok) return { status: 400, errors: read.errors };
  const { setting, secret } = read;
  const taken = (await deps.listWebhooks(account)).find(({ url, id }) => url === setting.url && id !== before.id);
  if (taken) return refuse('url', `a webhook with this url exists already: ${taken.id}`);
  const now = deps.now();
  const { oauth: _, ...kept } = before;
  const record: WebhookRecord = {
    ...kept,
    ...(await sealed(account, before.id, setting, secret, deps)),
    updatedAt: Math.max(now, before.updatedAt + 1),
    // What happened while it was off is not told.
    since: setting.enabled && !before.enabled ? now : before.since,
  };
  if (!(await deps.changeWebhook(record, before))) return BUSY;
  return { status: 200, body: showWebhook(record) };
}

const created = (answer: Answer): Answer => (answer.status === 201 ? { ...answer, status: 200 } : answer);

async function sealed(
  account: string,
  id: string,
  setting: WebhookSetting,
  secret: string | undefined,
  { sealSecret }: WebhookRouteDeps,
): Promise<WebhookSetting> {
  if (!setting.oauth || secret === undefined) return setting;
  return { ...setting, oauth: { ...setting.oauth, secret: await sealSecret(account, id, Buffer.from(secret)) } };
}

export async function deleteWebhook({ account, params }: Call, deps: WebhookRouteDeps): Promise<Answer> {
  return (await deps.removeWebhook(account, params.id!)) ? { status: 204 } : NOT_FOUND;
}

export async function getSigned(call: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const webhook = await find(call, deps);
  if (!webhook) return NOT_FOUND;
  return { status: 200, body: { id: webhook.id, public_key: webhook.signing?.publicKey ?? '' } };
}

/** Turned on again, it has another key: whoever turned it off no longer trusts the old one. The HMAC's key is shown this once. */
export async function changeSigned(call: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const { account, body } = call;
  const enabled = (body as { enabled?: unknown } | null | undefined)?.enabled;
  if (typeof enabled !== 'boolean') return refuse('enabled', 'enabled must be true or false');
  const before = await find(call, deps);
  if (!before) return NOT_FOUND;
  const { id } = before;
  if (enabled === (before.signing !== undefined))
    return { status: 200, body: { id, public_key: before.signing?.publicKey ?? '' } };
  const { signing: _, ...unsigned } = before;
  const updatedAt = Math.max(deps.now(), before.updatedAt + 1);
  if (!enabled) {
    if (!(await deps.changeWebhook({ ...unsigned, updatedAt }, before))) return BUSY;
    return { status: 200, body: { id, public_key: '' } };
  }
  const { publicKey, privateKey } = makeSigningKey();
  const secret = deps.randomBytes(HMAC_BYTES).toString('base64url');
  const [sealedKey, hmacKey] = await Promise.all([
    deps.sealSecret(account, id, privateKey),
    deps.sealSecret(account, id, Buffer.from(secret)),
  ]);
  const signing = { publicKey, privateKey: sealedKey, hmacKey };
  if (!(await deps.changeWebhook({ ...unsigned, signing, updatedAt }, before))) return BUSY;
  return { status: 200, body: { id, public_key: publicKey, hmac_secret: secret } };
}

/** Characters that the id of a webhook may have: longer ones are nobody's. */
const ID = 100;

/** Made-up events for a URL. The answer comes before they are sent; what became of them is in the log of `id`. */
export async function testWebhook({ account, body }: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const id = typeof given.id === 'string' && given.id !== '' ? given.id : undefined;
  const webhook = id === undefined || id.length > ID ? undefined : await deps.readWebhook(account, id);
  if (id !== undefined && !webhook) return NOT_FOUND;
  const url = typeof given.url === 'string' && given.url !== '' ? given.url : webhook?.url;
  if (url === undefined) return refuse('url', 'url is required');
  const readUrl = readParseUrl(url, deps.anyPort);
  if (!readUrl.ok) return refuse('url', `url ${readUrl.message}`);
  const errors: ApiError[] = [];
  const { oauth, secret } = readOAuth(given, webhook?.oauth, deps.anyPort, errors);
  if (errors.length > 0) return { status: 400, errors };
  // Its secret is sealed for the webhook it goes with, or for none.
  const sealedOAuth: OAuth | undefined =
    oauth && secret !== undefined
      ? { ...oauth, secret: await deps.sealSecret(account, id ?? 'trial', Buffer.from(secret)) }
      : oauth;
  const trial: NotifyMessage = {
    v: 1,
    account,
    kind: 'trial',
    url,
    ...(id === undefined ? {} : { webhook: id }),
    ...(sealedOAuth ? { oauth: sealedOAuth } : {}),
  };
  return (await deps.sendNotify(trial)) ? { status: 204 } : BUSY;
}

/** Tells a range of time again: `start_time` and `end_time` are unix seconds. */
export async function replayWebhook(call: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const { account, body } = call;
  const webhook = await find(call, deps);
  if (!webhook) return NOT_FOUND;
  if (!webhook.enabled) return refuse(null, 'the webhook is not enabled');
  const now = Math.floor(deps.now() / 1_000);
  const { start_time: from, end_time: to = now } = (body ?? {}) as { start_time?: unknown; end_time?: unknown };
  const isTime = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) > 0 && Number(value) < 1e11;
  if (!isTime(from)) return refuse('start_time', 'start_time must be unix seconds');
  if (!isTime(to) || to < from) return refuse('end_time', 'end_time must be unix seconds, not before start_time');
  if (to - from > MOST_RANGE)
    return refuse('end_time', `the range must not be longer than ${MOST_RANGE / 86_400} days`);
  const id = deps.randomId();
  const replay: NotifyMessage = { v: 1, account, kind: 'replay', webhook: webhook.id, id, from, to, attempt: 0 };
  if (!(await deps.sendNotify(replay))) return BUSY;
  return { status: 202, body: { id, webhook_id: webhook.id, start_time: from, end_time: to } };
}

/** The last attempts, the newest first, and what waits for the next. */
export async function getLog(call: Call, deps: WebhookRouteDeps): Promise<Answer> {
  const webhook = await find(call, deps);
  if (!webhook) return NOT_FOUND;
  const { log = [], failed = 0, failingSince, nextAt } = (await deps.readCursor(call.account, webhook.id)) ?? {};
  const time = (at: number) => new Date(at).toISOString();
  return {
    status: 200,
    body: {
      id: webhook.id,
      failed_attempts: failed,
      ...(failingSince === undefined ? {} : { failing_since: time(failingSince) }),
      ...(nextAt === undefined ? {} : { next_attempt: time(nextAt) }),
      attempts: [...log].reverse().map(({ at, status, error, ms, events, bytes, of }) => ({
        at: time(at),
        ...(status === undefined ? {} : { status }),
        ...(error === undefined ? {} : { error }),
        latency_ms: ms,
        events,
        bytes,
        ...(of === undefined ? {} : { kind: of }),
      })),
    },
  };
}

function refuse(field: string | null, message: string): Answer {
  return { status: 400, errors: [{ message, field, help: null }] };
}
