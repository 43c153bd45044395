/**
 * accept: `POST /v3/mail/send`. It promises that a 202 means everything needed to deliver is durable, and that any other
 * answer means nothing of the request will be sent, but for the one 503 that says that nobody knows (`uncertain`). It refuses,
 * with SendGrid's status, message and field, whatever it could not deliver as asked.
 */
import { createHash } from 'node:crypto';
import { type ApiKey, readAuthorization, secretMatches } from '../core/api-key.ts';
import { type ApiError, type ApiFailure, addressNotAllowed, apiErrors, errorBody } from '../core/errors.ts';
import { makeRequestId } from '../core/ids.ts';
import {
  batchNamed,
  groupsNamed,
  parseJsonBody,
  poolNamed,
  templateNamed,
  validateMailSend,
} from '../core/mail-send/index.ts';
import { bucketOfOne } from '../core/records/message-key.ts';
import type { Received } from '../core/records/messages.ts';
import type { UsableKey } from '../core/records/subusers.ts';
import { type AccessDeps, mayComeFrom } from './access.ts';
import { readBody } from './body.ts';
import { readNamedPool } from './pools.ts';
import { type Idempotency, look, type RequestDeps, readNamedTemplate, takeRequest } from './request.ts';

/** An HTTP request, header names in lower case, the body as it came. */
export type HttpRequest = {
  method: string;
  path: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
  /** Who sends it, as the connection has it, where that is known: what headers say of it is anybody's. */
  ip?: string;
};
export type HttpResponse = { status: number; headers: Record<string, string>; body: string };

export type AdmitDeps = AccessDeps & { readKey: (key: ApiKey) => Promise<UsableKey | undefined> };

export type AcceptDeps = RequestDeps &
  AdmitDeps & {
    /** Milliseconds since the epoch. */
    now: () => number;
    randomBytes: (count: number) => Uint8Array;
    /** Bytes that a body may have, unpacked. */
    requestBytes: number;
    /** Where a body of up to 30 MB is taken (the relay's address), if there is such a place and this is not it. */
    bigDoorUrl?: string;
  };

const PATH = '/v3/mail/send';
const METHODS = { Allow: 'POST, OPTIONS' };

export async function accept(http: HttpRequest, deps: AcceptDeps): Promise<HttpResponse> {
  const admitted = await admit(http, deps);
  if (!admitted.ok) return admitted.answer;
  const { key, lanes: assigned, parent, credits, monitor } = admitted;

  const body = await readBody(http, deps);
  if (!body.ok) return refuse(body.error);
  const parsed = parseJsonBody(body.bytes, http.headers['content-type']);
  if (!parsed.ok) return answerErrors(parsed.status, parsed.errors);
  const pool = await look(() =>
    readNamedPool(poolNamed(parsed.value), { account: key.account, parent, lanes: assigned }, deps),
  );
  if (!pool.ok) return refuse(pool.error);
  const named = groupsNamed(parsed.value);
  const groups = await look(async () =>
    named.length === 0 ? new Set<number>() : deps.readGroupIds(key.account, named),
  );
  if (!groups.ok) return refuse(groups.error);
  const templates = await look(() => readNamedTemplate(key.account, templateNamed(parsed.value), deps));
  if (!templates.ok) return refuse(templates.error);
  const batch = batchNamed(parsed.value);
  const batches = await look(async () => new Set(batch && (await deps.readBatch(key.account, batch)) ? [batch] : []));
  if (!batches.ok) return refuse(batches.error);
  const { context: pools, lanes, poolId } = pool.found;
  const context = { ...pools, batches: batches.found, groups: groups.found, templates: templates.found };
  const validAt = (time: number) => validateMailSend(parsed.value, { ...context, now: time });
  const now = deps.now();
  const valid = validAt(now);
  if (!valid.ok) return answerErrors(400, valid.errors);

  const addresses = valid.request.copies.map(({ address }) => address);
  const requestId = makeRequestId(now, deps.randomBytes(10), bucketOfOne(key.account, addresses));
  const received = receivedOf(http, body.bytes.length);
  const submission = {
    account: key.account,
    keyId: key.id,
    requestId,
    request: valid.request,
    lanes,
    poolId,
    parent,
    credits,
    monitor,
    received,
  };
  const idempotencyKey = http.headers['idempotency-key'];
  const idempotency: Idempotency | undefined =
    idempotencyKey === undefined
      ? undefined
      : {
          key: idempotencyKey,
          fingerprint: () => createHash('sha256').update(body.bytes).digest('hex'),
          readAt: (time) => {
            const first = validAt(time);
            return first.ok ? first.request : undefined;
          },
        };
  const taken = await takeRequest(submission, idempotency, deps);
  if (!taken.ok) return refuse(taken.error);
  if ('checked' in taken) return { status: 200, headers: {}, body: '' };
  return { status: 202, headers: { 'X-Message-Id': taken.requestId }, body: '' };
}

/** Characters of a `User-Agent` that are kept. */
const AGENT_KEPT = 100;

function receivedOf({ headers, ip }: HttpRequest, bytes: number): Received {
  const agent = headers['user-agent']?.slice(0, AGENT_KEPT);
  return { protocol: 'HTTP', bytes, ...(ip === undefined ? {} : { ip }), ...(agent ? { agent } : {}) };
}

/** Whose key it is, and what the account's parent says of its mail. */
type Admitted = {
  ok: true;
  key: ApiKey;
  lanes: UsableKey['lanes'] | undefined;
  parent: UsableKey['parent'] | undefined;
  credits: UsableKey['credits'] | undefined;
  monitor: UsableKey['monitor'];
};

/** What can be said of a request before its body: a door for large ones asks first. */
export async function admit(
  http: Pick<HttpRequest, 'method' | 'path' | 'headers' | 'ip'>,
  deps: AdmitDeps,
): Promise<Admitted | { ok: false; answer: HttpResponse }> {
  const no = (failure: ApiFailure, headers = {}) => ({ ok: false as const, answer: refuse(failure, headers) });
  if (http.path !== PATH) return no(apiErrors.notFound);
  // A browser that asks first is told what there is, and lets no page in: no origin is named.
  if (http.method === 'OPTIONS') return { ok: false, answer: { status: 204, headers: METHODS, body: '' } };
  if (http.method !== 'POST') return no(apiErrors.methodNotAllowed, METHODS);
  const key = readAuthorization(http.headers.authorization);
  const known = await look(async () => key && deps.readKey(key));
  if (!known.ok) return no(known.error);
  const record = known.found;
  if (!key || !secretMatches(key.secret, record?.secretHash)) return no(apiErrors.unauthorized);
  if (!(await mayComeFrom(record!, key.account, http.ip, 'API', deps))) return no(addressNotAllowed(http.ip));
  if (!record!.scopes.includes('mail.send')) return no(apiErrors.forbidden);
  const { lanes, parent, credits, monitor } = record!;
  return { ok: true, key, lanes, parent, credits, monitor };
}

/** A failure in SendGrid's shape. */
export function refuse(failure: ApiFailure, headers: Record<string, string> = {}): HttpResponse {
  return answerErrors(failure.status, [failure], headers);
}

function answerErrors(status: number, errors: ApiError[], headers: Record<string, string> = {}): HttpResponse {
  return {
    status,
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(errorBody(errors)),
  };
}
