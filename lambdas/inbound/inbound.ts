/**
 * inbound: mail that came to our own addresses, by SMTP or through SES. Bounces and complaints end on the record of the copy
 * that they are about and in the suppressions, unsubscriptions in the suppressions, mail for a customer's host name on the
 * parse queue. What is written is written once however often the queue delivers a mail.
 *
 * It refuses to believe anybody: a copy is named by a token that we made (core/inbound/match.ts), or by nothing. What names none is
 * counted. Only what could not be read or written is handed back.
 */
import type { TokenSecret } from '../../core/address-token.ts';
import type { InboundMessage } from '../../core/inbound/message.ts';
import { type InboundRecipient, inboundHost, readInboundRecipient } from '../../core/inbound/recipient.ts';
import { readInboundBody } from '../../core/inbound/ses-received.ts';
import type { METRIC } from '../../core/metrics.ts';
import type { ParseMessage } from '../../core/parse/message.ts';
import type { HostRecord } from '../../core/records/domains.ts';
import type { Entry, Sent } from '../../io/queue.ts';
import { NoRecordYet, type ReturnedDeps, recordReturned } from './returned.ts';
import { type UnsubscribeDeps, unsubscribe } from './unsubscribe.ts';

/** A message as the queue gives it. */
export type QueuedMail = { messageId: string; body: string };

export type Counted = Partial<Record<keyof typeof METRIC, number>>;

export type InboundDeps = ReturnedDeps &
  UnsubscribeDeps & {
    secret: TokenSecret;
    /** Whose a host name is: kept for a minute. */
    readHost: (hostname: string) => Promise<HostRecord | undefined>;
    /** The mail; undefined: it is longer than `most` octets. */
    readInbound: (key: string, most: number) => Promise<Buffer | undefined>;
    parseQueueUrl: string;
    sendEntries: (url: string, entries: readonly Entry[]) => Promise<Sent[]>;
    /** Counts a mail for a parse host of the account, once. */
    countReceived: (account: string, inboundId: string, receivedAt: number) => Promise<boolean>;
    wait: (milliseconds: number) => Promise<unknown>;
    publish: (counts: Counted) => void;
    report: (problem: string) => void;
  };

/** Octets of a mail that is read for what it says; SES takes up to 40 MB, and no report is as long. */
const MOST = 41_943_040;
/** Recipients of one mail that are looked at: a mail to more tokens than that is no bounce. */
const RECIPIENTS = 100;

/**
 * Milliseconds between looks at what is about copies without a record: deliver is some seconds behind the replies when it has much to do.
 * What is handed back comes again after minutes.
 */
const LOOKS = [500, 1_500, 4_000, 8_000, 12_000];

/** Takes mails, one after the other: each may be long. Returns the ids of those to hand back. */
export async function inbound(messages: readonly QueuedMail[], deps: InboundDeps): Promise<string[]> {
  const handedBack: string[] = [];
  const counts: Counted = {};
  let left = messages;
  for (const look of [...LOOKS, undefined]) {
    const early: QueuedMail[] = [];
    for (const message of left) {
      try {
        const mail = readInboundBody(message.body);
        if (mail) for (const counted of await take(mail, deps)) counts[counted] = (counts[counted] ?? 0) + 1;
      } catch (error) {
        if (look !== undefined && error instanceof NoRecordYet) {
          early.push(message);
          continue;
        }
        deps.report(`mail ${message.messageId}: ${(error as Error).message}`);
        handedBack.push(message.messageId);
      }
    }
    left = early;
    // They wait together, behind all that need not.
    if (left.length === 0 || look === undefined) break;
    await deps.wait(look);
  }
  deps.publish(counts);
  return handedBack;
}

async function take(mail: InboundMessage, deps: InboundDeps): Promise<(keyof Counted)[]> {
  const recipients = await readRecipients(mail, deps);
  const counted = await passOn(mail, recipients, deps);
  for (const [address, recipient] of recipients) {
    if (recipient.kind === 'parse') continue;
    const news =
      recipient.kind === 'unsubscribe'
        ? await unsubscribe(mail, recipient, deps)
        : await takeReturned(mail, address, recipient, deps);
    if (news) counted.push(news);
  }
  return counted;
}

async function takeReturned(
  mail: InboundMessage,
  address: string,
  recipient: InboundRecipient & { kind: 'bounce' | 'feedback' },
  deps: InboundDeps,
) {
  const raw = await deps.readInbound(mail.key, MOST);
  if (raw) return recordReturned(mail, raw, recipient, deps.secret, deps);
  deps.report(`mail ${mail.id} to ${address} is longer than ${MOST} octets: it is let go`);
  return undefined;
}

/** By address; those that are nobody's here are left out. */
async function readRecipients({ rcptTo }: InboundMessage, deps: InboundDeps): Promise<Map<string, InboundRecipient>> {
  const hosts = new Map<string, HostRecord>();
  const found = new Map<string, InboundRecipient>();
  for (const address of rcptTo.slice(0, RECIPIENTS)) {
    const hostname = inboundHost(address);
    if (hostname === undefined) continue;
    const host = hosts.get(hostname) ?? (await deps.readHost(hostname));
    if (!host) continue;
    hosts.set(hostname, host);
    const recipient = readInboundRecipient(address, deps.secret, (name) => hosts.get(name));
    if (recipient) found.set(address, recipient);
  }
  return found;
}

/** Mail for customers goes to a queue of its own, so that a slow URL of theirs keeps no bounce waiting. */
async function passOn(
  mail: InboundMessage,
  recipients: ReadonlyMap<string, InboundRecipient>,
  deps: InboundDeps,
): Promise<(keyof Counted)[]> {
  const byHost = new Map<string, ParseMessage>();
  for (const [address, recipient] of recipients) {
    if (recipient.kind !== 'parse') continue;
    const { account, hostname } = recipient;
    const rcptTo = [...(byHost.get(hostname)?.mail.rcptTo ?? []), address];
    byHost.set(hostname, { v: 1, account, hostname, attempt: 0, hop: 0, mail: { ...mail, rcptTo } });
  }
  const parsed = [...byHost.values()];
  if (parsed.length === 0) return [];
  const entries = parsed.map((one) => ({ body: JSON.stringify(one), group: one.account }));
  const sent = await deps.sendEntries(deps.parseQueueUrl, entries);
  if (sent.some((one) => one !== 'sent')) throw new Error('the parse queue did not take it');
  const counted: (keyof Counted)[] = [];
  for (const account of new Set(parsed.map((one) => one.account)))
    if (await deps.countReceived(account, mail.id, mail.receivedAt)) counted.push('parseReceived');
  return counted;
}
