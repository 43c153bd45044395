/** A session with a scripted server on loopback, for the tests of io/smtp. */
import type { Waits } from '../../core/smtp/limits.ts';
import { openSession, type Session, type SessionOptions } from '../../io/smtp.ts';

/** Short enough for a test, long enough for a busy machine where something is to come. */
export const SHORT: Waits = { connect: 1_000, command: 200, tls: 500, session: 3_000, data: 200, body: 300, dot: 200 };
export const LONG: Waits = {
  connect: 9_000,
  command: 9_000,
  tls: 9_000,
  session: 20_000,
  data: 9_000,
  body: 9_000,
  dot: 9_000,
};

export type Changes = Partial<SessionOptions> & { port: number };

export function open(changes: Changes) {
  return openSession({
    host: 'mx.x.example',
    address: '127.0.0.1',
    ehloName: 'mail.sender.example',
    waits: LONG,
    remaining: () => 180_000,
    ...changes,
  });
}

/** @throws Error when there is no session */
export async function greet(changes: Changes): Promise<Session> {
  const opened = await open(changes);
  if (!opened.ok) throw new Error(JSON.stringify(opened));
  return opened.session;
}

export const SECRET = 'the plain text of the message';
export const mail = (to = 'b@x.example', text = `Subject: a\r\n\r\n${SECRET}\r\n`) => ({
  from: 'bounce@em.sender.example',
  to,
  octets: [Buffer.from(text), Buffer.from('.\r\n')],
});
