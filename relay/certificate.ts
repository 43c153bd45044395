/**
 * The certificate that clients see: from its secret, and read again every so often, so that a renewed one is used by the next
 * handshake and no session is dropped for it. Until the secret holds one (the first hour of a new stack, or none was asked for)
 * it is one that we made and nobody trusts. TLS 1.2 and above.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import { type Certificate, isEnding, readCertificate } from '../core/certificate.ts';

export type CertificateDeps = {
  /** The secret's text; absent: there is no secret. */
  readText?: () => Promise<string>;
  /** One that nobody trusts, for this name. */
  makeOwn: () => Certificate;
  warn: (problem: string, error?: unknown) => void;
};

export type CertificateSource = {
  /** What the next handshake uses. */
  current: () => SecureContext;
  /** The same as PEM, for those who make their own context. */
  pem: () => Certificate;
  /** Reads the secret again. True: the certificate is another one. Never throws: what is there stays. */
  reload: () => Promise<boolean>;
  /** Whether it is from the secret. */
  trusted: () => boolean;
  /** Whether it is from the secret, and nobody has renewed it in time. @param now milliseconds since the epoch */
  isEnding: (now: number) => boolean;
};

export const MIN_TLS = 'TLSv1.2';

export async function openCertificate(deps: CertificateDeps): Promise<CertificateSource> {
  let certificate: Certificate | undefined;
  let own: Certificate | undefined;
  let context: SecureContext | undefined;
  const pem = (): Certificate => {
    if (certificate) return certificate;
    own ??= deps.makeOwn();
    return own;
  };
  const reload = async (): Promise<boolean> => {
    if (!deps.readText) return false;
    try {
      const found = readCertificate(await deps.readText());
      if (!found) {
        deps.warn('the secret of the TLS certificate holds no certificate with its key');
        return false;
      }
      if (found.chain === certificate?.chain && found.privateKey === certificate.privateKey) return false;
      // Whatever OpenSSL refuses is refused here, and not at the next handshake.
      const next = makeContext(found);
      certificate = found;
      context = next;
      return true;
    } catch (error) {
      deps.warn('the TLS certificate could not be read', error);
      return false;
    }
  };
  await reload();
  if (!certificate) deps.warn('the TLS certificate is self-signed: clients that verify it will not send');
  return {
    current: () => {
      context ??= makeContext(pem());
      return context;
    },
    pem,
    reload,
    trusted: () => certificate !== undefined,
    isEnding: (now) => certificate !== undefined && isEnding(certificate, now),
  };
}

function makeContext({ chain, privateKey }: Certificate): SecureContext {
  return createSecureContext({ cert: chain, key: privateKey, minVersion: MIN_TLS });
}
