/**
 * Verified senders (SendGrid: `verified_senders`): addresses that mail may come from although their domain is not authenticated. Whoever
 * reads the mail that is sent to such an address says so by its link, which counts once, for two days.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readMailbox } from '../address.ts';
import { type VerifiedSenderRecord, verifiedSenderKey } from '../records/senders.ts';

/** In SendGrid's family of errors that have an id. */
export type SenderError = { field?: string; message: string; error_id: string };
export type Read<T> = { ok: true; sender: T } | { ok: false; errors: SenderError[] };

/** What the account says of a sender. */
export type SenderFields = Omit<
  VerifiedSenderRecord,
  'pk' | 'sk' | 'id' | 'createdAt' | 'verifiedAt' | 'signedBy' | 'link' | 'earlierLinks'
>;

/** Senders of an account (SendGrid: 100). */
export const SENDERS = 100;
/** Links of before that are kept beside the last. */
const EARLIER_LINKS = 5;
/** Milliseconds for which a link counts. */
const LINK_LIFE = 2 * 86_400_000;

/** An address that we write to, and name in the mail: its local part is in some domains whatever somebody likes to say there. */
const WRITTEN_TO = /^[A-Za-z0-9._+=&'-]+@/;

/** Name in the API, of ours, the most characters, whether it must be there, whether it is an address. */
const FIELDS = [
  ['nickname', 'nickname', 100, true],
  ['from_email', 'fromEmail', 256, true, 'address'],
  ['from_name', 'fromName', 256],
  ['reply_to', 'replyTo', 256, true, 'address'],
  ['reply_to_name', 'replyToName', 256],
  ['address', 'address', 100],
  ['address2', 'address2', 100],
  ['state', 'state', 2],
  ['city', 'city', 150],
  ['zip', 'zip', 10],
  ['country', 'country', 100],
] as const;

/** @param before of a change: what is left out stays */
export function readSender(body: unknown, before?: SenderFields): Read<SenderFields> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { ok: false, errors: [{ message: 'the body must be a JSON object', error_id: 'invalid-request' }] };
  const errors: SenderError[] = [];
  const read = FIELDS.map(([field, name, most, required = false, kind]) => {
    const value = (body as Record<string, unknown>)[field] ?? before?.[name] ?? '';
    if (typeof value !== 'string')
      errors.push({ field, message: `${field} must be a string`, error_id: 'invalid-type' });
    else if (value.trim() === '' && required)
      errors.push({ field, message: 'cannot be empty', error_id: 'missing-value' });
    else if (value.length > most || /[\0-\x1f\x7f]/.test(value))
      errors.push({
        field,
        message: `${field} must have at most ${most} printable characters`,
        error_id: 'invalid-value',
      });
    else if (kind === 'address' && !readMailbox(value))
      errors.push({ field, message: 'must be a valid email', error_id: 'invalid-email' });
    else if (name === 'fromEmail' && !WRITTEN_TO.test(value))
      errors.push({
        field,
        message: "must have only letters, digits and . _ + = & ' - before its @",
        error_id: 'invalid-email',
      });
    return [name, value];
  });
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, sender: Object.fromEntries(read) as SenderFields };
}

export function makeSender(account: string, id: number, fields: SenderFields, createdAt: number): VerifiedSenderRecord {
  return { ...verifiedSenderKey(account, fields.fromEmail), id, ...fields, createdAt };
}

export function showSender(record: VerifiedSenderRecord) {
  const fields = Object.fromEntries(FIELDS.map(([field, name]) => [field, record[name]]));
  return { id: record.id, ...fields, verified: record.verifiedAt !== undefined, locked: false };
}

// links ---------------------------------------------------------------------------------------------------------------

const TOKEN = /^([a-z2-7]{8})\.([1-9]\d{0,9})\.([A-Za-z0-9_-]{32})$/;
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex');

/** @param random 24 random bytes: who has not read the mail does not guess them. @returns the token, and what is kept of it */
export function makeLink(
  { pk, id }: Pick<VerifiedSenderRecord, 'pk' | 'id'>,
  random: Buffer,
  now: number,
): { token: string; link: NonNullable<VerifiedSenderRecord['link']> } {
  const secret = random.toString('base64url');
  return { token: `${pk}.${id}.${secret}`, link: { secretHash: hashOf(secret), until: now + LINK_LIFE } };
}

/** Whose sender a token is about, or undefined where it is none. */
export function readLink(token: string): { account: string; id: number; secret: string } | undefined {
  const [, account, id, secret] = TOKEN.exec(token) ?? [];
  return account && secret ? { account, id: Number(id), secret } : undefined;
}

/** Whether a secret is one that was mailed to him, and still counts. */
export function linkCounts(
  { link, earlierLinks = [] }: Pick<VerifiedSenderRecord, 'link' | 'earlierLinks'>,
  secret: string,
  now: number,
): boolean {
  const hash = Buffer.from(hashOf(secret));
  return [...(link ? [link] : []), ...earlierLinks].some(
    ({ secretHash, until }) => now <= until && timingSafeEqual(hash, Buffer.from(secretHash)),
  );
}

/** The links that go on counting beside the next one, the last few. */
export function linksBefore(
  { link, earlierLinks = [] }: Pick<VerifiedSenderRecord, 'link' | 'earlierLinks'>,
  now: number,
): NonNullable<VerifiedSenderRecord['earlierLinks']> {
  return [...earlierLinks, ...(link ? [link] : [])].filter(({ until }) => now <= until).slice(-EARLIER_LINKS);
}

/** Nothing of the account's own words is in it: whoever reads it has not agreed to hear of anybody. */
export function linkText({ fromEmail }: Pick<SenderFields, 'fromEmail'>, url: string): string {
  return [
    `Somebody wants to send mail as ${fromEmail}.`,
    '',
    'If that is you, confirm it here. The link counts for two days:',
    '',
    url,
    '',
    'If it is not, do nothing: no mail is sent in your name.',
  ].join('\n');
}

/**
 * Domains of mailbox providers whose DMARC policy tells receivers what to do with mail that others send in their name (RFC 7489 6.3): `reject`
 * or `quarantine`. Their owners cannot authenticate them with us, so mail from them fails however it is signed.
 */
export const DMARC_DOMAINS = {
  hard_failures: ['aol.com', 'mail.ru', 'rocketmail.com', 'yahoo.co.jp', 'yahoo.co.uk', 'yahoo.com', 'ymail.com'],
  soft_failures: ['icloud.com', 'mac.com', 'me.com', 'proton.me', 'protonmail.com', 'web.de', 'gmx.de', 'gmx.net'],
};
