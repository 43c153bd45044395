/**
 * The mail of a session (RFC 5321 3.3, RFC 3030): MAIL, RCPT, then DATA or BDAT. One message at a time, every octet of it
 * read, whatever becomes of it: after a refusal the client is where it thinks it is. 250 is the role's word, said when the
 * message is durable.
 */
import { readBdat } from '../core/smtp-server/command.ts';
import { createOctetReader, type OctetFault, type OctetReader } from '../core/smtp-server/octets.ts';
import { type PathFault, readPath } from '../core/smtp-server/path.ts';
import { fill, type SmtpReply, smtpReplies, writeReply } from '../core/smtp-server/replies.ts';
import type { Conversation, Ended } from './conversation.ts';
import type { LetterFault } from './letter.ts';
import type { Limits } from './limits.ts';
import type { Client, Envelope, Incoming, Role } from './role.ts';

/**
 * What a command came to: a reply, perhaps the last one, or the session's end by the client. `taken`: the reply is about a whole message, which is ours
 * now.
 */
export type Step = { reply: SmtpReply; close?: true; taken?: true } | { ended: Ended };

export type Transaction = {
  mail: (argument: string, client: Client) => Step;
  rcpt: (argument: string) => Promise<Step>;
  data: (argument: string, client: Client) => Promise<Step>;
  bdat: (argument: string, client: Client) => Promise<Step>;
  /** Forgets it, and what was received of it. */
  reset: () => Promise<void>;
  /** Whether MAIL was taken. */
  open: () => boolean;
  /** Messages that were taken. */
  messages: () => number;
};

/** A message on its way in, and how much of it came when. */
type Receiving = Incoming & { reader: OctetReader; begun: number; received: number };

const MAIL_PARAMETERS = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'AUTH']);
const NO_PARAMETERS = new Set<string>();
const CRLF = Buffer.from('\r\n');

