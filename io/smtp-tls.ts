/**
 * TLS on a connection to a mail server. The certificate is always examined and never insisted on: who needs it valid reads
 * `verified` before a word of mail is said. Two hellos: all that Node can do, and a small one for hosts and boxes on the way
 * that break over a hello of more than one packet (the post-quantum key shares make it one).
 * A resumed session keeps the verdict that its certificate got, and is only resumed for the same name, policy and trust.
 */
import { isIP, type Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { checkServerIdentity, connect, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { TlsPolicy, TlsState } from '../core/tls.ts';

export type Hello = 'full' | 'small';
export type TlsOptions = {
  /** Whom the certificate must name: for SNI and for the verdict. */
  name: string;
  /** Where this is: a session is resumed there only. */
  place: string;
  policy: TlsPolicy;
  hello: Hello;
  /** Further authorities, PEM. */
  trust?: string[];
};
export type Secured = { socket: TLSSocket; state: TlsState };

/** TLS sessions of hosts that are kept: some 2 KB each. */
const KEPT_SESSIONS = 500;
type KeptSession = { session: Buffer; certError: string | undefined };
const kept = new Map<string, KeptSession>();

/** One group, two ciphers, three signatures, no tickets: below 512 octets, and all that TLS 1.3 demands (RFC 8446 9.1). */
const SMALL = {
  minVersion: 'TLSv1.3',
  ecdhCurve: 'X25519',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384',
  sigalgs: 'ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256:rsa_pkcs1_sha256',
} as const;
const SSL_OP_NO_TICKET = 1 << 14;

/** Contexts are costly (each has its store of authorities), and alike for all connections. */
const contexts = new Map<string, SecureContext>();

function contextOf(hello: Hello, trust: readonly string[]): SecureContext {
  const key = `${hello} ${trust.join()}`;
  let context = contexts.get(key);
  if (!context) {
    const ca = trust.length === 0 ? {} : { ca: [...getCACertificates('default'), ...trust] };
    context = createSecureContext(hello === 'full' ? ca : { ...SMALL, ...ca, secureOptions: SSL_OP_NO_TICKET });
    contexts.set(key, context);
  }
  return context;
}

/** A socket inside TLS and what its certificate is worth, or why there is none. @param wait milliseconds */
export function startTls(socket: Socket, options: TlsOptions, wait: number): Promise<Secured | string> {
  const { name, place, policy, hello, trust = [] } = options;
  const key = `${policy} ${name} ${place} ${trust.join()}`;
  const known = hello === 'full' ? kept.get(key) : undefined;
  return new Promise((resolve) => {
    const secured = connect({
      socket,
      host: name,
      rejectUnauthorized: false,
      secureContext: contextOf(hello, trust),
      checkServerIdentity: checkName,
      ...(isIP(name) ? {} : { servername: name }),
      ...(known ? { session: known.session } : {}),
    });
    let state: TlsState | undefined;
    let ticket: Buffer | undefined;
    const keep = (): void => {
      if (ticket && state && hello === 'full') keepSession(key, { session: ticket, certError: state.certError });
    };
    const end = (result: Secured | string): void => {
      clearTimeout(timer);
      secured.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
      if (typeof result === 'string') {
        kept.delete(key);
        secured.on('error', () => {}).destroy();
        socket.on('error', () => {}).destroy();
      }
      resolve(result);
    };
    const onSecure = (): void => {
      state = stateOf(secured, known);
      keep();
      end({ socket: secured, state });
    };
    const onError = (error: NodeJS.ErrnoException): void => end(`TLS: ${error.code ?? error.message}`);
    const onClose = (): void => end('TLS: closed by the server');
    const timer = setTimeout(() => end('TLS: timeout'), wait);
    secured.on('secureConnect', onSecure).on('error', onError).on('close', onClose);
    // In TLS 1.3 it comes after the handshake, in 1.2 within it.
    secured.on('session', (session: Buffer) => {
      // Node's buffer is a few hundred octets of 64 KB, which the session would keep with it.
      ticket = Buffer.allocUnsafeSlow(session.length);
      session.copy(ticket);
      keep();
    });
  });
}

function stateOf(secured: TLSSocket, known: KeptSession | undefined): TlsState {
  // Node does not compare names again on a resumed session: its certificate was judged when it was first seen.
  const certError = known && secured.isSessionReused() ? known.certError : certErrorOf(secured);
  const protocol = secured.getProtocol() ?? 'TLS';
  const cipher = secured.getCipher().name;
  return certError === undefined
    ? { protocol, cipher, verified: true }
    : { protocol, cipher, verified: false, certError };
}

function certErrorOf(secured: TLSSocket): string | undefined {
  if (secured.authorized) return undefined;
  // Declared an Error, in truth a code.
  return String(secured.authorizationError ?? 'UNVERIFIED');
}

/** Only a subjectAltName counts (RFC 8461 4.1); Node would also take a common name. */
function checkName(name: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname) return checkServerIdentity(name, certificate);
  return Object.assign(new Error(`no subjectAltName for ${name}`), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

function keepSession(key: string, session: KeptSession): void {
  kept.delete(key);
  kept.set(key, session);
  const [oldest] = kept.keys();
  if (kept.size > KEPT_SESSIONS && oldest !== undefined) kept.delete(oldest);
}
