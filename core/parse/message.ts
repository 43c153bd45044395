/**
 * A mail on its way to a customer's parse URL, as the parse queue and the holds carry it: one for each of his host names that
 * it came for. It refuses a body that is none.
 */
import { type InboundMessage, parseInboundMessage } from '../inbound/message.ts';

export type ParseMessage = {
  v: 1;
  account: string;
  hostname: string;
  /** POSTs that failed before this one. */
  attempt: number;
  /** Times release has brought it back: what stops a loop. Its waits end by time. */
  hop: number;
  /** Its `rcptTo` are those at the host name. */
  mail: InboundMessage;
};

/** Hours for which a mail is tried (SendGrid: 3 days). */
export const PARSE_HOURS = 72;
const MINUTE = 60_000;
const WINDOW = PARSE_HOURS * 60 * MINUTE;
/** The share of the time since a mail came that it waits for a URL that gives no answer: what waits for long is not looked at each minute. */
const SILENT_SHARE = 0.1;
/** Minutes before the next attempt; the last one again and again. */
const INTERVALS = [1, 5, 15, 30, 60, 120, 240];

/** @throws Error naming what is wrong; such a message can never succeed */
export function parseParseMessage(body: string): ParseMessage {
  const message = JSON.parse(body) as Partial<ParseMessage> | null;
  if (typeof message !== 'object' || message === null || message.v !== 1)
    throw new Error('not a parse message of version 1');
  const { account, hostname, attempt, hop, mail } = message;
  if (typeof account !== 'string' || typeof hostname !== 'string') throw new Error('parse message without its setting');
  if (typeof attempt !== 'number' || typeof hop !== 'number') throw new Error('parse message without its attempt');
  return { v: 1, account, hostname, attempt, hop, mail: parseInboundMessage(JSON.stringify(mail)) };
}

/**
 * When a mail that was not taken is tried again, in milliseconds since the epoch; undefined: its three days are over.
 * @param random from 0 to 1: intervals vary by a fifth
 */
export function nextParse({ attempt, mail }: Pick<ParseMessage, 'attempt' | 'mail'>, now: number, random: number) {
  const minutes = INTERVALS[Math.min(attempt, INTERVALS.length - 1)]!;
  const due = now + Math.round(minutes * MINUTE * (0.8 + 0.4 * random));
  return due - mail.receivedAt <= WINDOW ? due : undefined;
}

/**
 * When a mail that was not tried, because its URL is left alone, is looked at again, in milliseconds since the epoch; undefined: its
 * three days are over, at whose end it has a last look.
 * @param silentUntil as long as the URL is left alone
 */
export function nextLook({ mail }: Pick<ParseMessage, 'mail'>, silentUntil: number, now: number): number | undefined {
  const age = Math.max(0, now - mail.receivedAt);
  if (age >= WINDOW) return undefined;
  return Math.min(mail.receivedAt + WINDOW, silentUntil + Math.round(age * SILENT_SHARE));
}
