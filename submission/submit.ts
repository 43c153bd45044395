/**
 * submit: a message that came by SMTP (RFC 6409), its octets stored or in hand. It promises as much as `accept`: 250 when
 * everything needed to deliver is durable, and with any other reply nothing of it will be sent. It refuses what the API
 * refuses, in the words of SMTP.
 */
import { type ApiFailure, apiErrors } from '../core/errors.ts';
import { makeRequestId } from '../core/ids.ts';
import type { MailRequest } from '../core/mail.ts';
import type { MailSendContext } from '../core/mail-send/index.ts';
import type { UsableKey } from '../core/records/subusers.ts';
import { type SmtpReply, smtpReplies } from '../core/smtp-server/replies.ts';
import { namedInHeader } from '../core/submit-mime/index.ts';
import type { Submitted, SubmittedMail } from '../core/submit-mime/submitted.ts';
import type { Dependence } from './credits.ts';
import { readNamedPool } from './pools.ts';
import { type Idempotency, look, type RequestDeps, readNamedTemplate, takeRequest } from './request.ts';

export type SubmitDeps = RequestDeps & {
  randomBytes: (count: number) => Uint8Array;
  /** Where a message's header and envelope become a request (core/submit-mime). */
  readSubmitted: (
    submitted: Submitted,
    context: Pick<MailSendContext, 'now' | 'pools' | 'emptyPools' | 'groups' | 'templates'>,
  ) => SubmittedMail;
};

/** Who sends, under which id, what, and the SHA-256 (hex) of envelope and message, for `Idempotency-Key`. */
export type SubmittedBy = {
  account: string;
  keyId: string;
  lanes?: readonly string[] | undefined;
  parent?: string | undefined;
  credits?: Dependence['credits'];
  monitor?: UsableKey['monitor'];
  requestId: string;
  submitted: Submitted;
  /** Who sends it, where that is known. */
  ip?: string;
  fingerprint: () => string;
};

/** X-SMTPAPI's `asm_group_id`, `asm_groups_to_display`: few mails have them, and only for these the groups are read. */
const NAMES_GROUP = /asm_group/i;
const HAS_SMTPAPI = /^x-smtpapi[ \t]*:/im;

export type Submitting = { ok: true; requestId: string } | { ok: false; reply: SmtpReply };

export async function submit(message: SubmittedBy, deps: SubmitDeps): Promise<Submitting> {
  const { account, keyId, parent, credits, monitor, requestId, submitted, fingerprint } = message;
  const header = submitted.header.toString('latin1');
  const groups = await look(
    async () => (NAMES_GROUP.test(header) ? deps.readGroupIds(account) : new Set<number>()),
    deps.report,
  );
  if (!groups.ok) return { ok: false, reply: replyTo(groups.error) };
  const named = HAS_SMTPAPI.test(header) ? namedInHeader(submitted.header) : {};
  const templates = await look(() => readNamedTemplate(account, named.template, deps), deps.report);
  if (!templates.ok) return { ok: false, reply: replyTo(templates.error) };
  const pool = await look(() => readNamedPool(named.pool, message, deps), deps.report);
  if (!pool.ok) return { ok: false, reply: replyTo(pool.error) };
  const { context: pools, lanes, poolId } = pool.found;
  const context = { ...pools, groups: groups.found, templates: templates.found };
  const readAt = (now: number) => deps.readSubmitted(submitted, { ...context, now });
  const read = readAt(deps.now());
  if (read.ok === false) return read;

  const idempotency: Idempotency | undefined =
    read.idempotencyKey === undefined
      ? undefined
      : { key: read.idempotencyKey, fingerprint, readAt: (time) => requestOf(readAt(time)) };
  const { ip } = message;
  const received = { protocol: 'SMTP' as const, bytes: submitted.size, ...(ip === undefined ? {} : { ip }) };
  const { request } = read;
  const submission = { account, keyId, lanes, poolId, parent, credits, monitor, requestId, request, received };
  const taken = await takeRequest(submission, idempotency, deps);
  if (!taken.ok) return { ok: false, reply: replyTo(taken.error) };
  if (read.ok === 'dropped' && read.notice) await tell(read.notice, message, deps);
  return { ok: true, requestId: 'requestId' in taken ? taken.requestId : requestId };
}

/** The mail that tells MAIL FROM of a broken X-SMTPAPI. The message itself is on record as dropped already, so it may fail. */
async function tell(notice: MailRequest, { account, keyId }: SubmittedBy, deps: SubmitDeps): Promise<void> {
  const requestId = makeRequestId(deps.now(), deps.randomBytes(10));
  await takeRequest({ account, keyId, requestId, request: notice }, undefined, deps);
}

const requestOf = (read: SubmittedMail): MailRequest | undefined => (read.ok === false ? undefined : read.request);

/** The failures that `takeRequest` knows, as replies. */
const REPLIES = new Map<ApiFailure, SmtpReply>([
  [apiErrors.badIdempotencyKey, smtpReplies.badIdempotencyKey],
  [apiErrors.idempotencyMismatch, smtpReplies.idempotencyMismatch],
  [apiErrors.idempotencyInProgress, smtpReplies.idempotencyInProgress],
  [apiErrors.uncertain, smtpReplies.uncertain],
  [apiErrors.creditsExceeded, smtpReplies.creditsExceeded],
]);

/** Whatever is not the message's fault is for a while: 4xx. */
function replyTo(error: ApiFailure): SmtpReply {
  const isUnverified = error.message.startsWith(apiErrors.senderNotVerified.message);
  if (isUnverified) return { ...smtpReplies.senderNotVerified, text: error.message };
  return REPLIES.get(error) ?? smtpReplies.unavailable;
}
