/**
 * accept: `POST /v3/mail/send`. It promises that a 202 means everything needed to deliver is durable, and that any other
 * answer means nothing of the request will be sent. It refuses, with SendGrid's status, message and field, whatever it
 * could not deliver as asked.
 */
import { type ApiKey, readAuthorization, secretMatches } from '../../core/api-key.ts';
import { type ApiError, type ApiFailure, apiErrors, errorBody } from '../../core/errors.ts';
import { makeRequestId } from '../../core/ids.ts';
import type { MailRequest } from '../../core/mail.ts';
import { parseJsonBody, validateMailSend } from '../../core/mail-send/index.ts';
import type { DomainRecord, KeyRecord } from '../../core/records.ts';
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
  };

export type Submission = { account: string; keyId: string; requestId: string; request: MailRequest };

const PATH = '/v3/mail/send';
export async function accept(http: HttpRequest, deps: AcceptDeps): Promise<HttpResponse> {
  if (http.path !== PATH) return refuse(apiErrors.notFound);
  if (http.method !== 'POST') return refuse(apiErrors.methodNotAllowed);

  const key = readAuthorization(http.headers.authorization);
  const record = key && (await deps.readKey(key));
  if (!key || !secretMatches(key.secret, record?.secretHash)) return refuse(apiErrors.unauthorized);
  if (!record?.scopes.includes('mail.send')) return refuse(apiErrors.forbidden);

  const body = await readBody(http);
  if (!body.ok) return refuse(body.error);
  const parsed = parseJsonBody(body.bytes, http.headers['content-type']);
  if (!parsed.ok) return answerErrors(parsed.status, parsed.errors);
  const valid = validateMailSend(parsed.value, {
    now: deps.now(),
    pools: new Set(deps.lanes.map(({ pool }) => pool)),
  });
  if (!valid.ok) return answerErrors(400, valid.errors);

  const { request } = valid;
  if (!(await deps.readSender(key.account, domainOf(request.content.from.email))))
    return refuse(apiErrors.senderNotVerified);
  if (request.sandbox) return { status: 200, headers: {}, body: '' };

  const requestId = makeRequestId(deps.now(), deps.randomBytes(10));
  const submission: Submission = { account: key.account, keyId: key.id, requestId, request };
  const outcome = await once(http.headers['idempotency-key'], body.bytes, submission, deps, (taken, maybeSent) =>
    commit(taken, maybeSent, deps),
  );
  if (!outcome.ok) return refuse(outcome.error);
  return { status: 202, headers: { 'X-Message-Id': outcome.requestId }, body: '' };
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

function refuse(failure: ApiFailure): HttpResponse {
  return answerErrors(failure.status, [failure]);
}

function answerErrors(status: number, errors: ApiError[]): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(errorBody(errors)) };
}
