/**
 * Our SMTP client (RFC 5321), one session with one host. Outcomes are values: nothing here throws for what a server does.
 * How a host is greeted, and TLS, is smtp-greet.ts; this file sends messages to it.
 * MAIL, RCPT and DATA go in one packet where the server takes it (RFC 2920). DATA's message is never begun with less time
 * left than its reply may take.
 */
import type { Attempt, Failure, Stage } from '../core/outcome.ts';
import { makeEnvelope } from '../core/smtp/envelope.ts';
import type { Waits } from '../core/smtp/limits.ts';
import type { TlsFailure, TlsState } from '../core/tls.ts';
import { failed, type Greeted, greetHost, type SessionOptions, type Within } from './smtp-greet.ts';
import { isLost, type SmtpLine } from './smtp-line.ts';

export type { SessionOptions } from './smtp-greet.ts';

export type Outgoing = {
  /** The return path; '' is the null sender. */
  from: string;
  to: string;
  /** The message, dots stuffed, the final dot included: pieces in order, so that copies can share a long body. */
  octets: Buffer[];
  /** Header octets above 127: needs SMTPUTF8. */
  eightBit?: boolean;
  /** Body octets above 127: needs 8BITMIME. */
  eightBitBody?: boolean;
};

/** `postponed`: the time left was too short to begin the message; nothing was sent. */
export type Sent = Attempt | { ok: false; postponed: true };

export type Session = {
  host: string;
  address: string;
  /** Undefined: in clear. */
  tls?: TlsState;
  /** What went wrong with TLS, though the session goes on: unverified, or in clear. */
  tlsFailures: TlsFailure[];
  /** Whether it takes bodies with octets above 127 (RFC 6152). */
  eightBitMime: boolean;
  /** Messages accepted so far. */
  accepted: () => number;
  /** Whether another message may be sent. */
  usable: () => boolean;
  /** Milliseconds since it was greeted, or since the last message's end. */
  idleFor: () => number;
  send: (message: Outgoing) => Promise<Sent>;
  /** Says QUIT, if there is someone to say it to, and closes. */
  quit: () => Promise<void>;
  /** The last lines that were said, made anew at each reading. No passwords. */
  readonly transcript: string[];
  /** The greeting, and what was said of the last message: of no other's recipients. Absent where nothing is said line by line. */
  conversation?: () => string[];
};

/** What is left of the session's patience. */
type Patience = { within: Within; resume: () => void; pause: (answered: boolean) => void; idleFor: () => number };

/** Milliseconds for QUIT's reply: good manners, not worth more. */
const QUIT_WAIT = 1_000;
const POSTPONED = { ok: false, postponed: true } as const;

/** Connects, greets, and starts TLS as the policy wants it. */
export async function openSession(options: SessionOptions): Promise<{ ok: true; session: Session } | Failure> {
  const patience = keepPatience(options);
  const tlsFailures: TlsFailure[] = [];
  const greeted = await greetHost(options, patience.within, tlsFailures);
  if ('line' in greeted) return { ok: true, session: makeSession(greeted, options, patience, tlsFailures) };
  return { ...greeted, tlsFailures };
}

/** What is left of `waits.session` while we wait, between messages not at all; each answer to one makes it whole again. */
function keepPatience({ waits, remaining }: SessionOptions): Patience {
  let left = waits.session;
  let since = performance.now();
  const now = () => left - (performance.now() - since);
  return {
    within: (wait) => Math.max(1, Math.min(wait, remaining(), now())),
    resume: () => {
      since = performance.now();
    },
    pause: (answered) => {
      left = answered ? waits.session : now();
      since = performance.now();
    },
    idleFor: () => performance.now() - since,
  };
}

