/** A client that says exactly what a test gives it, octet by octet, and hears every reply: over TCP, TLS, and STARTTLS. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { KEY } from '../lambdas/fake-cloud.ts';

export type Client = {
  /** Writes octets (text as latin1), and waits for nothing. */
  write: (octets: string | Buffer) => void;
  /** Writes a line, and waits for its reply. */
  say: (line: string) => Promise<string>;
  /** The next reply, whole: all its lines; '' when the connection ended. */
  reply: () => Promise<string>;
  /** Everything that comes until nothing has come for so long. */
  rest: (quietMs?: number) => Promise<string>;
  startTls: () => Promise<void>;
  closed: () => Promise<void>;
  isClosed: () => boolean;
  end: () => void;
  socket: () => Socket | TLSSocket;
};

const REPLY = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/;

export async function openClient(port: number, { tls = false, wait = 20_000 } = {}): Promise<Client> {
  const raw = connectTcp(port, '127.0.0.1');
  let socket: Socket | TLSSocket = raw;
  let heard = '';
  let closed = false;
  let wake: (() => void) | undefined;
  const listen = () => {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      heard += chunk.toString('utf8');
      wake?.();
    });
    socket.on('error', () => {});
    const onClose = () => {
      closed = true;
      wake?.();
    };
    socket.on('close', onClose).on('end', onClose);
  };
  const news = (milliseconds: number) =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), milliseconds);
      wake = () => {
        clearTimeout(timer);
        wake = undefined;
        resolve(true);
      };
    });
  const secure = () =>
    new Promise<void>((resolve, reject) => {
      const secured = connectTls({ socket: raw, rejectUnauthorized: false }, () => resolve());
      secured.once('error', reject);
      secured.once('close', () => reject(new Error('closed in the handshake')));
      socket = secured;
    });
  await new Promise<void>((resolve, reject) => raw.once('connect', resolve).once('error', reject));
  if (tls) await secure();
  listen();
  const reply = async (): Promise<string> => {
    while (true) {
      const match = REPLY.exec(heard);
      if (match) {
        heard = heard.slice(match[0].length);
        return match[0];
      }
      if (closed) return '';
      if (!(await news(wait))) throw new Error(`no reply; heard ${JSON.stringify(heard)}`);
    }
  };
  const write = (octets: string | Buffer) =>
    void socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
  const client: Client = {
    write,
    reply,
    say: (line) => {
      write(`${line}\r\n`);
      return reply();
    },
    rest: async (quietMs = 100) => {
      while (!closed && (await news(quietMs)));
      const all = heard;
      heard = '';
      return all;
    },
    startTls: async () => {
      socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('end');
      await secure();
      listen();
    },
    closed: async () => {
      while (!closed) if (!(await news(wait))) throw new Error('the connection stays open');
    },
    isClosed: () => closed,
    end: () => socket.destroy(),
    socket: () => socket,
  };
  return client;
}

/** AUTH PLAIN's response for a key. */
export const plain = (key: string) => Buffer.from(`\0apikey\0${key}`).toString('base64');
export const PLAIN = plain(KEY.key);

/** A client that has logged in over implicit TLS. */
export async function logIn(port: number, response = PLAIN): Promise<Client> {
  const client = await openClient(port, { tls: true });
  await client.reply();
  await client.say('EHLO client.example');
  const said = await client.say(`AUTH PLAIN ${response}`);
  if (!said.startsWith('235')) throw new Error(said);
  return client;
}

/** MAIL and RCPT of one message. */
export async function begin(client: Client, to = 'reader@example.net', from = 'shop@example.com'): Promise<void> {
  for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<${to}>`]) {
    const said = await client.say(line);
    if (!said.startsWith('250')) throw new Error(`${line}: ${said}`);
  }
}

export const MESSAGE = [
  'From: Shop <shop@example.com>',
  'To: reader@example.net',
  'Subject: Hello',
  'Message-ID: <1@example.com>',
  'Date: Mon, 23 Nov 2026 12:00:00 +0000',
  '',
  'Hi',
  '',
].join('\r\n');
