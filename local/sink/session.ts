/**
 * One SMTP session of the sink (RFC 5321): bytes in, replies out, arrivals to the store. Commands in their order or 503;
 * PIPELINING, SIZE, 8BITMIME, SMTPUTF8, STARTTLS; line ends strictly CRLF. What a recipient's name asks for is done here.
 * Refuses bytes sent between STARTTLS and the handshake (CVE-2011-0411) and a body sent before the 354 by closing.
 * Attempts are counted per MAIL FROM and RCPT TO: at RCPT nothing else is known of a message, and our return paths name it.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { readFields } from '../inbox/fields.ts';
import type { ArrivalStore } from '../inbox/store.ts';
import type { AnswerKind, Taken } from './answers.ts';
import { applies, behaviourOf, type Told } from './behaviours.ts';
import { createDataReader, type DataReader, type Fault, LINE_BYTES, MESSAGE_BYTES } from './data.ts';
import { parseMailFrom, parseRcptTo } from './envelope.ts';
import { createOutbox } from './outbox.ts';
import type { Reads } from './reader.ts';

/** A message that the sink took: what a kill test needs to bound duplicates. Times are milliseconds since the epoch. */
export type Dot = {
  /** As in the message, with angle brackets; empty where there is none. */
  messageId: string;
  recipient: string;
  dotAt: number;
  /** Absent while the reply has not been written; stays so when the connection went first. */
  repliedAt?: number;
};

/** A recipient that the sink refused, for now (4xx) or for good. */
export type Refusal = {
  recipient: string;
  /** Milliseconds since the epoch. */
  at: number;
  reply: string;
};

export type SessionDeps = {
  /** What a reader does with a mail that he has. */
  read?: (taken: Taken, what: Reads) => void;
  hostName: string;
  store: Pick<ArrivalStore, 'add' | 'replied'>;
  clock: () => number;
  /** Milliseconds before each burst of replies, and added after the final dot. */
  latency: { perCommandMs: number; afterDotMs: number };
  /** Absent: STARTTLS is not offered. */
  secureContext?: SecureContext | undefined;
  /** Attempts with this key before this one; counts this one. */
  countAttempt: (key: string) => number;
  record: (dot: Dot) => void;
  recordRefusal: (refusal: Refusal) => void;
  /** Writes back, after the reply to the final dot is out. */
  answer: (kind: AnswerKind, taken: Taken) => void;
};

type Recipient = { address: string; told: Told | undefined; before: number };
type Transaction = { mailFrom: string; utf8: boolean; recipients: Recipient[] };

/** Octets of a command line with its CRLF: RFC 5321 4.5.3.1.4 has 512, extensions add to it. */
const COMMAND_BYTES = 2048;
/** RFC 5321 4.5.3.1.8: at least 100. */
const RECIPIENTS = 1000;
const ERRORS = 20;
/** Lines outside transactions that a transcript keeps. */
const OPENING_LINES = 40;
/** RFC 5321 4.5.3.2.7: a server waits at least 5 minutes. */
const IDLE_MS = 300_000;
const CRLF = Buffer.from('\r\n');

const FAULTS: Record<Fault, string> = {
  'too-big': `552 5.3.4 Message is over ${MESSAGE_BYTES} bytes`,
  'bare-cr': '550 5.5.2 Bare CR in message: lines must end with CRLF (RFC 5321 2.3.8)',
  'bare-lf': '550 5.5.2 Bare LF in message: lines must end with CRLF (RFC 5321 2.3.8)',
  'line-too-long': `550 5.5.2 Line over ${LINE_BYTES} octets (RFC 5321 4.5.3.1.6)`,
};

