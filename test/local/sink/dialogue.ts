/** A plain SMTP client for tests: it sends exactly the bytes it is told and hands back whole replies. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export type Dialogue = {
  socket: Socket;
  send(bytes: string | Buffer): void;
  /** The next whole reply without its last CRLF, or `closed` when the server has closed. */
  reply(): Promise<string>;
  ask(command: string): Promise<string>;
  /** Sends STARTTLS's handshake on the same connection; the new dialogue is the encrypted one. */
  encrypt(): Promise<Dialogue & { socket: TLSSocket }>;
  close(): void;
};

export async function dial(port: number): Promise<Dialogue> {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return converse(socket);
}

/** Dials and goes through the greeting. */
export async function greet(port: number): Promise<Dialogue> {
  const dialogue = await dial(port);
  await dialogue.reply();
  await dialogue.ask('EHLO client.test');
  return dialogue;
}

/** One message for the recipients; what came back after the dot, or the first refusal. */
export async function deliver(
  dialogue: Dialogue,
  to: string | string[],
  message = 'Subject: test\r\n\r\nhello\r\n',
  from = 'sender@shop.test',
): Promise<string> {
  const commands = [`MAIL FROM:<${from}>`, ...[to].flat().map((one) => `RCPT TO:<${one}>`), 'DATA'];
  for (const command of commands) {
    const reply = await dialogue.ask(command);
    if (!/^[23]/.test(reply)) return reply;
  }
  dialogue.send(`${message}.\r\n`);
  return dialogue.reply();
}

function converse(socket: Socket): Dialogue {
  let received = '';
  let closed = false;
  let wake = () => {};
  socket.on('data', (chunk) => {
    received += chunk.toString();
    wake();
  });
  for (const end of ['end', 'close', 'error'])
    socket.on(end, () => {
      closed = true;
      wake();
    });
  const dialogue: Dialogue = {
    socket,
    send: (bytes) => void socket.write(bytes),
    async reply() {
      for (;;) {
        const whole = /^(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n/.exec(received)?.[0];
        if (whole !== undefined) {
          received = received.slice(whole.length);
          return whole.trimEnd();
        }
        if (closed) return 'closed';
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    ask(command) {
      dialogue.send(`${command}\r\n`);
      return dialogue.reply();
    },
    async encrypt() {
      socket.removeAllListeners('data');
      const secure = connectTls({ socket, rejectUnauthorized: false });
      await new Promise((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject));
      return converse(secure) as Dialogue & { socket: TLSSocket };
    },
    close: () => void socket.destroy(),
  };
  return dialogue;
}
