/**
 * The one way from "a message and its recipients" on, whatever door it came by: is the sender the account's, was it taken
 * before (`Idempotency-Key`), and then `commit`. The records are the same for HTTP and for SMTP.
 */
import { domainOf } from '../core/domain.ts';
import { type ApiFailure, apiErrors } from '../core/errors.ts';
import { requestIdTime } from '../core/ids.ts';
import type { MailRequest } from '../core/mail.ts';
import type { KnownTemplate } from '../core/mail-send/template.ts';
import type { DomainRecord } from '../core/records.ts';
import { isThrottle } from '../io/queue.ts';
import { type CommitDeps, commit } from './commit.ts';
import { type IdempotencyDeps, once } from './idempotency.ts';

/** A request whose sender and recipients are known to be well-formed, and who asks for it. */
export type Submission = { account: string; keyId: string; requestId: string; request: MailRequest };

export type RequestDeps = CommitDeps &
  IdempotencyDeps & {
    readSender: (account: string, domain: string) => Promise<DomainRecord | undefined>;
    /** Undefined: there is no such batch. */
    readBatch: (account: string, id: string) => Promise<unknown>;
    /** A template as it is now: strongly consistent. */
    readTemplate: (account: string, id: string) => Promise<KnownTemplate | undefined>;
    /** The ids of the account's unsubscribe groups. Those of `wanted` are as they are now; without it, all are. */
    readGroupIds: (account: string, wanted?: readonly number[]) => Promise<ReadonlySet<number>>;
  };

export type Idempotency = {
  key: string;
  /** SHA-256, hex, of what the key stands for. */
  fingerprint: () => string;
  /** The request as it was read at an earlier time: what was scheduled then and is due now must have the same jobs. */
  readAt: (time: number) => MailRequest | undefined;
};

/** `checked`: in the sandbox; nothing was sent, and nothing will be. */
export type Taken = { ok: true; requestId: string } | { ok: true; checked: true } | { ok: false; error: ApiFailure };

/** @param idempotency absent: every call is a message */
export async function takeRequest(
  submission: Submission,
  idempotency: Idempotency | undefined,
  deps: RequestDeps,
): Promise<Taken> {
  const { account, request } = submission;
  const sender = await look(() => deps.readSender(account, domainOf(request.content.from.email)));
  if (!sender.ok) return sender;
  if (!sender.found) return { ok: false, error: apiErrors.senderNotVerified };
  if (request.sandbox) return { ok: true, checked: true };
  return once(idempotency, submission, deps, (taken, earlier) => {
    const first = earlier === 'none' ? undefined : idempotency?.readAt(requestIdTime(taken.requestId));
    return commit(first ? { ...taken, request: first } : taken, earlier, deps);
  });
}

/** Reads before anything is done: when it fails, the caller may simply come again. */
export async function look<T>(
  read: () => Promise<T>,
): Promise<{ ok: true; found: T } | { ok: false; error: ApiFailure }> {
  try {
    return { ok: true, found: await read() };
  } catch (error) {
    const throttled = isThrottle((error as Error).name);
    return { ok: false, error: throttled ? apiErrors.tooManyRequests : apiErrors.unavailable };
  }
}
