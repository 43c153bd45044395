/** Where a domain wants its TLS reports, and posting one (RFC 8460 3, 5.4). */
import { type Rua, readRua } from '../core/tls-report.ts';
import type { Dns } from './dns.ts';
import { askHttps } from './https.ts';

/** Octets of an answer that nobody reads. */
const ANSWER_BYTES = 65_536;

export type TlsReportPostSettings = {
  dns: Pick<Dns, 'txt'>;
  /** A host's addresses, those alone that may be spoken to. */
  resolveHost: (host: string) => Promise<{ addresses: string[]; error?: string }>;
  /** Milliseconds for posting one, with the look for its host's address; default 10,000. */
  timeoutMs?: number;
  /** For tests only: where report hosts listen, and who signs their certificates. */
  port?: number;
  ca?: string;
};

export function openTlsReportPost({ dns, resolveHost, timeoutMs = 10_000, port = 443, ca }: TlsReportPostSettings) {
  /** Where a domain wants its reports; undefined: DNS does not tell now. */
  const readReportAddresses = async (domain: string): Promise<Rua[] | undefined> => {
    const records = await dns.txt(`_smtp._tls.${domain}`);
    if ('answers' in records) return readRua(records.answers);
    return ['NXDOMAIN', 'NODATA', 'BADNAME'].includes(records.failure) ? [] : undefined;
  };
  return {
    readReportAddresses,
    wantsTlsReports: async (domain: string): Promise<boolean> => ((await readReportAddresses(domain)) ?? []).length > 0,

    /** Posts a report. Undefined: it was taken; else why not. Never throws. */
    post: async (url: string, type: string, bytes: Buffer): Promise<string | undefined> => {
      const { hostname: host, pathname, search } = new URL(url);
      const signal = AbortSignal.timeout(timeoutMs);
      const late = new Promise<{ addresses: string[]; error: string }>((resolve) => {
        signal.addEventListener('abort', () => resolve({ addresses: [], error: 'timeout' }), { once: true });
      });
      const { addresses, error } = await Promise.race([resolveHost(host), late]);
      const [address] = addresses;
      if (address === undefined) return error ?? 'it has no address';
      const answer = await askHttps({
        host,
        address,
        port,
        path: `${pathname}${search}`,
        headers: { 'content-type': type, 'content-length': String(bytes.length) },
        post: bytes,
        most: ANSWER_BYTES,
        signal,
        ...(ca === undefined ? {} : { ca }),
      });
      if ('error' in answer) return answer.error;
      return answer.status >= 200 && answer.status < 300 ? undefined : `HTTP ${answer.status}`;
    },
  };
}
