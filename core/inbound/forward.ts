/**
 * A mail that tells the account's own people of a bounce or a complaint (SendGrid: forward_bounce, forward_spam): what came back,
 * in words, and the beginning of the mail itself. Its ids are made from the inbound mail's, so that a second run makes the same
 * mail again. It goes from the postmaster of the domain that the copy was sent from.
 */
import { createHash } from 'node:crypto';
import { jobId, makeRequestId, sgMessageId } from '../ids.ts';
import type { Job } from '../job.ts';
import { type Hold, holdKey } from '../records/holds.ts';
import type { ReturnPath } from '../return-path.ts';
import { UNTRACKED } from '../tracking/settings.ts';

export type Forwarding = {
  /** Where to. */
  email: string;
  what: 'bounce' | 'complaint';
  copy: ReturnPath;
  /** The recipient of the copy. */
  address: string;
  /** Its return-path domain: one label, and the sending domain. */
  returnPathDomain: string;
  reason: string;
  /** Of the mail that came back. */
  inboundId: string;
  receivedAt: number;
  raw: Buffer;
};

/** Octets of the mail that go along: what a job carries inside. */
const ATTACHED = 12_000;

export function forwardHold(forwarding: Forwarding): Hold {
  const { email, what, copy, address, returnPathDomain, reason, raw } = forwarding;
  const { account } = copy;
  const digest = createHash('sha256').update(`forward\0${account}\0${forwarding.inboundId}`).digest();
  const requestId = makeRequestId(forwarding.receivedAt, digest);
  const cut = raw.length > ATTACHED ? ` (its first ${ATTACHED} octets are attached)` : '';
  const text = [
    what === 'bounce' ? `Mail to ${address} came back${cut}.` : `${address} called a mail spam${cut}.`,
    '',
    `Message: ${sgMessageId(copy.requestId, copy.index)}`,
    `Reason: ${reason}`,
  ].join('\n');
  const job: Job = {
    v: 1,
    id: jobId(requestId, 0, 0),
    hop: 0,
    attempt: 0,
    account,
    requestId,
    // No lane has no name: release gives it one.
    lane: '',
    acceptedAt: forwarding.receivedAt,
    content: {
      from: { email: `postmaster@${returnPathDomain.replace(/^[^.]+\./, '')}`, name: 'Mail delivery' },
      replyTo: [],
      subject: what === 'bounce' ? `Bounced: ${address}` : `Spam report: ${address}`,
      parts: [{ type: 'text/plain', value: text }],
      attachments: [
        {
          content: raw.subarray(0, ATTACHED).toString('base64'),
          filename: `${what}.eml`,
          type: 'text/plain',
          disposition: 'attachment',
        },
      ],
      // Nothing that answers by itself shall answer it (RFC 3834 2).
      headers: { 'Auto-Submitted': 'auto-generated' },
      trackingSettings: UNTRACKED,
      sections: {},
      // None: they are in the account's statistics, where it finds its own.
      categories: [],
      customArgs: {},
    },
    personalizations: [{ index: 0, to: [{ email }], cc: [] }],
    copies: [{ personalization: 0, role: 'to', address: email, index: 0 }],
  };
  const due = forwarding.receivedAt;
  return { ...holdKey(job.id, due), due, account, copies: 1, kind: 'job', job };
}
