/** A customer's server for event webhooks: it keeps what it took, whole. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventWebhook } from '@sendgrid/eventwebhook';
import type { SendGridEvent } from '../../core/event/event.ts';

export type Received = { body: Buffer; headers: IncomingMessage['headers']; events: SendGridEvent[] };

/** `answer` may be changed while it runs. */
export async function startReceiver() {
  const received: Received[] = [];
  const receiver = {
    received,
    url: '',
    events: () => received.flatMap(({ events }) => events),
    /** Each event once, by its id, in the order in which they came first. */
    unique: () => {
      const first = new Map<string, SendGridEvent>();
      for (const event of receiver.events()) if (!first.has(event.sg_event_id)) first.set(event.sg_event_id, event);
      return [...first.values()];
    },
    answer: (_: IncomingMessage, response: ServerResponse) => void response.writeHead(200).end(),
    server: undefined as unknown as Server,
    stop: () => {
      receiver.server.close();
      receiver.server.closeAllConnections();
    },
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

/** The settings' switches, all on. */
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

/** Which of these POSTs SendGrid's own verifier refuses. */
export function unverified(received: readonly Received[], publicKey: string): Received[] {
  const verifier = new EventWebhook();
  const key = verifier.convertPublicKeyToECDSA(publicKey);
  return received.filter(({ body, headers }) => {
    const signature = String(headers['x-twilio-email-event-webhook-signature']);
    const timestamp = String(headers['x-twilio-email-event-webhook-timestamp']);
    return !verifier.verifySignature(key, body.toString(), signature, timestamp);
  });
}
