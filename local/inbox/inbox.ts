/**
 * The inbox: everything the sink took, as JSON and as a page. It listens on 127.0.0.1 only, answers only requests whose
 * Host is loopback (DNS rebinding) and that no other site makes, and shows hostile mail without running or loading
 * anything of it. It changes nothing but by DELETE.
 *
 *   GET    /messages?to=&search=&limit=      [{id, to, from, fromName, subject, receivedAt, accepted}], newest first
 *   GET    /messages/{id}                    the same with headers, text, html, attachments, raw, transcript, dkim, tls, …
 *   GET    /messages/{id}/raw | /html | /attachments/{n}
 *   DELETE /messages
 *   GET    /events                           server-sent: `change` when mail came or went
 *   GET    /                                 the page
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type InboxLinks, makePage } from './page.ts';
import { quarantine, type ResolveTxt, readAttachment, readMessage, verifyDkim } from './reading.ts';
import type { Arrival, ArrivalStore } from './store.ts';

/** Messages that one list may ask for. */
const LIST_LIMIT = 1000;
/** Milliseconds between two events to the same page. */
const EVENT_MS = 250;
const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;
/** For everything that a message brought: it has no origin, nothing runs or loads; a link that is clicked opens a new tab. */
const HOSTILE =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

export type Inbox = { port: number; url: string; stop(): Promise<void> };

type Deps = { store: ArrivalStore; resolveTxt: ResolveTxt; page: ReturnType<typeof makePage> };
type Route = (request: { id: string; index: number; query: URLSearchParams }, deps: Deps) => Answer | Promise<Answer>;
type Answer = { status: number; type: string; body: string | Buffer; headers?: Record<string, string> };

/**
 * Starts the inbox.
 * @param port 0 or absent: one that is free
 * @param links what the page tells newcomers to send with
 * @param resolveTxt where DKIM keys are looked up
 * @throws Error with a sentence, when the port is taken
 */
