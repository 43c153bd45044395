/**
 * From nothing to a host that will take mail: connect, banner, EHLO, TLS as the policy wants it, EHLO again, AUTH.
 * What was said before TLS counts for nothing after it (RFC 3207 4.2), and octets that came before the handshake end the
 * connection (CVE-2011-0411). Where a handshake breaks, the same host is tried with a smaller hello, and then, only where
 * the policy allows it, without TLS. No password is said outside TLS, unless the policy is `off`.
 */
import type { Failure, Stage } from '../core/outcome.ts';
import { type Extensions, NO_EXTENSIONS, readExtensions } from '../core/smtp/extensions.ts';
import type { Waits } from '../core/smtp/limits.ts';
import type { Reply } from '../core/smtp/reply.ts';
import { createTranscript, hideIn, type Transcript } from '../core/smtp/transcript.ts';
import {
  certificateFailure,
  explainCertificate,
  type TlsFailure,
  type TlsFailureType,
  type TlsPolicy,
  type TlsState,
} from '../core/tls.ts';
import { connectTo } from './smtp-connect.ts';
import { isLost, type Lost, openLine, type SmtpLine } from './smtp-line.ts';
import { type Hello, type Secured, startTls } from './smtp-tls.ts';

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
  /** Absent: opportunistic. */
  tls?: TlsPolicy;
  /** TLS from the first octet (RFC 8314 3.3, port 465); there is no way to plain from there, whatever the policy. */
  implicitTls?: true;
  /** The name that the certificate must have, where it is not the host's. */
  tlsName?: string;
  /** Further authorities, PEM: a private relay's. */
  trust?: string[];
  /** For relays. Said to whoever has the other end of TLS: a password wants the policy `verified`. */
  auth?: { user: string; password: string };
  /** The address to connect from. */
  localAddress?: string;
};

/** How long a wait may be: no longer than what is left of the session's patience. */
export type Within = (wait: number) => number;
export type Greeted = { line: SmtpLine; offered: Extensions; tls?: TlsState };

/** What is tried on one connection: a hello, or no TLS. */
type Rung = Hello | 'plain';
/** `next`: where the host may get over it, if the policy goes so far. */
type Refused = Failure & { next?: Rung };

/** A host that greeted us, or the first failure. @param failures gets each failure of TLS, also those that were got over */
export async function greetHost(
  options: SessionOptions,
  within: Within,
  failures: TlsFailure[],
): Promise<Greeted | Failure> {
  const { tls: policy = 'opportunistic', implicitTls } = options;
  const mayBePlain = policy === 'opportunistic' && !options.auth && !implicitTls;
  let first: Failure | undefined;
  let rung: Rung | undefined = policy === 'off' && !implicitTls ? 'plain' : 'full';
  while (rung) {
    const greeted: Greeted | Refused = await greet(options, rung, within, failures);
    if ('line' in greeted) return greeted;
    const { next, ...failure } = greeted;
    first ??= failure;
    rung = next === 'plain' && !mayBePlain ? undefined : next;
  }
  return first!;
}

/** A failure with what was said until then, where anything was. */
async function greet(
  options: SessionOptions,
  rung: Rung,
  within: Within,
  failures: TlsFailure[],
): Promise<Greeted | Refused> {
  const transcript = createTranscript();
  const greeted = await greetBy(options, rung, within, failures, transcript);
  if ('line' in greeted) return greeted;
  const said = transcript.lines();
  return said.length === 0 ? greeted : { ...greeted, said };
}

async function greetBy(
  options: SessionOptions,
  rung: Rung,
  within: Within,
  failures: TlsFailure[],
  transcript: Transcript,
): Promise<Greeted | Refused> {
  const { waits, implicitTls, tls: policy = 'opportunistic' } = options;
  const socket = await connectTo(options, within(waits.connect));
  if (typeof socket === 'string') return failed('connect', socket);
  const fail = (type: TlsFailureType, reason: string, next?: Rung): Refused => {
    failures.push({ type, host: options.host, address: options.address, reason });
    return { ...failed('starttls', reason), ...(next ? { next } : {}) };
  };
  let secured: Secured | undefined;
  if (implicitTls && rung !== 'plain') {
    const made = await secure(socket, rung, options, within, fail);
    if ('ok' in made) return made;
    secured = made;
  }
  const line = openLine(secured?.socket ?? socket, transcript);
  line.expectReply();
  const banner = await line.reply(within(waits.command));
  if (isLost(banner) || banner.code !== 220) return refuse(line, 'banner', banner);
  const offered = await sayEhlo(line, options, within);
  if (!('starttls' in offered)) return refuse(line, 'ehlo', offered);
  if (secured) return logIn({ line, offered, tls: secured.state }, options, within);
  if (rung === 'plain') return logIn({ line, offered }, options, within);

  const told = offered.starttls ? await sayStartTls(line, options, within) : 'STARTTLS is not offered';
  if (told === 'go') {
    const made = await secure(line.release(), rung, options, within, fail);
    if ('ok' in made) return made;
    const inside = openLine(made.socket, transcript);
    const again = await sayEhlo(inside, options, within);
    if (!('starttls' in again)) {
      // In TLS 1.3 a server's objection to the handshake, a missing client certificate say, comes behind our part of it.
      const objected = isLost(again) && !again.garbled && again.lost !== 'timeout';
      const refused = refuse(inside, 'ehlo', again);
      return objected ? fail('validation-failure', `TLS: ${again.lost}`, 'plain') : refused;
    }
    return logIn({ line: inside, offered: again, tls: made.state }, options, within);
  }
  if (typeof told !== 'string') {
    line.close(told.lost);
    return fail('validation-failure', told.lost, told.garbled ? undefined : 'plain');
  }
  const refused = fail('starttls-not-supported', told);
  if (policy === 'opportunistic') return logIn({ line, offered }, options, within);
  line.close(told);
  return refused;
}

