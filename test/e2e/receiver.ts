/** A customer's server for event webhooks: keeps what it takes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SendGridEvent } from '../../core/event/event.ts';

export type Received = { body: Buffer; headers: IncomingMessage['headers']; events: SendGridEvent[] };

/** `answer` may be changed while it runs. */
export async function startReceiver() {
  const received: Received[] = [];
  const receiver = {
    received,
    url: '',
    events: () => received.flatMap(({ events }) => events),
    answer: (_: IncomingMessage, response: ServerResponse) => void response.writeHead(200).end(),
    server: undefined as unknown as Server,
  };
  receiver.server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const keep = () => received.push({ body, headers: request.headers, events: JSON.parse(body.toString()) });
    response.on('finish', () => response.statusCode < 300 && keep());
    receiver.answer(request, response);
  });
  receiver.server.listen(0, '127.0.0.1');
  await once(receiver.server, 'listening');
  receiver.url = `http://127.0.0.1:${(receiver.server.address() as AddressInfo).port}/events`;
  return receiver;
}

/** Every kind of event, in a webhook's settings. */
export const ALL_ON = Object.fromEntries(
  [
    'processed',
    'delivered',
    'deferred',
    'bounce',
    'dropped',
    'open',
    'click',
    'spam_report',
    'unsubscribe',
    'group_unsubscribe',
    'group_resubscribe',
  ].map((name) => [name, true]),
);
