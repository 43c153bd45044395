/**
 * The big door: `POST /v3/mail/send` over HTTPS up to 30 MB, by accept's own use case, with accept's own answers. Whoever has no
 * key, or says that more is coming than is taken, is answered before the body is read. Bodies are read within a budget of memory,
 * and not from those who send them too slowly.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { apiErrors, tooLarge } from '../core/errors.ts';
import { createGrowingBuffer } from '../core/growing-buffer.ts';
import { type AcceptDeps, accept, admit, type HttpResponse, refuse } from '../submission/accept.ts';
import type { CertificateSource } from './certificate.ts';
import { MIN_TLS } from './certificate.ts';
import type { Gate } from './gate.ts';
import type { Limits } from './limits.ts';
import type { Budget } from './memory.ts';

export type DoorDeps = AcceptDeps & {
  limits: Pick<Limits, 'headMs' | 'bodyMs' | 'messageRate' | 'memoryWaitMs' | 'tlsMs'>;
  gate: Pick<Gate, 'enter'>;
  memory: Budget;
  certificate: Pick<CertificateSource, 'pem'>;
  count: (status: number) => void;
  report: (problem: string, error: unknown) => void;
  bind?: string;
};

export type Door = {
  port: number;
  /** The certificate is another one: the next handshake has it. */
  renew: () => void;
  /** Takes no more, and waits for what is at work. @returns how many requests were cut */
  drain: (milliseconds: number) => Promise<number>;
};

/** A body is there as octets, as text, as what it says, as it is stored: so many times its length, for a moment. */
const COPIES = 4;
/** Milliseconds for which a body that nobody wants is thrown away, after its answer. */
const LINGER_MS = 2_000;

/** @param port 0: any that is free @throws Error when it is taken */
export async function openDoor(port: number, deps: DoorDeps): Promise<Door> {
  const { limits, certificate } = deps;
  const pem = () => {
    const { chain, privateKey } = certificate.pem();
    return { cert: chain, key: privateKey, minVersion: MIN_TLS } as const;
  };
  const server = createServer({
    ...pem(),
    handshakeTimeout: limits.tlsMs,
    headersTimeout: limits.headMs,
    keepAliveTimeout: limits.headMs,
    // Ours depends on how much has come (`readAll`).
    requestTimeout: 0,
  });
  letIn(server, deps);
  let atWork = 0;
  let idle: (() => void) | undefined;
  const handle = (ready: () => void) => (request: IncomingMessage, response: ServerResponse) => {
    atWork++;
    answer(request, ready, response, deps)
      .catch((error) => {
        deps.report('a request failed', error);
        return { ...refuse(apiErrors.internalError), close: true };
      })
      .then((answered) => {
        atWork--;
        reply(response, answered, !server.listening, deps);
        if (atWork === 0) idle?.();
      });
  };
  server.on(
    'request',
    handle(() => {}),
  );
  server.on('checkContinue', (request, response) => handle(() => response.writeContinue())(request, response));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(deps.bind ? { host: deps.bind } : {}) }, () => {
      server.off('error', reject);
      server.on('error', (error) => deps.report('the door failed', error));
      resolve();
    });
  });
  return {
    port: (server.address() as { port: number }).port,
    renew: () => server.setSecureContext(pem()),
    drain: async (milliseconds) => {
      server.close();
      server.closeIdleConnections();
      let timer: NodeJS.Timeout | undefined;
      if (atWork > 0)
        await new Promise<void>((done) => {
          idle = done;
          timer = setTimeout(done, milliseconds);
        });
      clearTimeout(timer);
      const cut = atWork;
      // A moment for the last answers to leave.
      setTimeout(() => server.closeAllConnections(), cut > 0 ? 0 : 1_000).unref();
      return cut;
    },
  };
}

/** Connections count before their handshake: it is what costs. */
function letIn(server: Server, { gate, limits }: DoorDeps): void {
  server.on('connection', (socket: Socket) => {
    const pass = gate.enter(socket.remoteAddress ?? '', 'customer');
    if (typeof pass === 'string') return void socket.destroy();
    socket.once('close', pass.leave);
    socket.on('error', () => socket.destroy());
    socket.setTimeout(limits.bodyMs + limits.memoryWaitMs, () => socket.destroy());
  });
}

type Answer = HttpResponse & { close?: boolean };

async function answer(
  request: IncomingMessage,
  ready: () => void,
  response: ServerResponse,
  deps: DoorDeps,
): Promise<Answer | undefined> {
  const { requestBytes, limits, memory } = deps;
  const [path = ''] = (request.url ?? '').split('?');
  const ip = request.socket.remoteAddress;
  const head = {
    method: request.method ?? '',
    path,
    headers: singleHeaders(request),
    ...(ip === undefined ? {} : { ip }),
  };
  const admitted = await admit(head, deps);
  if (!admitted.ok) return { ...admitted.answer, close: true };
  const said = Number(head.headers['content-length'] ?? requestBytes);
  if (said > requestBytes) return { ...refuse(tooLarge(requestBytes)), close: true };
  // What is packed can grow to the limit.
  const octets = head.headers['content-encoding'] === undefined ? said : requestBytes;
  const release = await memory.take(COPIES * octets, limits.memoryWaitMs);
  if (!release) return { ...refuse(apiErrors.unavailable), close: true };
  try {
    ready();
    const body = await readAll(request, deps);
    if (body === 'gone' || response.destroyed) return undefined;
    if (body === 'too-large') return { ...refuse(tooLarge(requestBytes)), close: true };
    if (body === 'slow') return { ...refuse(apiErrors.tooSlow), close: true };
    return await accept({ ...head, body }, deps);
  } finally {
    release();
  }
}

function singleHeaders({ headers }: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

function readAll(
  request: IncomingMessage,
  { requestBytes, limits }: DoorDeps,
): Promise<Buffer | 'too-large' | 'slow' | 'gone'> {
  const begun = performance.now();
  const body = createGrowingBuffer();
  return new Promise((resolve) => {
    const watch = setInterval(
      () => {
        const allowed = limits.bodyMs + (body.length() / limits.messageRate) * 1_000;
        if (performance.now() - begun > allowed) settle('slow');
      },
      Math.min(1_000, limits.bodyMs / 2),
    );
    const settle = (result: Buffer | 'too-large' | 'slow' | 'gone') => {
      clearInterval(watch);
      request.off('data', onData).off('end', onEnd).off('close', onClose).pause();
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      if (body.length() + chunk.length > requestBytes) settle('too-large');
      else body.append(chunk);
    };
    const onEnd = () => settle(body.octets());
    const onClose = () => settle('gone');
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

function reply(response: ServerResponse, answered: Answer | undefined, draining: boolean, deps: DoorDeps): void {
  if (!answered || response.destroyed) return;
  const { status, headers, body, close } = answered;
  deps.count(status);
  if (close || draining) response.shouldKeepAlive = false;
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  if (!close || response.req.complete) return void response.end(body);
  // Closed at once, with octets of the body unread, the connection would be reset, and the client never see why.
  response.write(body);
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  response.req.once('end', end).once('close', end).resume();
}
