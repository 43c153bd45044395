/**
 * accept: `POST /v3/mail/send`. It promises that a 202 means everything needed to deliver is durable, and that any other
 * answer means nothing of the request will be sent. It refuses, with SendGrid's status, message and field, whatever it
 * could not deliver as asked.
 */
import { type ApiKey, readAuthorization, secretMatches } from '../../core/api-key.ts';
import { domainOf } from '../../core/domain.ts';
import { type ApiError, type ApiFailure, apiErrors, errorBody } from '../../core/errors.ts';
import { makeRequestId, requestIdTime } from '../../core/ids.ts';
import type { MailRequest } from '../../core/mail.ts';
import { groupsNamed, parseJsonBody, validateMailSend } from '../../core/mail-send/index.ts';
import type { DomainRecord, KeyRecord } from '../../core/records.ts';
import { isThrottle } from '../../io/queue.ts';
import { readBody } from './body.ts';
import { type CommitDeps, commit } from './commit.ts';
import { type IdempotencyDeps, once } from './idempotency.ts';

/** An HTTP request, header names in lower case, the body as it came. */
export type HttpRequest = { method: string; path: string; headers: Record<string, string | undefined>; body: Buffer };
export type HttpResponse = { status: number; headers: Record<string, string>; body: string };

export type AcceptDeps = CommitDeps &
  IdempotencyDeps & {
    /** Milliseconds since the epoch. */
    now: () => number;
    randomBytes: (count: number) => Uint8Array;
    readKey: (key: ApiKey) => Promise<KeyRecord | undefined>;
    readSender: (account: string, domain: string) => Promise<DomainRecord | undefined>;
    /** The ids of the account's unsubscribe groups; of `wanted`, all that there are at this moment. */
    readGroupIds: (account: string, wanted: readonly number[]) => Promise<ReadonlySet<number>>;
  };

export type Submission = { account: string; keyId: string; requestId: string; request: MailRequest };

const PATH = '/v3/mail/send';

export async function accept(http: HttpRequest, deps: AcceptDeps): Promise<HttpResponse> {
  if (http.path !== PATH) return refuse(apiErrors.notFound);
  if (http.method !== 'POST') return refuse(apiErrors.methodNotAllowed);

  const key = readAuthorization(http.headers.authorization);
  const known = await look(async () => key && deps.readKey(key));
  if (!known.ok) return refuse(known.error);
  const record = known.found;
  if (!key || !secretMatches(key.secret, record?.secretHash)) return refuse(apiErrors.unauthorized);
  if (!record?.scopes.includes('mail.send')) return refuse(apiErrors.forbidden);

  const body = await readBody(http);
  if (!body.ok) return refuse(body.error);
  const parsed = parseJsonBody(body.bytes, http.headers['content-type']);
  if (!parsed.ok) return answerErrors(parsed.status, parsed.errors);
  const pools = new Set(deps.lanes.map(({ pool }) => pool));
  const named = groupsNamed(parsed.value);
  const groups = await look(async () =>
    named.length === 0 ? new Set<number>() : deps.readGroupIds(key.account, named),
  );
  if (!groups.ok) return refuse(groups.error);
  const validAt = (time: number) => validateMailSend(parsed.value, { now: time, pools, groups: groups.found });
  const now = deps.now();
  const valid = validAt(now);
  if (!valid.ok) return answerErrors(400, valid.errors);

  const { request } = valid;
  const sender = await look(() => deps.readSender(key.account, domainOf(request.content.from.email)));
  if (!sender.ok) return refuse(sender.error);
  if (!sender.found) return refuse(apiErrors.senderNotVerified);
  if (request.sandbox) return { status: 200, headers: {}, body: '' };

  const requestId = makeRequestId(now, deps.randomBytes(10));
  const submission: Submission = { account: key.account, keyId: key.id, requestId, request };
  const outcome = await once(http.headers['idempotency-key'], body.bytes, submission, deps, (taken, earlier) => {
    // Read as it was the first time: what was scheduled then and is due now must have the same jobs, ids included.
    const first = earlier !== 'none' ? validAt(requestIdTime(taken.requestId)) : valid;
    return commit(first.ok ? { ...taken, request: first.request } : taken, earlier, deps);
  });
  if (!outcome.ok) return refuse(outcome.error);
  return { status: 202, headers: { 'X-Message-Id': outcome.requestId }, body: '' };
}

/** Reads before anything is done: when it fails, the caller may simply come again. */
async function look<T>(read: () => Promise<T>): Promise<{ ok: true; found: T } | { ok: false; error: ApiFailure }> {
  try {
    return { ok: true, found: await read() };
  } catch (error) {
    const throttled = isThrottle((error as Error).name);
    return { ok: false, error: throttled ? apiErrors.tooManyRequests : apiErrors.unavailable };
  }
}

function refuse(failure: ApiFailure): HttpResponse {
  return answerErrors(failure.status, [failure]);
}

function answerErrors(status: number, errors: ApiError[]): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(errorBody(errors)) };
}
