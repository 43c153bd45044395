/**
 * One request to a host that a stranger named, by HTTPS unless he named HTTP. It speaks to the address it was given, so that nothing resolves the
 * name again; it follows no redirect and switches to no other protocol, keeps a bounded part of the answer, and takes a
 * bounded time: whatever the host does, it ends once, at the end of its signal at the latest. It never throws.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';

export type HttpsRequest = {
  host: string;
  /** The address of the host, which the caller has looked at (io/addresses.ts). */
  address: string;
  port: number;
  path: string;
  headers: Record<string, string>;
  /** Absent: GET. Pieces are sent one after the other, and copied nowhere. */
  post?: Buffer | readonly Buffer[];
  /** Without TLS. */
  plain?: boolean;
  /** Octets of the answer; one that is longer is an error. */
  most: number;
  /** Only the status counts: what comes behind it is let go, at `most` octets or `restMs` milliseconds. */
  restMs?: number;
  /** When it ends, so does the request. */
  signal: AbortSignal;
  /** For tests only: who signs certificates. */
  ca?: string;
};
/** `certificate`: the host's certificate is not valid for it. */
export type HttpsAnswer =
  | { status: number; type: string | undefined; body: Buffer }
  | { error: string; certificate?: true };

/** Answers of 1xx before the one that counts; who sends more wants us to wait. */
const MOST_INTERIM = 10;

export function askHttps(wanted: HttpsRequest): Promise<HttpsAnswer> {
  const { post, signal } = wanted;
  return new Promise((resolve) => {
    let asked: ClientRequest | undefined;
    const end = (answer: HttpsAnswer): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(answer);
      asked?.destroy();
    };
    // Not left to the request: one whose socket was given away by an upgrade tells nothing of its signal any more.
    let known: HttpsAnswer | undefined;
    const onAbort = (): void => end(known ?? { error: 'timeout' });
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    try {
      asked = (wanted.plain ? httpRequest : httpsRequest)(toOptions(wanted));
    } catch (error) {
      return end(explain(error as Error));
    }
    listen(asked, wanted, end, (answer) => {
      known = answer;
    });
    if (Array.isArray(post)) {
      for (const piece of post) asked.write(piece);
      asked.end();
    } else asked.end(post);
  });
}

function toOptions({ host, address, port, path, headers, post, ca }: HttpsRequest): RequestOptions {
  return {
    host,
    port,
    path,
    method: post ? 'POST' : 'GET',
    headers: { 'accept-encoding': 'identity', ...headers },
    agent: false,
    servername: host,
    maxHeaderSize: 16_384,
    lookup: (_, { all }, found) => {
      const family = isIP(address);
      if (all) found(null, [{ address, family }]);
      else found(null, address, family);
    },
    ...(ca === undefined ? {} : { ca }),
  };
}

/** Calls `end` at least once for everything that a host can do, but for saying nothing. Its first word counts. */
function listen(asked: ClientRequest, wanted: Rest, end: End, know: End): void {
  const onError = (error: NodeJS.ErrnoException): void => end(explain(error));
  let interim = 0;
  let answered = false;
  asked.on('error', onError);
  asked.on('information', () => {
    if (++interim > MOST_INTERIM) end({ error: 'too many answers of 1xx' });
  });
  asked.on('upgrade', (_, socket) => {
    // The request has let go of its socket: nobody else would hear of its errors, or close it.
    socket.on('error', () => {}).destroy();
    end({ error: 'HTTP 101' });
  });
  asked.on('response', (response) => {
    answered = true;
    read(response, wanted, end, know);
  });
  // A body that ends with its connection is read after this.
  asked.on('close', () => {
    if (!answered) end({ error: 'closed without an answer' });
  });
}

type Rest = Pick<HttpsRequest, 'most' | 'restMs'>;

type End = (answer: HttpsAnswer) => void;

function read(response: IncomingMessage, { most, restMs }: Rest, end: End, know: End): void {
  const status = response.statusCode ?? 0;
  if (status < 200) {
    end({ error: `HTTP ${status}` });
    return;
  }
  const type = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (restMs !== undefined) {
    const answer = { status, type, body: Buffer.alloc(0) };
    know(answer);
    const done = () => end(answer);
    const timer = setTimeout(done, restMs);
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > most) done();
    });
    response.on('error', done);
    response.on('close', () => {
      clearTimeout(timer);
      done();
    });
    return;
  }
  response.on('error', (error) => end(explain(error)));
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > most) return end({ error: 'it is too long' });
    chunks.push(chunk);
  });
  response.on('end', () => end({ status, type, body: Buffer.concat(chunks) }));
  response.on('close', () => end({ error: 'closed within its answer' }));
}

/** Codes of certificates that are not valid, from OpenSSL and Node. */
const CERTIFICATE = /CERT|UNABLE_TO_|ISSUER|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH/;

function explain({ code, message }: NodeJS.ErrnoException): Extract<HttpsAnswer, { error: string }> {
  const error = code ?? message;
  return CERTIFICATE.test(error) ? { error, certificate: true } : { error };
}
