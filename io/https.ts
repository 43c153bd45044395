/**
 * One HTTPS request to a host that a stranger named. It speaks to the address it was given, so that nothing resolves the
 * name again; it follows no redirect, keeps a bounded part of the answer, and takes a bounded time. It never throws.
 */
import { type RequestOptions, request } from 'node:https';
import { isIP } from 'node:net';

export type HttpsRequest = {
  host: string;
  /** The address of the host, which the caller has looked at (io/addresses.ts). */
  address: string;
  port: number;
  path: string;
  headers: Record<string, string>;
  /** Absent: GET. */
  post?: Buffer;
  /** Octets of the answer; one that is longer is an error. */
  most: number;
  signal: AbortSignal;
  /** For tests only: who signs certificates. */
  ca?: string;
};
/** `certificate`: the host's certificate is not valid for it. */
export type HttpsAnswer =
  | { status: number; type: string | undefined; body: Buffer }
  | { error: string; certificate?: true };

export function askHttps({
  host,
  address,
  port,
  path,
  headers,
  post,
  most,
  signal,
  ca,
}: HttpsRequest): Promise<HttpsAnswer> {
  return new Promise((resolve) => {
    const options: RequestOptions = {
      host,
      port,
      path,
      method: post ? 'POST' : 'GET',
      headers: { 'accept-encoding': 'identity', ...headers },
      agent: false,
      signal,
      servername: host,
      maxHeaderSize: 16_384,
      lookup: (_, { all }, found) => {
        const family = isIP(address);
        if (all) found(null, [{ address, family }]);
        else found(null, address, family);
      },
      ...(ca === undefined ? {} : { ca }),
    };
    const asked = request(options);
    const end = (answer: HttpsAnswer): void => {
      resolve(answer);
      asked.destroy();
    };
    const onError = (error: NodeJS.ErrnoException): void => end(explain(error, signal));
    asked.on('error', onError);
    asked.on('response', (response) => {
      const type = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', onError);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > most) end({ error: 'it is too long' });
      });
      response.on('end', () => end({ status: response.statusCode ?? 0, type, body: Buffer.concat(chunks) }));
    });
    asked.end(post);
  });
}

/** Codes of certificates that are not valid, from OpenSSL and Node. */
const CERTIFICATE = /CERT|UNABLE_TO_|ISSUER|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH/;

function explain(
  { code, message }: NodeJS.ErrnoException,
  signal: AbortSignal,
): Extract<HttpsAnswer, { error: string }> {
  if (signal.aborted) return { error: 'timeout' };
  const error = code ?? message;
  return CERTIFICATE.test(error) ? { error, certificate: true } : { error };
}