/** Serves one connection until it is closed. */
export function serveSession(connection: Socket, deps: SessionDeps): void {
  const sessionId = randomUUID();
  const ip = (connection.remoteAddress ?? '').replace(/^::ffff:/, '');
  let transport: Socket = connection;
  let buffer: Buffer = Buffer.alloc(0);
  let mode: 'command' | 'data' | 'starttls' | 'closing' = 'command';
  let greeting: 'EHLO' | 'HELO' | undefined;
  let transaction: Transaction | undefined;
  let reader: DataReader | undefined;
  let errors = 0;
  // The dialogue up to the first transaction belongs to every transcript, then only the transaction's own lines.
  let opening: string[] = [];
  let lines: string[] = opening;
  const outbox = createOutbox((text) => void transport.write(text));

  const note = (who: 'C' | 'S', text: string) => {
    if (lines === opening && opening.length >= OPENING_LINES) return;
    for (const line of text.split('\n')) lines.push(`${who}: ${line}`);
  };
  const say = (reply: string, { delay = 0, sent }: { delay?: number; sent?: () => void } = {}) => {
    const text = reply.replaceAll('{ip}', ip);
    note('S', text);
    outbox.put(`${text.replaceAll('\n', '\r\n')}\r\n`, deps.latency.perCommandMs + delay, sent);
    if (text.startsWith('421')) close();
  };
  const fail = (reply: string) => {
    errors += 1;
    say(errors > ERRORS ? '421 4.7.0 Too many errors' : reply);
  };
  const close = () => {
    mode = 'closing';
    outbox.put('', 0, () => transport.end());
  };
  /** Breaks the connection once the replies before have gone: those are promises. */
  const drop = () => {
    mode = 'closing';
    outbox.put('', 0, () => transport.destroy());
  };
  const abort = () => {
    mode = 'closing';
    outbox.discard();
    transport.destroy();
  };
  const forget = () => {
    transaction = undefined;
    lines = opening;
  };

  const commands: Record<string, (argument: string) => void> = {
    EHLO: (argument) => {
      if (argument === '') return fail('501 5.5.4 Syntax: EHLO hostname');
      greeting = 'EHLO';
      forget();
      const offered = ['PIPELINING', `SIZE ${MESSAGE_BYTES}`, '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'];
      if (deps.secureContext && transport === connection) offered.push('STARTTLS');
      const reply = [`${deps.hostName} greets ${argument.slice(0, 255)}`, ...offered];
      say(reply.map((line, i) => `250${i < reply.length - 1 ? '-' : ' '}${line}`).join('\n'));
    },
    HELO: (argument) => {
      if (argument === '') return fail('501 5.5.4 Syntax: HELO hostname');
      greeting = 'HELO';
      forget();
      say(`250 ${deps.hostName} greets ${argument.slice(0, 255)}`);
    },
    STARTTLS: (argument) => {
      if (!deps.secureContext || transport !== connection) return fail('502 5.5.1 STARTTLS is not offered');
      if (argument !== '') return fail('501 5.5.4 Syntax: STARTTLS');
      // Bytes that came with the command would be read as if they had come encrypted.
      if (buffer.length > 0) return abort();
      mode = 'starttls';
      say('220 2.0.0 Ready to start TLS', { sent: startTls });
    },
    MAIL: (argument) => {
      if (greeting === undefined) return fail('503 5.5.1 EHLO first');
      if (transaction) return fail('503 5.5.1 Nested MAIL command');
      const parsed = parseMailFrom(argument);
      if ('refusal' in parsed) return fail(parsed.refusal);
      transaction = { mailFrom: parsed.address, utf8: parsed.utf8, recipients: [] };
      say('250 2.1.0 Ok');
    },
    RCPT: (argument) => {
      if (!transaction) return fail('503 5.5.1 MAIL first');
      if (transaction.recipients.length >= RECIPIENTS) return fail('452 4.5.3 Too many recipients');
      const parsed = parseRcptTo(argument, transaction.utf8);
      if ('refusal' in parsed) return fail(parsed.refusal);
      const told = behaviourOf(parsed.address);
      const before = told ? deps.countAttempt(`${transaction.mailFrom} ${parsed.address.toLowerCase()}`) : 0;
      const action = told?.behaviour.action;
      if (action?.do === 'refuse' && action.at === 'rcpt' && applies(told!, before)) {
        deps.recordRefusal({ recipient: parsed.address, at: deps.clock(), reply: action.reply });
        return say(action.reply);
      }
      transaction.recipients.push({ address: parsed.address, told, before });
      say('250 2.1.5 Ok');
    },
    DATA: (argument) => {
      if (argument !== '') return fail('501 5.5.4 Syntax: DATA');
      if (!transaction) return fail('503 5.5.1 MAIL first');
      if (transaction.recipients.length === 0) return fail('554 5.5.1 No valid recipients');
      if (buffer.length > 0) return say('421 4.5.0 Message sent before 354 (RFC 2920 3.1)');
      mode = 'data';
      reader = createDataReader();
      say('354 End data with <CR><LF>.<CR><LF>');
    },
    RSET: () => {
      forget();
      say('250 2.0.0 Ok');
    },
    NOOP: () => say('250 2.0.0 Ok'),
    HELP: () => say('214 2.0.0 The recipient tells what the sink does: see the help of the inbox'),
    VRFY: () => say('252 2.1.5 Cannot VRFY, but will take it and try'),
    QUIT: () => {
      say('221 2.0.0 Bye');
      close();
    },
  };

  const readCommands = () => {
    while (mode === 'command') {
      const end = buffer.indexOf(CRLF);
      if (end === -1) {
        if (buffer.length > COMMAND_BYTES) say('421 4.5.2 Command line too long');
        return;
      }
      const line = buffer.toString('utf8', 0, end);
      buffer = buffer.subarray(end + 2);
      const [, verb = '', argument = ''] = /^([A-Za-z]+)(?: (.*))?$/s.exec(line.trimEnd()) ?? [];
      const command = verb.toUpperCase();
      if (command === 'MAIL' && !transaction) lines = [...opening];
      note('C', line.slice(0, 500).replace(/[\r\n]/g, '\ufffd'));
      if (end > COMMAND_BYTES) fail('500 5.5.2 Line too long');
      else if (/[\r\n\0\ufffd]/.test(line)) fail('500 5.5.2 Bare CR, bare LF, NUL or broken UTF-8 in command');
      else if (!Object.hasOwn(commands, command)) fail('500 5.5.1 Command not recognized');
      else commands[command]!(argument);
    }
  };

  const readData = (chunk: Buffer) => {
    if (
      transaction!.recipients.some(
        ({ told }) => told?.behaviour.action.do === 'drop' && told.behaviour.action.at === 'data',
      )
    )
      return drop();
    const rest = reader!.push(chunk);
    if (rest === undefined) return;
    const finished = reader!.finish();
    mode = 'command';
    buffer = rest;
    reader = undefined;
    if ('fault' in finished) {
      note('S', `(message refused: ${finished.fault})`);
      fail(FAULTS[finished.fault]);
    } else takeMessage(finished.raw);
    forget();
  };

  /** The final dot has come: what the recipients ask for, a refusal before all, then a drop, then a wait. */
  const takeMessage = (raw: Buffer) => {
    const { recipients, mailFrom } = transaction!;
    note('C', `(message of ${raw.length} bytes, then the final dot)`);
    const asked = recipients.filter(({ told, before }) => told && applies(told, before)).map(({ told }) => told!);
    const refusal = asked.map(({ behaviour }) => behaviour.action).find((action) => action.do === 'refuse');
    if (refusal) {
      for (const { address } of recipients)
        deps.recordRefusal({ recipient: address, at: deps.clock(), reply: refusal.reply });
      return say(refusal.reply, { delay: deps.latency.afterDotMs });
    }
    const dropped = asked.some(({ behaviour }) => behaviour.action.do === 'drop');
    const seconds = Math.max(0, ...asked.map(({ behaviour, n }) => (behaviour.action.do === 'wait' ? n : 0)));
    const receivedAt = deps.clock();
    const fields = readFields(raw);
    const ids = recipients.map(() => randomUUID());
    const reply = `250 2.0.0 Ok: queued as ${ids[0]}`;
    note('S', dropped ? '(connection closed without a reply)' : reply);
    const dots = recipients.map(({ address }, i) => {
      const dot: Dot = { messageId: fields.messageId, recipient: address, dotAt: receivedAt };
      deps.record(dot);
      deps.store.add({
        ...fields,
        ...{ id: ids[i]!, receivedAt, repliedAt: null, mailFrom, to: address, from: fields.from || mailFrom, raw },
        ...{ transcript: lines.join('\n'), tls: tlsOf(transport), sessionId, accepted: !dropped },
      });
      return dot;
    });
    if (dropped) return drop();
    for (const { address, told } of recipients)
      if (told?.behaviour.action.do === 'read')
        deps.read?.({ mailFrom, recipient: address, raw }, told.behaviour.action.what);
    const delay = deps.latency.perCommandMs + deps.latency.afterDotMs + seconds * 1000;
    outbox.put(`${reply}\r\n`, delay, () => {
      const repliedAt = deps.clock();
      for (const dot of dots) dot.repliedAt = repliedAt;
      for (const id of ids) deps.store.replied(id, repliedAt);
      for (const { address, told } of recipients)
        if (told?.behaviour.action.do === 'answer')
          deps.answer(told.behaviour.action.with, { mailFrom, recipient: address, raw });
    });
  };

  const read = (chunk: Buffer) => {
    // Before our 220 is out no honest client sends anything: not even its ClientHello.
    if (mode === 'starttls') return abort();
    if (mode === 'closing') return;
    if (mode === 'data') readData(chunk);
    else buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
    // One chunk may hold the end of a message, commands, and a DATA after which nothing may follow.
    readCommands();
    outbox.drain();
  };

  const startTls = () => {
    connection.removeAllListeners('data');
    const secure = new TLSSocket(connection, { isServer: true, secureContext: deps.secureContext! });
    transport = secure;
    secure.once('secure', () => {
      mode = 'command';
      greeting = undefined;
      opening = [...opening, `(TLS established: ${secure.getProtocol()}, ${secure.getCipher().name})`];
      forget();
    });
    attend(secure);
  };
  const attend = (socket: Socket) => {
    socket.on('data', read);
    socket.on('error', abort);
    socket.on('close', () => {
      mode = 'closing';
      outbox.discard();
    });
    socket.setTimeout(IDLE_MS, abort);
  };

  connection.setNoDelay(true);
  attend(connection);
  say(`220 ${deps.hostName} ESMTP Pennypost sink`);
  outbox.drain();
}

function tlsOf(transport: Socket): string | null {
  return transport instanceof TLSSocket ? transport.getProtocol() : null;
}
