/**
 * API keys in SendGrid's form, `SG.<id>.<secret>`: 22 and 43 characters of base64url. The id begins with the account, so
 * that a key is found under its account's partition. Only the SHA-256 of the secret is kept: it has 256 random bits, so
 * a slow hash would protect nothing (reliability: API keys).
 */
import { createHash, timingSafeEqual } from 'node:crypto';

const KEY = /^SG\.([a-z2-7]{8}[A-Za-z0-9_-]{14})\.([A-Za-z0-9_-]{43})$/;
const ACCOUNT = /^[a-z2-7]{8}$/;

/** As a call names one. */
export type ApiKey = { account: string; id: string; secret: string };

/**
 * @param account 8 characters of a-z, 2-7
 * @param random at least 43 random bytes
 * @returns the key to show once, and what to keep of it
 */
export function makeApiKey(account: string, random: Uint8Array): { key: string; id: string; secretHash: string } {
  if (!ACCOUNT.test(account)) throw new Error(`"${account}" is not an account id (8 characters of a-z and 2-7)`);
  const id = account + Buffer.from(random.subarray(0, 11)).toString('base64url').slice(0, 14);
  const secret = Buffer.from(random.subarray(11, 43)).toString('base64url');
  return { key: `SG.${id}.${secret}`, id, secretHash: hashSecret(secret) };
}

/** Reads an `Authorization` header: `Bearer SG.…`. Undefined for anything else, of whatever length. */
export function readAuthorization(header: string | undefined): ApiKey | undefined {
  if (header === undefined || header.length > 120 || !/^bearer /i.test(header)) return undefined;
  const match = KEY.exec(header.slice(7).trim());
  return match ? { account: match[1]!.slice(0, 8), id: match[1]!, secret: match[2]! } : undefined;
}

/** SHA-256, hex. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares in constant time; without a stored hash it does the same work and says no, so that an unknown id costs what a wrong secret does. */
export function secretMatches(secret: string, storedHash: string | undefined): boolean {
  const given = Buffer.from(hashSecret(secret), 'hex');
  const stored = Buffer.from(storedHash ?? '0'.repeat(64), 'hex');
  return stored.length === given.length && timingSafeEqual(given, stored) && storedHash !== undefined;
}
