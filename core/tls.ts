/**
 * What TLS a session must have, and what became of it. Types and the words of RFC 8460; the session itself is io/smtp.ts.
 */

/**
 * `opportunistic`: TLS when offered, any certificate, and plain where TLS fails. `encrypted`: never plain, any certificate.
 * `verified`: never plain, and the certificate must be valid for the host (MTA-STS enforce, RFC 8461; `enforced_tls` with
 * `require_valid_cert`). `off`: plain (tests, a relay inside the VPC).
 */
export type TlsPolicy = 'opportunistic' | 'encrypted' | 'verified' | 'off';

/** RFC 8460 4.3: result types of failures. */
export const TLS_FAILURES = [
  'starttls-not-supported',
  'certificate-host-mismatch',
  'certificate-expired',
  'certificate-not-trusted',
  'validation-failure',
  'sts-policy-fetch-error',
  'sts-policy-invalid',
  'sts-webpki-invalid',
] as const;
export type TlsFailureType = (typeof TLS_FAILURES)[number];

/** One failure to get (verified) TLS with a host, whether or not the session went on without. */
export type TlsFailure = { type: TlsFailureType; host?: string; address?: string; reason: string };

/** TLS as a session has it. */
export type TlsState = {
  /** `TLSv1.3` */
  protocol: string;
  cipher: string;
  /** Whether the certificate chain is trusted and names the host. */
  verified: boolean;
  /** Why not: OpenSSL's or Node's code, e.g. `CERT_HAS_EXPIRED` (SendGrid's `cert_err`). */
  certError?: string;
};

/** The policy in force at a domain (RFC 8461 3.2). `mode: none` and no policy are `undefined` to those who deliver. */
export type StsPolicy = {
  mode: 'enforce' | 'testing';
  /** Host patterns: `mail.example.com`, `*.example.com` (one label). */
  mx: string[];
  /** Seconds. */
  maxAge: number;
  /** The `id` of its TXT record. */
  id: string;
};

const EXPIRED = /EXPIRED/;
const MISMATCH = /ALTNAME|HOSTNAME_MISMATCH|IP_ADDRESS_MISMATCH/;
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|UNTRUSTED|INVALID_CA|CHAIN_TOO_LONG|REJECTED/;

/** The result type of a certificate that is not valid (RFC 8460 4.3.1). @param code OpenSSL's or Node's, as in `TlsState` */
export function certificateFailure(code: string): TlsFailureType {
  if (EXPIRED.test(code)) return 'certificate-expired';
  if (MISMATCH.test(code)) return 'certificate-host-mismatch';
  return UNTRUSTED.test(code) ? 'certificate-not-trusted' : 'validation-failure';
}

const SENTENCES: Partial<Record<TlsFailureType, string>> = {
  'certificate-expired': 'has expired',
  'certificate-host-mismatch': 'is for another name',
  'certificate-not-trusted': 'is not from an authority that we trust',
};

/** Why a certificate is not valid, for people. @param name whom it had to name */
export function explainCertificate(name: string, code: string): string {
  return `the certificate of ${name} ${SENTENCES[certificateFailure(code)] ?? 'is not valid'} (${code})`;
}
