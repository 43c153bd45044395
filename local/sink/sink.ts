/**
 * The sink: the SMTP server that all mail of the local stack goes to. It listens on 127.0.0.1 only, takes what it is
 * sent as the recipients' names tell it (`behaviours.ts`), and puts it into the arrivals store, one arrival per RCPT.
 * Mail never goes further than here; what its recipients answer goes to the relay of this machine.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { makeCertificate } from '../../io/certificate.ts';
import type { ArrivalStore } from '../inbox/store.ts';
import { type AnswerKind, composeAnswer } from './answers.ts';
import { openPostman } from './postman.ts';
import type { Reads, Visit } from './reader.ts';
import { type Dot, type Refusal, type SessionDeps, serveSession } from './session.ts';

/** Of attempts, dots, refusals and answers each, the newest so many are remembered. */
const REMEMBERED = 200_000;

export type Sink = {
  port: number;
  /** What was taken, oldest first: for tests that kill a sender between the final dot and its record. */
  dots: Dot[];
  /** What was refused, who wrote back, and who followed which link: with the dots, the sink's own log, for whoever compares it with ours. */
  refusals: Refusal[];
  answers: { recipient: string; kind: AnswerKind }[];
  visits: ({ recipient: string; what: Reads } & Visit)[];
  /** Connections accepted since the start. */
  sessions(): number;
  /** Where its recipients' answers go: a port of this machine. Until then they are let go. */
  answerTo(port: number | undefined): void;
  stop(): Promise<void>;
};

/**
 * Starts the sink.
 * @param port 0 or absent: one that is free
 * @param latency a remote peer's delays in milliseconds: before every burst of replies, and more after the final dot
 * @param tls whether STARTTLS is offered, with a certificate made now (self-signed)
 * @param clock milliseconds since the epoch
 * @param onAnswerLost told of an answer of a recipient that was not taken
 * @throws Error with a sentence, when the port is taken
 */
export async function startSink({
  port = 0,
  store,
  latency = { perCommandMs: 0, afterDotMs: 0 },
  tls = true,
  clock = Date.now,
  read,
  onAnswerLost = () => {},
}: {
  port?: number;
  store: Pick<ArrivalStore, 'add' | 'replied'>;
  latency?: SessionDeps['latency'];
  tls?: boolean;
  clock?: () => number;
  /** What a reader does with a mail that he has; default: nothing. Never rejects. */
  read?: (raw: Buffer, what: Reads) => Promise<Visit[]>;
  onAnswerLost?: (problem: string) => void;
}): Promise<Sink> {
  const hostName = 'mx1.sink.test';
  const attempts = new Map<string, number>();
  const dots: Dot[] = [];
  const refusals: Refusal[] = [];
  const answers: Sink['answers'] = [];
  const visits: Sink['visits'] = [];
  const postman = openPostman(onAnswerLost);
  const deps: SessionDeps = {
    hostName,
    store,
    clock,
    latency,
    read({ raw, recipient }, what) {
      void read?.(raw, what).then((all) => {
        for (const visit of all) remember(visits, { recipient, what, ...visit });
      });
    },
    secureContext: tls
      ? createSecureContext(makeCertificate([hostName, 'mx2.sink.test', 'localhost'], clock()))
      : undefined,
    countAttempt(key) {
      const before = attempts.get(key) ?? 0;
      attempts.delete(key);
      attempts.set(key, before + 1);
      if (attempts.size > REMEMBERED) attempts.delete(attempts.keys().next().value!);
      return before;
    },
    answer(kind, taken) {
      const answer = composeAnswer(kind, taken, randomUUID(), clock());
      if (!answer) return;
      postman.carry(answer);
      remember(answers, { recipient: taken.recipient, kind });
    },
    record: (dot) => remember(dots, dot),
    recordRefusal: (refusal) => remember(refusals, refusal),
  };
  const connections = new Set<Socket>();
  let sessions = 0;
  const server = createServer((connection) => {
    sessions += 1;
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    serveSession(connection, deps);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`the sink cannot listen on 127.0.0.1:${port}: ${error.message}`, { cause: error })),
    );
    server.listen({ port, host: '127.0.0.1', backlog: 1024 }, resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    dots,
    refusals,
    answers,
    visits,
    sessions: () => sessions,
    answerTo: postman.sendTo,
    async stop() {
      await postman.stop();
      for (const connection of connections) connection.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

/** Adds to a log of limited length. */
function remember<T>(log: T[], one: T): void {
  log.push(one);
  if (log.length > REMEMBERED * 1.1) log.splice(0, log.length - REMEMBERED);
}
