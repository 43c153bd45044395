/**
 * For programs that can neither log in nor speak TLS, as smtp-source: a port of loopback that takes them in clear, and for each of
 * their connections has one to the relay, with TLS and logged in. Behind the banner it passes octets on and reads none of them. What the
 * relay refuses it with before that is what its client hears for a banner.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { connect, type TLSSocket } from 'node:tls';

const LOOPBACK = '127.0.0.1';

class Refusal extends Error {}

/** @param tlsPort of the relay, TLS from the first octet; its certificate is a local one that nobody has signed */
export async function startLoginForwarder(tlsPort: number, password: string) {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    forward(client, tlsPort, password).catch((error: Error) => {
      if (error instanceof Refusal) return void client.end(error.message);
      if (!client.destroyed) process.stderr.write(`the relay let go of a connection: ${error.message}\n`);
      client.destroy();
    });
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async (): Promise<void> => {
      for (const client of open) client.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function forward(client: Socket, port: number, password: string): Promise<void> {
  const relay = connect({ host: LOOPBACK, port, rejectUnauthorized: false });
  client.once('close', () => relay.destroy());
  relay.setNoDelay(true);
  const banner = await said(relay, '220');
  relay.write('EHLO forwarder.example\r\n');
  await said(relay, '250');
  relay.write(`AUTH PLAIN ${Buffer.from(`\0apikey\0${password}`).toString('base64')}\r\n`);
  await said(relay, '235');
  client.write(banner);
  await Promise.all([pipeline(client, relay), pipeline(relay, client)]);
}

/** The next reply, whole. @throws Refusal with it when it has another code */
async function said(relay: TLSSocket, code: string): Promise<string> {
  let text = '';
  while (!/^\d{3} [^\n]*\n/m.test(text)) {
    relay.resume();
    const [chunk] = (await once(relay, 'data')) as [Buffer];
    text += chunk;
  }
  relay.pause();
  if (!text.startsWith(code)) throw new Refusal(text);
  return text;
}
