/**
 * Carries the sink's answers to where mail comes in on this machine: the relay's inbound port, by SMTP as any server would.
 * Before it is told where that is, and after the sink has stopped, answers are let go. It connects to loopback only.
 */
import SmtpConnection from 'nodemailer/lib/smtp-connection/index.js';
import { LOOPBACK } from '../http.ts';
import type { Answer } from './answers.ts';
import { takeTurns } from './turns.ts';

/** Milliseconds for each step of a session. */
const PATIENCE = 30_000;
/** Sessions at once: a mailing of which hundreds bounce is answered as one mail server would. */
const SESSIONS = 5;

export type Postman = {
  /** Where mail comes in: a port of this machine; undefined: nowhere. */
  sendTo(port: number | undefined): void;
  carry(answer: Answer): void;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
};

/** @param onError told of an answer that was not taken, for the log */
export function openPostman(onError: (problem: string) => void = () => {}): Postman {
  let target: number | undefined;
  const underWay = new Set<Promise<void>>();
  const inTurn = takeTurns(SESSIONS);
  return {
    sendTo(port) {
      target = port;
    },
    carry(answer) {
      if (target === undefined) return;
      const sending = inTurn(async () => {
        if (target !== undefined) await send(answer, target);
      })
        .catch((error: Error) => onError(`the answer to ${answer.to} was not taken: ${error.message}`))
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
    async stop() {
      target = undefined;
      await Promise.all(underWay);
    },
  };
}

function send({ mailFrom, to, raw }: Answer, port: number): Promise<void> {
  const connection = new SmtpConnection({
    host: LOOPBACK,
    port,
    name: 'mx1.sink.test',
    connectionTimeout: PATIENCE,
    greetingTimeout: PATIENCE,
    socketTimeout: PATIENCE,
    // The relay of this machine has a certificate of its own making.
    tls: { rejectUnauthorized: false },
  });
  return new Promise<void>((resolve, reject) => {
    connection.once('error', reject);
    connection.once('end', () => reject(new Error('the connection was closed')));
    connection.connect(() => {
      connection.send({ from: mailFrom as never, to: [to] }, raw, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }).finally(() => connection.quit());
}