/** `go`, why not in words, or why the connection is lost: octets behind the 220 could be somebody's on the way. */
async function sayStartTls(line: SmtpLine, { waits }: SessionOptions, within: Within): Promise<'go' | string | Lost> {
  line.write('STARTTLS\r\n', 1);
  const reply = await line.reply(within(waits.command));
  if (isLost(reply)) return reply;
  if (line.hasOctets() || line.lost() !== undefined) return { lost: 'octets before the TLS handshake', garbled: true };
  return reply.code === 220 ? 'go' : `STARTTLS refused: ${reply.text}`;
}

/** TLS as the policy wants it. A certificate that is not valid is noted, and is a failure only where it must be valid. */
async function secure(
  socket: Parameters<typeof startTls>[0],
  hello: Hello,
  { host, tlsName: name = host, address, port, tls: policy = 'opportunistic', trust = [], waits }: SessionOptions,
  within: Within,
  fail: (type: TlsFailureType, reason: string, next?: Rung) => Refused,
): Promise<Secured | Refused> {
  const made = await startTls(socket, { name, place: `${address}:${port}`, policy, hello, trust }, within(waits.tls));
  if (typeof made === 'string') return fail('validation-failure', made, hello === 'full' ? 'small' : 'plain');
  const { certError } = made.state;
  if (certError === undefined) return made;
  const refused = fail(certificateFailure(certError), explainCertificate(name, certError));
  if (policy !== 'verified') return made;
  made.socket.on('error', () => {}).destroy();
  return refused;
}

async function sayEhlo(
  line: SmtpLine,
  { ehloName, waits }: SessionOptions,
  within: Within,
): Promise<Extensions | Reply | Lost> {
  line.write(`EHLO ${ehloName}\r\n`, 1);
  const reply = await line.reply(within(waits.command));
  if (isLost(reply)) return reply;
  if (reply.code === 250) return readExtensions(reply.lines);
  if (reply.code < 500) return reply;
  line.write(`HELO ${ehloName}\r\n`, 1);
  const old = await line.reply(within(waits.command));
  return !isLost(old) && old.code === 250 ? NO_EXTENSIONS : old;
}

/** AUTH PLAIN (RFC 4616), else LOGIN, where a password is set. */
async function logIn(greeted: Greeted, options: SessionOptions, within: Within): Promise<Greeted | Failure> {
  const { auth, tls: policy, waits } = options;
  if (!auth) return greeted;
  const { line, offered, tls } = greeted;
  const refuseText = (why: string) => refuse(line, 'ehlo', { lost: why });
  if (!tls && policy !== 'off') return refuseText('a password is only said inside TLS, which there is none of');
  const [user, password] = [base64(auth.user), base64(auth.password)];
  const secrets = [base64(`\0${auth.user}\0${auth.password}`), password, auth.password];
  line.transcript.hide(secrets);
  const say = async (secret: string, shown: string): Promise<Reply | Lost> => {
    line.write(`${secret}\r\n`, 1, 'latin1', shown);
    const answer = await line.reply(within(waits.command));
    // Who does not know AUTH may answer with the line that he does not know; a reply is recorded, and shown to whoever sent the mail.
    if (isLost(answer)) return { ...answer, lost: hideIn(answer.lost, secrets) };
    return { ...answer, text: hideIn(answer.text, secrets), lines: answer.lines.map((one) => hideIn(one, secrets)) };
  };
  let reply: Reply | Lost;
  if (offered.auth.includes('PLAIN'))
    reply = await say(`AUTH PLAIN ${base64(`\0${auth.user}\0${auth.password}`)}`, 'AUTH PLAIN (hidden)');
  else if (offered.auth.includes('LOGIN')) {
    reply = await say('AUTH LOGIN', 'AUTH LOGIN');
    for (const secret of [user, password])
      if (!isLost(reply) && reply.code === 334) reply = await say(secret, '(hidden)');
  } else return refuseText('neither AUTH PLAIN nor AUTH LOGIN is offered');
  return !isLost(reply) && reply.code === 235 ? greeted : refuse(line, 'ehlo', reply);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function failed(stage: Stage, why: Reply | string): Failure {
  return typeof why === 'string'
    ? { ok: false, stage, error: why, afterDot: false }
    : { ok: false, stage, reply: why, afterDot: false };
}

function refuse(line: SmtpLine, stage: Stage, why: Reply | Lost): Failure {
  line.close(isLost(why) ? why.lost : why.text);
  return failed(stage, isLost(why) ? why.lost : why);
}
