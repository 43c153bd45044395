/**
 * Our SMTP client (RFC 5321), one session with one host. Outcomes are values: nothing here throws for what a server does.
 * TLS is opportunistic: STARTTLS when offered, any certificate; where it fails, the same host once more without. What was
 * said before TLS counts for nothing after it (RFC 3207 4.2), and octets that came before the handshake end the
 * connection (CVE-2011-0411).
 * MAIL, RCPT and DATA go in one packet where the server takes it (RFC 2920). DATA's message is never begun with less time
 * left than its reply may take.
 */
import { toEnvelopeAddress } from '../core/domain.ts';
import type { Attempt, Failure, Stage } from '../core/outcome.ts';
import type { Waits } from '../core/smtp/limits.ts';
import { makeReply, type Reply } from '../core/smtp/reply.ts';
import { connectTo, startTls } from './smtp-connect.ts';
import { isLost, type Lost, openLine, type SmtpLine } from './smtp-line.ts';

export type SessionOptions = {
  /** The MX host's name, for SNI and the records. */
  host: string;
  /** Its IPv4 address. */
  address: string;
  port: number;
  ehloName: string;
  waits: Waits;
  /** Milliseconds that this session may still take; no wait is longer. */
  remaining: () => number;
  tls?: 'opportunistic' | 'off';
  /** The address to connect from. */
  localAddress?: string;
};

export type Outgoing = {
  /** The return path; '' is the null sender. */
  from: string;
  to: string;
  /** The message, dots stuffed, the final dot included: pieces in order, so that copies can share a long body. */
  octets: Buffer[];
  /** Header octets above 127: needs SMTPUTF8. */
  eightBit?: boolean;
};

/** `postponed`: the time left was too short to begin the message; nothing was sent. */
export type Sent = Attempt | { ok: false; postponed: true };

export type Session = {
  host: string;
  address: string;
  /** `TLSv1.3 …`, or undefined without TLS. */
  tls?: string;
  /** Why TLS failed, where it was offered and the session goes on without. */
  tlsError?: string;
  /** Messages accepted so far. */
  accepted: () => number;
  /** Whether another message may be sent. */
  usable: () => boolean;
  send: (message: Outgoing) => Promise<Sent>;
  /** Says QUIT, if there is someone to say it to, and closes. */
  quit: () => Promise<void>;
  transcript: string[];
};

/** How long each wait may be: no longer than what is left of the session's patience. */
type Within = (wait: number) => number;
type Patience = { within: Within; resume: () => void; pause: (answered: boolean) => void };
type Greeted = { line: SmtpLine; capabilities: Map<string, string>; tls?: string };
/** `again`: STARTTLS failed in a way that the host may get over without it. */
type Refused = Failure & { again?: boolean };

/** Milliseconds for QUIT's reply: good manners, not worth more. */
const QUIT_WAIT = 1_000;

/** Connects, greets, and starts TLS where offered. */
export async function openSession(options: SessionOptions): Promise<{ ok: true; session: Session } | Failure> {
  const patience = keepPatience(options);
  const first = await greet(options, options.tls !== 'off', patience.within);
  if ('line' in first) return { ok: true, session: makeSession(first, options, patience) };
  const { again, ...failure } = first;
  if (!again) return failure;
  const second = await greet(options, false, patience.within);
  if (!('line' in second)) return failure;
  return {
    ok: true,
    session: makeSession(second, options, patience, failure.error ?? failure.reply?.text ?? 'TLS failed'),
  };
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
    },
  };
}

