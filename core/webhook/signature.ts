/**
 * Signatures of what a webhook is sent: ECDSA on P-256 with SHA-256 over the time stamp and the body, as SendGrid's libraries verify
 * it; and, for who would rather not, an HMAC-SHA256 over the same octets. The time stamp is signed, so that whoever records a
 * call cannot send it again later.
 */
import { createHmac, createPrivateKey, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';

export const SIGNATURE_HEADER = 'X-Twilio-Email-Event-Webhook-Signature';
export const TIMESTAMP_HEADER = 'X-Twilio-Email-Event-Webhook-Timestamp';
export const HMAC_HEADER = 'X-Pennypost-Webhook-Signature';

export type SigningKeys = {
  /** PKCS#8 DER of a P-256 key. */
  ecdsa: Buffer;
  /** Absent: the signature by ECDSA is the only one. */
  hmac?: Buffer;
};

/** A new pair: the public half is base64 of the SPKI DER, without PEM armour, as SendGrid shows it. */
export function makeSigningKey(): { publicKey: string; privateKey: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
  };
}

const parsed = new WeakMap<Buffer, KeyObject>();

/** @param timestamp unix seconds; @param body the octets as they are sent, whole or one piece after the other */
export function signatureHeaders(
  { ecdsa, hmac }: SigningKeys,
  timestamp: number,
  body: Buffer | readonly Buffer[],
): Record<string, string> {
  const key = parsed.get(ecdsa) ?? createPrivateKey({ key: ecdsa, format: 'der', type: 'pkcs8' });
  parsed.set(ecdsa, key);
  const signed = [Buffer.from(String(timestamp)), ...(Buffer.isBuffer(body) ? [body] : body)];
  // A mail of 30 MB is not copied to be signed.
  const signing = createSign('sha256');
  for (const piece of signed) signing.update(piece);
  const headers = {
    [SIGNATURE_HEADER]: signing.sign(key).toString('base64'),
    [TIMESTAMP_HEADER]: String(timestamp),
  };
  if (!hmac) return headers;
  const mac = createHmac('sha256', hmac);
  for (const piece of signed) mac.update(piece);
  return { ...headers, [HMAC_HEADER]: `sha256=${mac.digest('hex')}` };
}