export async function startInbox({
  port = 0,
  store,
  links,
  resolveTxt,
}: {
  port?: number;
  store: ArrivalStore;
  links: InboxLinks;
  resolveTxt: ResolveTxt;
}): Promise<Inbox> {
  const deps: Deps = { store, resolveTxt, page: makePage(links) };
  const readers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]!;
    const refusal = refuse(request);
    if (refusal) send(request, response, refusal);
    else if (path === '/events' && request.method === 'GET') openEvents(response, readers);
    else
      answer(request, deps)
        .catch((error: Error) => problem(500, `the inbox could not do that: ${error.message}`))
        .then((reply) => send(request, response, reply));
  });
  const stopAnnouncing = announceChanges(store, readers);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`the inbox cannot listen on 127.0.0.1:${port}: ${error.message}`, { cause: error })),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: chosen } = server.address() as { port: number };
  return {
    port: chosen,
    url: `http://127.0.0.1:${chosen}`,
    async stop() {
      stopAnnouncing();
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

/** A page elsewhere may point its own name at 127.0.0.1, or send requests here from the reader's browser: neither gets in. */
function refuse({ headers }: IncomingMessage): Answer | undefined {
  if (!LOOPBACK_HOST.test(headers.host ?? '')) return problem(403, 'the inbox answers on this machine only');
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`)
    return problem(403, 'the inbox does not answer other sites');
  if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate')
    return problem(403, 'the inbox does not answer other sites');
  return undefined;
}

const ROUTES: [method: string, pattern: RegExp, route: Route][] = [
  [
    'GET',
    /^\/$/,
    (_, { page }) => ({
      status: 200,
      type: 'text/html; charset=utf-8',
      body: page.html,
      headers: { 'content-security-policy': page.policy },
    }),
  ],
  ['GET', /^\/messages$/, listMessages],
  [
    'DELETE',
    /^\/messages$/,
    (_, { store }) => {
      store.deleteAll();
      return { status: 204, type: '', body: '' };
    },
  ],
  ['GET', /^\/messages\/([^/]+)$/, showMessage],
  [
    'GET',
    /^\/messages\/([^/]+)\/raw$/,
    ({ id }, { store }) => withMessage(store, id, ({ raw }) => hostile('text/plain; charset=utf-8', raw)),
  ],
  [
    'GET',
    /^\/messages\/([^/]+)\/html$/,
    ({ id }, { store }) =>
      withMessage(store, id, async ({ raw }) => {
        const { html } = await readMessage(raw);
        return hostile('text/html; charset=utf-8', quarantine(html));
      }),
  ],
  [
    'GET',
    /^\/messages\/([^/]+)\/attachments\/(\d{1,4})$/,
    ({ id, index }, { store }) =>
      withMessage(store, id, async ({ raw }) => {
        const attachment = await readAttachment(raw, index);
        if (!attachment) return problem(404, `message ${id} has no attachment ${index}`);
        const disposition = `attachment; filename*=UTF-8''${percentEncode(attachment.filename)}`;
        return hostile('application/octet-stream', attachment.bytes, { 'content-disposition': disposition });
      }),
  ],
];

async function answer(request: IncomingMessage, deps: Deps): Promise<Answer> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const [path, search] = (request.url ?? '/').split(/\?(.*)/s) as [string, string | undefined];
  const matching = ROUTES.filter(([, pattern]) => pattern.test(path));
  if (matching.length === 0) return problem(404, `there is nothing at ${path}`);
  const found = matching.find(([one]) => one === method);
  if (!found)
    return {
      ...problem(405, `${path} does not take ${method}`),
      headers: { allow: matching.map(([one]) => one).join(', ') },
    };
  const [, pattern, route] = found;
  const [, id = '', index = '0'] = pattern.exec(path)!;
  return route({ id, index: Number(index), query: new URLSearchParams(search) }, deps);
}

function listMessages({ query }: Parameters<Route>[0], { store }: Deps): Answer {
  const limit = query.get('limit') || '100';
  if (!/^\d{1,6}$/.test(limit) || Number(limit) < 1) return problem(400, 'limit is a whole number from 1 to 1000');
  const messages = store.list({
    to: query.get('to') || undefined,
    search: query.get('search') || undefined,
    limit: Math.min(Number(limit), LIST_LIMIT),
  });
  return { ...json(200, messages), headers: { 'x-total-count': String(store.count()) } };
}

function showMessage({ id }: Parameters<Route>[0], { store, resolveTxt }: Deps): Promise<Answer> {
  return withMessage(store, id, async ({ raw, ...arrival }) => {
    const [reading, dkim] = await Promise.all([readMessage(raw), verifyDkim(raw, resolveTxt)]);
    return json(200, { ...arrival, size: raw.length, ...reading, dkim, raw: raw.toString('utf8') });
  });
}

async function withMessage(store: ArrivalStore, id: string, show: (arrival: Arrival) => Answer | Promise<Answer>) {
  const arrival = store.find(id);
  return arrival ? show(arrival) : problem(404, 'there is no such message');
}

/** RFC 8187 3.2: what encodeURIComponent leaves but an extended value may not hold is encoded too. */
function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

function problem(status: number, message: string): Answer {
  return json(status, { errors: [{ message }] });
}

function hostile(type: string, body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return {
    status: 200,
    type,
    body,
    headers: { 'content-security-policy': HOSTILE, 'x-dns-prefetch-control': 'off', ...headers },
  };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body, headers }: Answer): void {
  request.resume();
  response.writeHead(status, {
    ...(type === '' ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function openEvents(response: ServerResponse, readers: Set<ServerResponse>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write('retry: 1000\n\nevent: change\ndata: {}\n\n');
  readers.add(response);
  response.on('close', () => readers.delete(response));
}

/** Many arrivals make one event: a page then asks for the list once. */
function announceChanges(store: ArrivalStore, readers: Set<ServerResponse>): () => void {
  let timer: NodeJS.Timeout | undefined;
  const unsubscribe = store.onChange(() => {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const reader of readers) reader.write('event: change\ndata: {}\n\n');
    }, EVENT_MS);
  });
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}
