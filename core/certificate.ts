/**
 * The relay's certificate: what a secret's text holds of it, when it is due, and where its authority looks for the proof
 * that the name is ours (RFC 8555 8.4). It refuses, as not there, a text without a whole certificate and its own key.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';

const DAY = 86_400_000;
/** Days before its end on which a certificate is renewed: time for a month of failures, with an alarm each day. */
const RENEWAL_DAYS = 30;
/** Of short-lived certificates, the share of their life instead. */
const RENEWAL_SHARE = 1 / 3;

export type Certificate = {
  /** The leaf and the certificates above it, as PEM. */
  chain: string;
  /** PEM (PKCS #8). */
  privateKey: string;
};

/** The name of the TXT record that proves a host name, lower case and without a dot at its end. */
export const challengeRecord = (hostName: string): string => `_acme-challenge.${hostName.toLowerCase()}`;

/** A certificate as the secret's text. */
export const formatCertificate = ({ chain, privateKey }: Certificate): string =>
  `${chain.trim()}\n${privateKey.trim()}\n`;

/** What a secret's text holds; undefined: no certificate, no key, or a key that is not the certificate's. */
export function readCertificate(text: string): Certificate | undefined {
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g) ?? [];
  const certificates = blocks.filter((block) => block.startsWith('-----BEGIN CERTIFICATE-----'));
  const privateKey = blocks.find((block) => /^-----BEGIN (RSA |EC )?PRIVATE KEY-----/.test(block));
  const leaf = certificates[0];
  if (leaf === undefined || privateKey === undefined) return undefined;
  try {
    if (!new X509Certificate(leaf).checkPrivateKey(createPrivateKey(privateKey))) return undefined;
  } catch {
    return undefined;
  }
  return { chain: `${certificates.join('\n')}\n`, privateKey: `${privateKey}\n` };
}

/**
 * Why a new certificate is needed, in a few words; undefined: it is not.
 * @param now milliseconds since the epoch
 */
export function renewalCause(text: string, hostName: string, now: number): string | undefined {
  const certificate = readCertificate(text);
  if (!certificate) return 'there is none yet';
  const leaf = new X509Certificate(certificate.chain);
  if (leaf.checkHost(hostName) === undefined) return `it is not for ${hostName}`;
  const begin = leaf.validFromDate.getTime();
  const end = leaf.validToDate.getTime();
  if (now < end - margin(begin, end)) return undefined;
  return now < end ? `it ends on ${leaf.validToDate.toISOString().slice(0, 10)}` : 'it has ended';
}

/** Whether half of the time for its renewal is over, whoever renews it: it is time that somebody looks. */
export function isEnding({ chain }: Pick<Certificate, 'chain'>, now: number): boolean {
  const leaf = new X509Certificate(chain);
  const end = leaf.validToDate.getTime();
  return now >= end - margin(leaf.validFromDate.getTime(), end) / 2;
}

/** Milliseconds before its end from which on it is to be renewed. */
const margin = (begin: number, end: number): number => Math.min(RENEWAL_DAYS * DAY, (end - begin) * RENEWAL_SHARE);
