/**
 * The submission role (RFC 6409): customers log in with `apikey` and an API key that may send mail, and send from their own
 * domains to anybody. It refuses everybody else before MAIL: this is what makes it no open relay.
 */

import { createHash } from 'node:crypto';
import { asciiAddress, isAscii, readMailbox } from '../core/address.ts';
import { readAuthorization, secretMatches } from '../core/api-key.ts';
import { makeRequestId } from '../core/ids.ts';
import { mimeKey } from '../core/job.ts';
import { INLINE_MIME_BYTES } from '../core/limits.ts';
import { bucketOfOne } from '../core/records/message-key.ts';
import { fill, type SmtpReply, smtpReplies } from '../core/smtp-server/replies.ts';
import type { AdmitDeps } from '../submission/accept.ts';
import { mayComeFrom } from '../submission/access.ts';
import { type SubmitDeps, submit } from '../submission/submit.ts';
import type { Gate } from './gate.ts';
import { type LetterDeps, openLetter } from './letter.ts';
import { type Envelope, type Login, makeReceived, type Role } from './role.ts';

export type SubmissionDeps = SubmitDeps &
  AdmitDeps & {
    letter: LetterDeps;
    gate: Pick<Gate, 'message'>;
    /** Our name, in the trace. */
    host: string;
    /** Told of what went wrong inside. */
    report: (problem: string, error: unknown) => void;
  };

/** SendGrid: the user is literally this. */
const USER = 'apikey';

export function makeSubmission(deps: SubmissionDeps): Role {
  const { host, now, report } = deps;
  return {
    name: 'submission',
    login: async ({ user, password }, { address }) => {
      const key = user === USER ? readAuthorization(`Bearer ${password}`) : undefined;
      try {
        const record = key && (await deps.readKey(key));
        if (!key || !secretMatches(key.secret, record?.secretHash)) return smtpReplies.authFailed;
        if (!(await mayComeFrom(record!, key.account, address, 'SMTP', deps)))
          return fill(smtpReplies.authAddress, address);
        if (!record!.scopes.includes('mail.send')) return smtpReplies.authScope;
        return { account: key.account, keyId: key.id } satisfies Login;
      } catch (error) {
        report('an API key could not be read', error);
        return smtpReplies.authUnavailable;
      }
    },
    sender: (address, smtpUtf8, { login }) => {
      // It is replaced by a return path of ours; so it may be any, like root@localhost of a machine that only sends.
      if (!smtpUtf8 && !isAscii(address)) return smtpReplies.needsUtf8;
      const wait = deps.gate.message(login!.keyId);
      return wait > 0 ? fill(smtpReplies.messageRate, Math.ceil(wait / 1_000)) : undefined;
    },
    recipient: async (address, smtpUtf8): Promise<string | SmtpReply> => {
      if (!smtpUtf8 && !isAscii(address)) return smtpReplies.needsUtf8;
      const mailbox = readMailbox(address, smtpUtf8);
      return mailbox ? asciiAddress(mailbox) : smtpReplies.badRecipient;
    },
    open: async (client, { rcptTo }) => {
      const id = makeRequestId(now(), deps.randomBytes(10), bucketOfOne(client.login!.account, rcptTo));
      const trace = Buffer.from(makeReceived(client, host, id, now()));
      const writer = await openLetter(mimeKey(client.login!.account, id), INLINE_MIME_BYTES, trace, deps.letter);
      return writer && { id, writer };
    },
    take: async ({ header, size, mime, digest }, requestId, envelope, { login, address: ip }) => {
      const { mailFrom, rcptTo, eightBit, smtpUtf8 } = envelope;
      const submitted = { header, size, mime, mailFrom, rcptTo, eightBit, smtpUtf8 };
      const fingerprint = () => fingerprintOf(envelope, digest);
      try {
        // A session may last for hours; a key that is gone since, or is no longer for here, is refused as soon as it would be at the door.
        const { account, keyId } = login!;
        const key = await deps.readKey({ account, id: keyId, secret: '' });
        if (!key?.scopes.includes('mail.send')) return smtpReplies.unauthenticated;
        if (!(await mayComeFrom(key, account, ip, 'SMTP', deps))) return fill(smtpReplies.addressNotAllowed, ip);
        const { lanes, parent, credits, monitor } = key;
        const message = { account, keyId, lanes, parent, credits, monitor, requestId, submitted, ip, fingerprint };
        const done = await submit(message, deps);
        return done.ok ? fill(smtpReplies.queued, done.requestId) : done.reply;
      } catch (error) {
        report('a submission failed', error);
        return smtpReplies.unavailable;
      }
    },
  };
}

/** What an Idempotency-Key stands for: the envelope and the message as it came, without our trace. */
function fingerprintOf({ mailFrom, rcptTo }: Envelope, digest: string): string {
  return createHash('sha256')
    .update(JSON.stringify([mailFrom, rcptTo, digest]))
    .digest('hex');
}