async function greet(options: SessionOptions, wantTls: boolean, within: Within): Promise<Greeted | Refused> {
  const { waits } = options;
  const socket = await connectTo(options, within(waits.connect));
  if (typeof socket === 'string') return failed('connect', socket);
  const line = openLine(socket);
  line.expectReply();
  const banner = await line.reply(within(waits.command));
  if (isLost(banner) || banner.code !== 220) return refuse(line, 'banner', banner);

  const capabilities = await sayEhlo(line, options, within);
  if (!(capabilities instanceof Map)) return refuse(line, 'ehlo', capabilities);
  if (!wantTls || !capabilities.has('STARTTLS')) return { line, capabilities };

  line.write('STARTTLS');
  const go = await line.reply(within(waits.command));
  if (isLost(go)) return { ...refuse(line, 'starttls', go), again: !go.garbled };
  if (go.code !== 220) return { line, capabilities };
  // Whoever sits on the way could have put these there, to be read as if they had come through TLS.
  if (line.hasOctets() || line.lost() !== undefined)
    return refuse(line, 'starttls', { lost: 'octets before the TLS handshake' });
  const secured = await startTls(line.release(), options.host, within(waits.tls));
  if (typeof secured === 'string') return { ...failed('starttls', secured), again: true };

  const inside = openLine(secured, line.transcript);
  const again = await sayEhlo(inside, options, within);
  if (!(again instanceof Map)) return refuse(inside, 'ehlo', again);
  return { line: inside, capabilities: again, tls: `${secured.getProtocol() ?? 'TLS'} ${secured.getCipher().name}` };
}

async function sayEhlo(
  line: SmtpLine,
  { ehloName, waits }: SessionOptions,
  within: Within,
): Promise<Map<string, string> | Reply | Lost> {
  line.write(`EHLO ${ehloName}`);
  const reply = await line.reply(within(waits.command));
  if (isLost(reply)) return reply;
  if (reply.code === 250) return new Map(reply.lines.slice(1).map(readCapability));
  if (reply.code < 500) return reply;
  line.write(`HELO ${ehloName}`);
  const old = await line.reply(within(waits.command));
  return !isLost(old) && old.code === 250 ? new Map() : old;
}

function readCapability(text: string): [string, string] {
  const [keyword = '', ...rest] = text.trim().split(/[ =]+/);
  return [keyword.toUpperCase(), rest.join(' ')];
}

function makeSession(
  { line, capabilities, tls }: Greeted,
  options: SessionOptions,
  patience: Patience,
  tlsError?: string,
): Session {
  patience.pause(false);
  let accepted = 0;
  let mustReset = false;
  const send = async (message: Outgoing): Promise<Sent> => {
    const mail = makeMail(message, capabilities);
    if (typeof mail !== 'string') return mail;
    const commands = [...(mustReset ? ['RSET'] : []), mail, `RCPT TO:<${envelope(message.to)}>`];
    mustReset = true;
    const octets = join(message.octets);
    patience.resume();
    const result = await transact(line, commands, capabilities.has('PIPELINING'), octets, options, patience.within);
    patience.pause(result.ok || ('reply' in result && result.reply !== undefined));
    if (result.ok) {
      accepted++;
      mustReset = false;
    } else if ('reply' in result && result.reply?.code === 421) line.close(result.reply.text);
    return result;
  };
  return {
    host: options.host,
    address: options.address,
    ...(tls === undefined ? {} : { tls }),
    ...(tlsError === undefined ? {} : { tlsError }),
    accepted: () => accepted,
    usable: () => line.lost() === undefined,
    send,
    quit: async () => {
      if (line.lost() === undefined) {
        line.write('QUIT');
        await line.reply(Math.max(1, Math.min(QUIT_WAIT, options.remaining())));
      }
      line.close('quit');
    },
    transcript: line.transcript,
  };
}

/** MAIL's line, or a refusal of our own where the server could not take the message. */
function makeMail(message: Outgoing, capabilities: Map<string, string>): string | Failure {
  for (const address of [message.from, message.to])
    if (!isSafe(address)) return refusal('rcpt', 501, `5.1.3 ${JSON.stringify(address)} is no address`);
  const utf8 = message.eightBit || /[^\x00-\x7f]/.test(envelope(message.to));
  if (utf8 && !capabilities.has('SMTPUTF8')) return refusal('mail', 553, '5.6.7 the server does not offer SMTPUTF8');
  const octets = message.octets.reduce((sum, { length }) => sum + length, 0);
  const limit = Number(capabilities.get('SIZE') || 0);
  if (limit > 0 && octets > limit)
    return refusal('mail', 552, `5.3.4 message of ${octets} octets, the server takes ${limit}`);
  const size = capabilities.has('SIZE') ? ` SIZE=${octets}` : '';
  const body = message.eightBit && capabilities.has('8BITMIME') ? ' BODY=8BITMIME' : '';
  return `MAIL FROM:<${envelope(message.from)}>${size}${body}${utf8 ? ' SMTPUTF8' : ''}`;
}

