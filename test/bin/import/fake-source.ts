/** A server that speaks SendGrid's API by a function of the request, and remembers what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Asked = { method: string; url: URL; authorization: string | undefined };
type Answer = { status?: number; headers?: Record<string, string>; body?: unknown } | undefined;

/** @param answer undefined: it never answers. `response` is for those that break off. */
export async function startSource(
  answer: (asked: Asked, count: number, response: ServerResponse) => Answer | 'mine' | Promise<Answer | 'mine'>,
) {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const one = {
      method: request.method!,
      url: new URL(request.url!, 'http://source'),
      authorization: request.headers.authorization,
    };
    asked.push(one);
    const given = await answer(one, asked.length, response);
    if (given === undefined || given === 'mine') return;
    const { status = 200, headers = {}, body = {} } = given;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    end: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}
