/** Sending domains and their DKIM keys, and whose a host name is, in the accounts table. Keys are spelt here, once. */
import type { Authentication } from './senders.ts';

/** A DKIM key of a domain (core/domain-keys.ts). */
export type DomainKey = {
  /** Never used again for another key; in automatic security, once its last key has been retired for a week. */
  selector: string;
  algorithm: 'rsa' | 'ed25519';
  /** The `p=` of the DNS record, base64: the SPKI DER of an RSA key, the 32 octets of an Ed25519 key (RFC 8463 4.2). */
  publicKey: string;
  /** Base64 of the KMS ciphertext of the PKCS#8 DER; '' of a retired key. */
  privateKey: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  state: 'pending' | 'active' | 'retired';
  /** Milliseconds since the epoch at which it began to sign; absent of a domain's first. */
  activatedAt?: number;
  /** Milliseconds since the epoch. */
  retiredAt?: number;
};

/** A sending domain. Private keys are KMS ciphertext, their context `{account, domain}`; only deliver may decrypt them. */
export type DomainRecord = {
  pk: string;
  sk: string;
  domain: string;
  /** The selector of the RSA key that signs. */
  selector: string;
  /** The subdomain of return paths: `em.<domain>`. */
  returnPath: string;
  /** Base64 of the SPKI DER: the `p=` of the DNS record. */
  publicKey: string;
  /** Base64 of the KMS ciphertext of the PKCS#8 DER. */
  privateKey: string;
  /** All keys, the oldest first; absent until the first rotation. */
  keys?: DomainKey[];
  createdAt: number;
  /** Milliseconds since the epoch of the last check that found every record; absent: never. */
  validAt?: number;
  /** Absent of a domain that the operator added himself: nobody asks him whether it is his. */
  authentication?: Authentication;
};

/**
 * Whose a host name is that mail comes in at, or that its links are at: the one item whose partition key does not begin with the account, because it answers
 * just that. Written with a sending domain (its return path) or with a parse setting.
 */
export type HostRecord = {
  pk: string;
  sk: 'host';
  account: string;
  kind: 'return-path' | 'parse' | 'link';
};

export const domainKey = (account: string, domain: string) => ({ pk: account, sk: `domain#${domain.toLowerCase()}` });
export const hostKey = (hostname: string) => ({ pk: `host#${hostname.toLowerCase()}`, sk: 'host' as const });