/** Up to this many octets go out as one piece: copying them costs less than a second write. */
const ONE_PIECE = 65_536;
const join = (pieces: Buffer[]): Buffer[] =>
  pieces.length > 1 && pieces.reduce((sum, { length }) => sum + length, 0) <= ONE_PIECE
    ? [Buffer.concat(pieces)]
    : pieces;

const envelope = (address: string): string => (address === '' ? '' : toEnvelopeAddress(address));

/** Neither a line end nor anything that would end the path early; white space only inside a quoted local part. */
function isSafe(address: string): boolean {
  if (address === '') return true;
  return /^("(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|[^\s"<>@\\\x00-\x1f\x7f]+)@[^\s<>@"\\\x00-\x1f\x7f]+$/.test(
    address,
  );
}

/** [RSET,] MAIL, RCPT, DATA, the message. */
async function transact(
  line: SmtpLine,
  commands: string[],
  pipelining: boolean,
  octets: Buffer[],
  { waits, remaining }: SessionOptions,
  within: Within,
): Promise<Sent> {
  const isShort = () => remaining() < waits.body + waits.dot;
  if (isShort()) return { ok: false, postponed: true };
  if (pipelining) line.write(...commands, 'DATA');

  let failure: Failure | undefined;
  for (const command of commands) {
    if (!pipelining) line.write(command);
    const stage: Stage = command.startsWith('RCPT') ? 'rcpt' : 'mail';
    const reply = await line.reply(within(waits.command));
    if (isLost(reply)) return failure ?? failed(stage, reply.lost);
    if (Math.floor(reply.code / 100) === 2) continue;
    if (command === 'RSET') {
      line.close(`RSET refused: ${reply.text}`);
      return failed('mail', 'RSET refused');
    }
    failure ??= failed(stage, reply);
    if (!pipelining) return failure;
  }
  if (!pipelining && isShort()) return { ok: false, postponed: true };
  if (!pipelining) line.write('DATA');
  const go = await line.reply(within(waits.data));
  if (isLost(go)) return failure ?? failed('data', go.lost);
  if (go.code !== 354) return failure ?? failed('data', go);
  if (failure || isShort()) {
    // A dot now would send an empty message. Without one the server has to forget it all.
    line.close(failure ? '354 without a recipient' : 'no time left for the message');
    return failure ?? { ok: false, postponed: true };
  }
  return sendMessage(line, octets, (wait) => Math.max(1, Math.min(wait, remaining())), waits);
}

async function sendMessage(line: SmtpLine, octets: Buffer[], within: Within, waits: Waits): Promise<Attempt> {
  line.expectReply();
  const written = await line.writeMessage(octets, within(waits.body));
  if (isLost(written)) return failed('body', written.lost);
  const reply = await line.reply(within(waits.dot));
  if (isLost(reply)) return { ...failed('dot', reply.lost), afterDot: true };
  const early = written === 'answered';
  if (early) line.close('a reply before the end of the message');
  if (Math.floor(reply.code / 100) === 2) return early ? failed('body', reply.text) : { ok: true, reply };
  return failed(early ? 'body' : 'dot', reply);
}

function failed(stage: Stage, why: Reply | string): Failure {
  return typeof why === 'string'
    ? { ok: false, stage, error: why, afterDot: false }
    : { ok: false, stage, reply: why, afterDot: false };
}

function refusal(stage: Stage, code: number, text: string): Failure {
  return failed(stage, makeReply(code, [text]));
}

function refuse(line: SmtpLine, stage: Stage, why: Reply | Lost): Refused {
  line.close(isLost(why) ? why.lost : why.text);
  return failed(stage, isLost(why) ? why.lost : why);
}
