/**
 * A message as SES takes it, and what SES's refusals mean. SES writes Message-ID and Date anew, which breaks a signature
 * that covers them; so ours goes, and SES signs with the same key (BYODKIM). It knows no SMTPUTF8.
 * Which copy a message is travels in tags: SES repeats them in every event.
 */
import type { Failure } from './outcome.ts';
import { makeReply } from './smtp/reply.ts';
import { FINAL_DOT } from './wire.ts';

/** Octets of one message that SES takes, attachments encoded (SES quotas: 40 MB). */
export const SES_OCTETS = 40_000_000;

/** Which copy a message is, for SES's events to tell. */
export type About = {
  account: string;
  requestId: string;
  /** The copy's index. */
  index: number;
  /** Attempts made before this one. */
  attempt: number;
  lane: string;
  possibleDuplicate?: boolean;
};
export type Tag = { Name: string; Value: string };

/** The text that was stuffed and ended for SMTP, as it was before. @throws Error when there is no final dot: a bug */
export function unstuff(octets: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(octets);
  const end = whole.length - FINAL_DOT.length;
  if (end < 0 || !whole.subarray(end).equals(FINAL_DOT) || (end > 0 && whole[end - 1] !== 0x0a))
    throw new Error('a message without its final dot');
  const text = whole.subarray(0, end);
  const out = Buffer.allocUnsafe(text.length);
  let from = text[0] === 0x2e ? 1 : 0;
  let to = 0;
  for (let at = text.indexOf('\n.'); at >= 0; at = text.indexOf('\n.', at + 2)) {
    to += text.copy(out, to, from, at + 1);
    from = at + 2;
  }
  to += text.copy(out, to, from);
  return out.subarray(0, to);
}

/** Without its DKIM-Signature fields. */
export function withoutSignatures(message: Buffer): Buffer {
  const end = headerEnd(message);
  const header = message.subarray(0, end).toString('latin1');
  const kept = header.replace(/^DKIM-Signature[ \t]*:.*\r\n(?:[ \t].*\r\n)*/gim, '');
  return kept.length === header.length ? message : Buffer.concat([Buffer.from(kept, 'latin1'), message.subarray(end)]);
}

/** The address of the From field, or undefined when there is none that ends in one. */
export function fromAddressOf(message: Buffer): string | undefined {
  const header = message.subarray(0, headerEnd(message)).toString('latin1');
  const field = /^From[ \t]*:(.*\r\n(?:[ \t].*\r\n)*)/im.exec(header)?.[1]?.replace(/\r\n/g, ' ').trim();
  if (field === undefined) return undefined;
  const address =
    /<([^<>\s]+@[^<>\s]+)>$/.exec(field)?.[1] ?? (/^[^<>\s,;]+@[^<>\s,;]+$/.test(field) ? field : undefined);
  return address !== undefined && /^[\x21-\x7e]+$/.test(address) ? address : undefined;
}

/** SES takes letters, digits, "-" and "_" in tags, which all of these are made of. */
export function tagsOf({ account, requestId, index, attempt, lane, possibleDuplicate }: About): Tag[] {
  const tags = { account, request: requestId, copy: String(index), attempt: String(attempt), lane };
  return [
    ...Object.entries(tags).map(([name, Value]) => ({ Name: `pennypost-${name}`, Value })),
    ...(possibleDuplicate ? [{ Name: 'pennypost-duplicate', Value: '1' }] : []),
  ];
}

/** The copy that an event's tags name, or undefined: the message was not one of ours. */
export function aboutOf(tags: Readonly<Record<string, unknown>>): About | undefined {
  const read = (name: string, shape: RegExp): string | undefined => {
    const values = tags[`pennypost-${name}`];
    const value = Array.isArray(values) && values.length === 1 ? (values[0] as unknown) : undefined;
    return typeof value === 'string' && shape.test(value) ? value : undefined;
  };
  const account = read('account', /^[a-z2-7]{8}$/);
  const requestId = read('request', /^[\w-]{22}$/);
  const index = read('copy', /^\d{1,7}$/);
  const attempt = read('attempt', /^\d{1,4}$/);
  const lane = read('lane', /^[a-z0-9-]{1,32}$/);
  if (!account || !requestId || !index || !attempt || !lane) return undefined;
  return {
    account,
    requestId,
    index: Number(index),
    attempt: Number(attempt),
    lane,
    ...(read('duplicate', /^1$/) ? { possibleDuplicate: true } : {}),
  };
}

/** Errors of the set-up, not of the message: it waits, and its record tells the operator what to do. */
const OURS: Record<string, string> = {
  AccountSuspendedException: 'AWS has stopped sending for this account: answer its case in the Support Center',
  SendingPausedException: 'sending is paused for this account or configuration set',
  MailFromDomainNotVerifiedException: 'the MAIL FROM domain is not verified: pennypost ses identity DOMAIN',
  NotFoundException: 'the configuration set is not there: deploy the stack again',
};
const UNVERIFIED = /not verified/i;
/** No connection was made, so the message never left. */
const NEVER_LEFT = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH)$/;
const NO_CONNECTION = /did not establish a connection|connection timeout/i;

/** What an error of SendEmail means for its message. A call without an answer may have been taken: in doubt. */
export function failureOfSes(error: unknown): Failure {
  const {
    name = 'Error',
    message = '',
    code,
    $metadata,
  } = error as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
  const text = `SES: ${message.split('\n')[0] || name}`;
  const status = $metadata?.httpStatusCode;
  if (status === undefined) {
    const left = !(NEVER_LEFT.test(code ?? name) || NO_CONNECTION.test(message));
    return { ok: false, stage: left ? 'dot' : 'connect', error: `${text} (${code ?? name})`, afterDot: left };
  }
  const refused = (replyCode: number, line: string): Failure => ({
    ok: false,
    stage: 'dot',
    reply: makeReply(replyCode, [line]),
    afterDot: false,
  });
  const ours = OURS[name];
  if (ours !== undefined) return refused(454, `4.3.5 SES: ${ours}`);
  if (UNVERIFIED.test(message)) return refused(454, `4.7.0 ${text} (pennypost doctor says what to do)`);
  if (name === 'MessageRejected' || name === 'BadRequestException') return refused(554, `5.6.0 ${text}`);
  return refused(454, `4.3.2 ${text}`);
}

/** A refusal of ours, before SES is asked; undefined: it can be sent. */
export function refuseForSes(message: { to: string; octets: number; eightBit?: boolean }): Failure | undefined {
  const refused = (code: number, line: string): Failure => ({
    ok: false,
    stage: 'mail',
    reply: makeReply(code, [line]),
    afterDot: false,
  });
  if (message.eightBit || /[^\x21-\x7e]/.test(message.to.slice(0, message.to.lastIndexOf('@'))))
    return refused(553, '5.6.7 SES does not offer SMTPUTF8');
  if (message.octets > SES_OCTETS)
    return refused(552, `5.3.4 message of ${message.octets} octets, SES takes ${SES_OCTETS}`);
  return undefined;
}

/** Where the header ends, the empty line not counted. */
function headerEnd(message: Buffer): number {
  if (message[0] === 0x0d) return 0;
  const at = message.indexOf('\r\n\r\n');
  return at < 0 ? message.length : at + 2;
}
