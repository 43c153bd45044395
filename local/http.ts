/** HTTP on loopback: reading a whole body within a limit, asking another server, listening on a port with a clear refusal. */
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export const LOOPBACK = '127.0.0.1';

const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

/** Too much for the limit: the rest is not kept. */
export const TOO_LARGE: unique symbol = Symbol('too large');

/** The body of a request; `TOO_LARGE` beyond the limit (the connection is then read to its end, but not kept). */
export async function readBody(message: IncomingMessage, limit: number): Promise<Buffer | typeof TOO_LARGE> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? TOO_LARGE : Buffer.concat(chunks);
}

export type Response = { status: number; headers: IncomingHttpHeaders; body: Buffer };
export type Ask = (options: {
  port: number;
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  signal?: AbortSignal;
}) => Promise<Response>;

/** Headers that say who calls, as a signature would. Nobody on this machine checks signatures. */
export function signedAs(accessKeyId: string, region: string, service: string): Record<string, string> {
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20200101/${region}/${service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=0`,
    'x-amz-date': '20200101T000000Z',
  };
}

/** Asks a server on loopback over kept connections. */
export function openAsking(): { ask: Ask; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  const ask: Ask = ({ port, method, path, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: LOOPBACK,
          port,
          method,
          path,
          agent,
          headers: { ...headers, host: `${LOOPBACK}:${port}`, 'content-length': String(body.length) },
          ...(signal ? { signal } : {}),
        },
        (incoming) => {
          readBody(incoming, Number.POSITIVE_INFINITY).then(
            (bytes) => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: bytes as Buffer }),
            reject,
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  return { ask, close: () => agent.destroy() };
}

/**
 * Listens on loopback only.
 * @param port 0: any free one
 * @param what for the message, with the option that moves it: `the API (option --api-port)`
 * @throws Error in one sentence when the port is taken
 */
export function listen(listener: RequestListener, port: number, what: string): Promise<Listening> {
  const server = createServer({ keepAliveTimeout: 65_000 }, (incoming, outgoing) => {
    // A web page can make a browser call loopback under a name of its own (DNS rebinding); such a name is in Host.
    if (LOOPBACK_HOST.test(incoming.headers.host ?? '')) return listener(incoming, outgoing);
    outgoing.writeHead(403, { 'content-type': 'text/plain' }).end('This server answers to loopback names only.\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE' ? new Error(`port ${port}, for ${what}, is in use by another program`) : error,
      ),
    );
    server.listen(port, LOOPBACK, () =>
      resolve({
        server,
        port: (server.address() as AddressInfo).port,
        stop: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      }),
    );
  });
}

export type Listening = { server: Server; port: number; stop(): Promise<void> };

/** A port that is free now. For programs that can't choose one themselves. */
export async function freePort(): Promise<number> {
  const { port, stop } = await listen(() => {}, 0, 'a look for a free port');
  await stop();
  return port;
}
