/**
 * Signatures of what a webhook is sent: ECDSA on P-256 with SHA-256 over the time stamp and the body, as SendGrid's libraries verify
 * it; and, for who would rather not, an HMAC-SHA256 over the same octets. The time stamp is signed, so that whoever records a
 * call cannot send it again later.
 */
import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export const SIGNATURE_HEADER = 'X-Twilio-Email-Event-Webhook-Signature';
export const TIMESTAMP_HEADER = 'X-Twilio-Email-Event-Webhook-Timestamp';
export const HMAC_HEADER = 'X-Pennypost-Webhook-Signature';

export type SigningKeys = {
  /** PKCS#8 DER of a P-256 key. */
  ecdsa: Buffer;
  hmac: Buffer;
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

/** @param timestamp unix seconds; @param body the octets as they are sent */
export function signatureHeaders(keys: SigningKeys, timestamp: number, body: Buffer): Record<string, string> {
  const key = parsed.get(keys.ecdsa) ?? createPrivateKey({ key: keys.ecdsa, format: 'der', type: 'pkcs8' });
  parsed.set(keys.ecdsa, key);
  const signed = Buffer.concat([Buffer.from(String(timestamp)), body]);
  return {
    [SIGNATURE_HEADER]: sign('sha256', signed, key).toString('base64'),
    [TIMESTAMP_HEADER]: String(timestamp),
    [HMAC_HEADER]: `sha256=${createHmac('sha256', keys.hmac).update(signed).digest('hex')}`,
  };
}