export function openTransaction(conversation: Conversation, role: Role, limits: Limits): Transaction {
  let envelope: Envelope | undefined;
  let chunked: Receiving | undefined;
  /** A chunk was refused: until RSET there are no others (RFC 3030 4.2). */
  let spoilt = false;
  let messages = 0;

  const reset = async (): Promise<void> => {
    const { writer } = chunked ?? {};
    envelope = undefined;
    chunked = undefined;
    spoilt = false;
    await writer?.abort();
  };

  const mail = (argument: string, client: Client): Step => {
    if (envelope) return say(fill(smtpReplies.sequence, 'a message is begun already'));
    if (messages >= limits.messages) return { reply: fill(smtpReplies.messages, messages), close: true };
    const path = readPath(argument, 'FROM', MAIL_PARAMETERS);
    if (!path.ok) return say(replyToPath(path, 'MAIL FROM:<address>'));
    const { address, parameters } = path;
    const [size, body, utf8] = [
      parameters.get('SIZE'),
      parameters.get('BODY')?.toUpperCase(),
      parameters.get('SMTPUTF8'),
    ];
    if (size !== undefined && !/^\d{1,20}$/.test(size)) return say(fill(smtpReplies.parameter, `SIZE=${size}`));
    if (Number(size ?? 0) > limits.messageBytes) return say(smtpReplies.tooBig);
    if (body !== undefined && body !== '7BIT' && body !== '8BITMIME')
      return say(fill(smtpReplies.parameter, `BODY=${body}`));
    if (utf8 !== undefined && utf8 !== '') return say(fill(smtpReplies.parameter, 'SMTPUTF8='));
    const refusal = role.sender(address, utf8 !== undefined, client);
    if (refusal) return say(refusal);
    envelope = { mailFrom: address, rcptTo: [], eightBit: body === '8BITMIME', smtpUtf8: utf8 !== undefined };
    return say(smtpReplies.senderAccepted);
  };

  const rcpt = async (argument: string): Promise<Step> => {
    if (!envelope) return say(fill(smtpReplies.sequence, 'MAIL first'));
    if (chunked || spoilt) return say(fill(smtpReplies.sequence, 'the message is begun already'));
    const path = readPath(argument, 'TO', NO_PARAMETERS);
    if (!path.ok) return say(replyToPath(path, 'RCPT TO:<address>'));
    if (envelope.rcptTo.length >= limits.recipients) return say(smtpReplies.recipients);
    const recipient = await role.recipient(path.address, envelope.smtpUtf8);
    if (typeof recipient !== 'string') return say(recipient);
    if (!envelope.rcptTo.includes(recipient)) envelope.rcptTo.push(recipient);
    return say(smtpReplies.recipientAccepted);
  };

  const begin = async (stuffed: boolean, client: Client): Promise<Receiving | undefined> => {
    const incoming = await role.open(client, envelope!);
    if (!incoming) return undefined;
    const reader = createOctetReader(stuffed, limits.messageLineBytes);
    return { ...incoming, reader, begun: performance.now(), received: 0 };
  };

  /** Reads until the message's end (DATA), or so many octets (BDAT). @returns why it ended before, or undefined: all came */
  const receive = async (into: Receiving, octets: number): Promise<Step | undefined> => {
    const { reader, writer } = into;
    const until = into.received + octets;
    while (into.received < until) {
      const wait = into.begun + limits.messageMs + (into.received / limits.messageRate) * 1_000 - performance.now();
      const read = await conversation.octets(wait);
      if ('ended' in read) {
        await writer.abort();
        return read.ended === 'slow' ? { reply: smtpReplies.tooSlow, close: true } : read;
      }
      const left = until - into.received;
      const mine = read.octets.length > left ? read.octets.subarray(0, left) : read.octets;
      if (mine !== read.octets) conversation.unread(read.octets.subarray(left));
      const pieces: Buffer[] = [];
      const rest = reader.push(mine, (piece) => pieces.push(piece));
      for (const piece of pieces) {
        const stored = writer.write(piece);
        if (stored) await stored;
      }
      into.received += mine.length;
      if (rest !== undefined) {
        conversation.unread(rest);
        return undefined;
      }
      if (into.received > limits.messageBytes + limits.excessBytes) {
        await writer.abort();
        return { reply: smtpReplies.tooBig, close: true };
      }
    }
    return undefined;
  };

  /** The whole message is here: its reply. */
  const finish = async ({ id, writer, reader }: Receiving, client: Client): Promise<Step> => {
    const whole = envelope!;
    envelope = undefined;
    chunked = undefined;
    const fault = reader.fault();
    if (fault) {
      await writer.abort();
      return say(replyToOctets(fault, limits));
    }
    const ended = await writer.end();
    if (!ended.ok) return say(replyToLetter(ended.fault, limits));
    const eightBit = whole.eightBit || reader.eightBit();
    const reply = await role.take(ended.letter, id, { ...whole, eightBit }, client);
    if (reply.code !== 250) return say(reply);
    messages++;
    return { reply, taken: true };
  };

  const data = async (argument: string, client: Client): Promise<Step> => {
    if (!envelope) return say(fill(smtpReplies.sequence, 'MAIL and RCPT first'));
    if (chunked || spoilt) return say(fill(smtpReplies.sequence, 'BDAT was begun'));
    if (argument !== '') return say(fill(smtpReplies.syntax, 'DATA'));
    if (envelope.rcptTo.length === 0) return say(smtpReplies.noRecipients);
    const receiving = await begin(true, client);
    if (!receiving) return say(smtpReplies.busy);
    conversation.say(writeReply(smtpReplies.continue));
    return (await receive(receiving, Number.POSITIVE_INFINITY)) ?? finish(receiving, client);
  };

  const bdat = async (argument: string, client: Client): Promise<Step> => {
    const chunk = readBdat(argument);
    // Where the chunk ends nobody knows then, so its octets would be taken for commands.
    if (!chunk) return { reply: fill(smtpReplies.syntax, 'BDAT <octets> [LAST]'), close: true };
    if (chunk.octets > limits.messageBytes + limits.excessBytes) return { reply: smtpReplies.tooBig, close: true };
    const wrong = !envelope
      ? fill(smtpReplies.sequence, 'MAIL and RCPT first')
      : spoilt
        ? fill(smtpReplies.sequence, 'a chunk was refused; RSET first')
        : envelope.rcptTo.length === 0
          ? smtpReplies.noRecipients
          : undefined;
    if (!wrong) chunked ??= await begin(false, client);
    if (!chunked) return (await skip(chunk.octets)) ?? say(wrong ?? spoil(smtpReplies.busy));
    const lost = await receive(chunked, chunk.octets);
    if (lost) return lost;
    if (!chunk.last) {
      const fault = chunked.reader.fault();
      if (!fault) return say(fill(smtpReplies.chunk, chunk.octets));
      await chunked.writer.abort();
      return say(spoil(replyToOctets(fault, limits)));
    }
    if (!chunked.reader.atLineStart()) await chunked.writer.write(CRLF);
    return finish(chunked, client);
  };
  const spoil = (reply: SmtpReply): SmtpReply => {
    chunked = undefined;
    spoilt = true;
    return reply;
  };
  /** Octets of a chunk that nobody wants. */
  const skip = async (octets: number): Promise<Step | undefined> => {
    const begun = performance.now();
    for (let left = octets; left > 0; ) {
      const wait = begun + limits.messageMs + ((octets - left) / limits.messageRate) * 1_000 - performance.now();
      const read = await conversation.octets(wait);
      if ('ended' in read) return read.ended === 'slow' ? { reply: smtpReplies.tooSlow, close: true } : read;
      if (read.octets.length > left) conversation.unread(read.octets.subarray(left));
      left -= Math.min(left, read.octets.length);
    }
    return undefined;
  };

  return { mail, rcpt, data, bdat, reset, open: () => envelope !== undefined, messages: () => messages };
}

/** A reply that ends nothing. */
export const say = (reply: SmtpReply): Extract<Step, { reply: SmtpReply }> => ({ reply });

function replyToPath({ fault, detail = '' }: PathFault, syntax: string): SmtpReply {
  if (fault === 'source-route') return smtpReplies.relaying;
  return fault === 'parameter' ? fill(smtpReplies.parameter, detail) : fill(smtpReplies.syntax, syntax);
}

function replyToOctets(fault: OctetFault, limits: Limits): SmtpReply {
  if (fault === 'line-too-long') return fill(smtpReplies.messageLine, limits.messageLineBytes);
  return fault === 'nul' ? smtpReplies.nul : smtpReplies.bareLineEnd;
}

function replyToLetter(fault: LetterFault, limits: Limits): SmtpReply {
  switch (fault) {
    case 'too-big':
      return smtpReplies.tooBig;
    case 'header-too-big':
      return fill(smtpReplies.headerTooBig, limits.headerBytes);
    case 'busy':
      return smtpReplies.busy;
    case 'store':
      return smtpReplies.unavailable;
  }
}