function makeSession(
  { line, offered, tls }: Greeted,
  options: SessionOptions,
  patience: Patience,
  tlsFailures: TlsFailure[],
): Session {
  patience.pause(false);
  line.transcript.greeted();
  let accepted = 0;
  let mustReset = false;
  const send = async ({ from, to, octets, eightBit = false, eightBitBody = false }: Outgoing): Promise<Sent> => {
    let size = 0;
    for (const piece of octets) size += piece.length;
    line.transcript.begin();
    const envelope = makeEnvelope({ from, to, size, eightBit, eightBitBody }, offered, options.host);
    if ('ok' in envelope) return envelope;
    const { mail, rcpt, ascii } = envelope;
    const commands = mustReset ? ['RSET\r\n', mail, rcpt] : [mail, rcpt];
    mustReset = true;
    patience.resume();
    const message = { pieces: octets, size };
    const transaction = { commands, encoding: ascii ? 'latin1' : 'utf8', message } as const;
    const result = await transact(line, transaction, offered.pipelining, options, patience.within);
    const code = 'reply' in result ? result.reply?.code : undefined;
    patience.pause(code !== undefined);
    if (result.ok) {
      accepted++;
      mustReset = false;
    } else if (code === 421) line.close('the server closes the session');
    return result;
  };
  return {
    host: options.host,
    address: options.address,
    ...(tls === undefined ? {} : { tls }),
    tlsFailures,
    eightBitMime: offered.eightBitMime,
    accepted: () => accepted,
    usable: () => line.lost() === undefined,
    idleFor: patience.idleFor,
    send,
    quit: async () => {
      if (line.lost() === undefined) {
        line.write('QUIT\r\n', 1);
        await line.reply(Math.max(1, Math.min(QUIT_WAIT, options.remaining())));
      }
      line.close('quit');
    },
    get transcript() {
      return line.transcript.lines();
    },
    conversation: line.transcript.own,
  };
}

type Message = { pieces: Buffer[]; size: number };
type Transaction = {
  /** [RSET,] MAIL, RCPT, each with its CRLF. */
  commands: string[];
  encoding: 'latin1' | 'utf8';
  message: Message;
};

/** The commands, DATA, the message. */
async function transact(
  line: SmtpLine,
  { commands, encoding, message }: Transaction,
  pipelining: boolean,
  { waits, remaining }: SessionOptions,
  within: Within,
): Promise<Sent> {
  const isShort = () => remaining() < waits.body + waits.dot;
  if (isShort()) return POSTPONED;
  if (pipelining) line.write(`${commands.join('')}DATA\r\n`, commands.length + 1, encoding);

  let failure: Failure | undefined;
  const last = commands.length - 1;
  for (let n = 0; n <= last; n++) {
    if (!pipelining) line.write(commands[n]!, 1, encoding);
    const stage: Stage = n === last ? 'rcpt' : 'mail';
    const reply = await line.reply(within(waits.command));
    if (isLost(reply)) return failure ?? failed(stage, reply.lost);
    if (reply.code >= 200 && reply.code < 300) continue;
    if (n < last - 1) {
      line.close(`RSET refused: ${reply.text}`);
      return failed('mail', 'RSET refused');
    }
    failure ??= failed(stage, reply);
    if (!pipelining) return failure;
  }
  if (!pipelining) {
    if (isShort()) return POSTPONED;
    line.write('DATA\r\n', 1);
  }
  const go = await line.reply(within(waits.data));
  if (isLost(go)) return failure ?? failed('data', go.lost);
  if (go.code !== 354) return failure ?? failed('data', go);
  if (failure || isShort()) {
    // A dot now would send an empty message. Without one the server has to forget it all.
    line.close(failure ? '354 without a recipient' : 'no time left for the message');
    return failure ?? POSTPONED;
  }
  return sendMessage(line, message, (wait) => Math.max(1, Math.min(wait, remaining())), waits);
}

async function sendMessage(line: SmtpLine, { pieces, size }: Message, within: Within, waits: Waits): Promise<Attempt> {
  const { answer, written } = await line.writeMessage(pieces, size, within(waits.body), () => within(waits.dot));
  if (isLost(answer)) return { ...failed(written ? 'dot' : 'body', answer.lost), afterDot: written };
  if (!written) {
    line.close('a reply before the end of the message');
    return failed('body', answer.code < 400 ? answer.text : answer);
  }
  return answer.code >= 200 && answer.code < 300 ? { ok: true, reply: answer } : failed('dot', answer);
}
