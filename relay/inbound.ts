/**
 * The inbound role: port 25, where the world's mail servers bring back bounces, complaints, unsubscriptions and replies. It
 * takes mail for addresses that we made or that a customer has configured, and for no others: it relays nothing to anybody.
 * 250 when the octets are in the inbound bucket and the inbound queue has word of them.
 */
import { randomUUID } from 'node:crypto';
import { isAscii } from '../core/address.ts';
import type { InboundMessage } from '../core/inbound/message.ts';
import { inboundKey } from '../core/inbound/message.ts';
import { inboundHost, readInboundRecipient } from '../core/inbound/recipient.ts';
import type { HostRecord } from '../core/records/domains.ts';
import { asksToRelay } from '../core/smtp-server/path.ts';
import { fill, type SmtpReply, smtpReplies } from '../core/smtp-server/replies.ts';
import type { Gate } from './gate.ts';
import { type LetterDeps, openLetter } from './letter.ts';
import { makeReceived, type Role } from './role.ts';

export type InboundDeps = {
  letter: LetterDeps;
  gate: Pick<Gate, 'mail'>;
  host: string;
  hops: number;
  /** Whose a host name is (io/hosts.ts). */
  readHost: (hostname: string) => Promise<HostRecord | undefined>;
  /** What tells our tokens from forged ones. */
  secret: Parameters<typeof readInboundRecipient>[1];
  /** Word of a mail whose octets are stored. @throws Error when the queue did not take it, or did not say */
  announceInbound: (received: Omit<InboundMessage, 'v' | 'key'>) => Promise<void>;
  now: () => number;
  report: (problem: string, error: unknown) => void;
};

export function makeInbound(deps: InboundDeps): Role {
  const { host, now, report } = deps;
  return {
    name: 'inbound',
    // Anybody may write to us, the null sender of bounces among them (RFC 5321 4.5.5).
    sender: (address, smtpUtf8, { address: from }) => {
      if (!smtpUtf8 && !isAscii(address)) return smtpReplies.needsUtf8;
      const wait = deps.gate.mail(from);
      return wait > 0 ? fill(smtpReplies.messageRate, Math.ceil(wait / 1_000)) : undefined;
    },
    recipient: async (given): Promise<string | SmtpReply> => {
      // RFC 5321 4.5.1: this one needs no domain.
      const address = /^postmaster$/i.test(given) ? `${given}@${host}` : given;
      if (asksToRelay(address)) return smtpReplies.relaying;
      const name = inboundHost(address);
      try {
        const found = name === undefined ? undefined : await deps.readHost(name);
        // Who is not ours, and who is nobody: the difference tells a mail server that it went wrong, and a spammer nothing.
        if (!found) return smtpReplies.relaying;
        return readInboundRecipient(address, deps.secret, () => found) ? address : smtpReplies.noMailbox;
      } catch (error) {
        report('a host name could not be read', error);
        return smtpReplies.lookUpFailed;
      }
    },
    open: async (client) => {
      const id = randomUUID();
      const trace = Buffer.from(makeReceived(client, host, id, now()));
      // Nothing travels in the queue's message: -1 puts even the shortest into the bucket.
      const writer = await openLetter(inboundKey(id), -1, trace, deps.letter);
      return writer && { id, writer };
    },
    take: async ({ header }, id, { mailFrom, rcptTo }, client) => {
      if (countReceived(header) > deps.hops) return smtpReplies.loop;
      const { address: remoteAddress, helo, tls } = client;
      try {
        await deps.announceInbound({
          id,
          receivedAt: now(),
          mailFrom,
          rcptTo,
          remoteAddress,
          helo,
          ...(tls ? { tls } : {}),
        });
        return fill(smtpReplies.queued, id);
      } catch (error) {
        report('a mail that came in could not be queued', error);
        return smtpReplies.unavailable;
      }
    },
  };
}

/** Received fields of a header (RFC 5321 6.3: how loops are seen). */
function countReceived(header: Buffer): number {
  return header.toString('latin1').match(/(?:^|\r\n)received[ \t]*:/gi)?.length ?? 0;
}
