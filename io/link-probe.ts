/**
 * Whether a link host answers for us: asked as a reader's browser asks, so by HTTPS with a certificate that is valid for it. An account names
 * the host, so it is asked as webhooks are: its address is looked at, and is the one spoken to; no redirect is followed; size and time are bounded.
 */
import { isLoopback, originOf, PROBE_ANSWER, PROBE_PATH } from '../core/tracking/link-host.ts';
import { askHttps } from './https.ts';

const PATIENCE = 10_000;
/** Octets that an answer may have: ours has fifteen. */
const ANSWER = 1_000;

export type LinkProbeSettings = {
  /** A host's addresses, those alone that may be spoken to (io/mx.ts). */
  resolveHost: (host: string) => Promise<{ addresses: string[]; error?: string }>;
  /** For tests only: milliseconds for all of it, where HTTPS is, and who signs certificates. */
  timeoutMs?: number;
  port?: number;
  ca?: string;
};

export function openLinkProbe({ resolveHost, timeoutMs = PATIENCE, port = 443, ca }: LinkProbeSettings) {
  /** @returns why it does not answer for us; undefined: it does */
  return async (host: string): Promise<string | undefined> => {
    const url = `${originOf(host)}${PROBE_PATH}`;
    const signal = AbortSignal.timeout(timeoutMs);
    const plain = isLoopback(host);
    const { hostname, port: named } = new URL(url);
    const found = await within(signal, resolveHost(plain ? loopbackOf(hostname) : hostname));
    const [address] = found.addresses;
    if (address === undefined) return `${url}: ${found.error ?? 'its host has no address'}`;
    const answer = await askHttps({
      host: hostname,
      address,
      port: plain ? Number(named || 80) : port,
      path: PROBE_PATH,
      plain,
      headers: { 'user-agent': 'Pennypost' },
      most: ANSWER,
      signal,
      ...(ca === undefined ? {} : { ca }),
    });
    if ('error' in answer) return `${url}: ${answer.error}`;
    if (answer.status === 200 && answer.body.toString('utf8') === PROBE_ANSWER) return undefined;
    return `${url} answers ${answer.status}, and not as ours`;
  };
}

const loopbackOf = (hostname: string) => (hostname === 'localhost' ? '127.0.0.1' : hostname.replace(/^\[|\]$/g, ''));

type Addresses = Awaited<ReturnType<LinkProbeSettings['resolveHost']>>;

function within(signal: AbortSignal, looking: Promise<Addresses>): Promise<Addresses> {
  const late = new Promise<Addresses>((resolve) => {
    signal.addEventListener('abort', () => resolve({ addresses: [], error: 'timeout' }), { once: true });
  });
  return Promise.race([looking, late]);
}
