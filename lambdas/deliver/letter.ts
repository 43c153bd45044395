/**
 * The message of a personalization, made when a copy is about to be sent: all copies are the same octets, the signatures
 * among them (but that Yahoo's go without Ed25519). It is kept for its next copies while there is room; made again, it is the same.
 * Tracked mail has a message for each copy, since its links name the copy.
 *
 * Messages on their way take no more than `letterBytes` of memory together, but for one that is longer by itself. Making
 * them gives way to the network: a reply that has come must not be found too late because we were composing.
 */
import { composeBody, composeHeader } from '../../core/compose.ts';
import { hashBody, signDkim } from '../../core/dkim.ts';
import { domainOf } from '../../core/domain.ts';
import { requestIdTime } from '../../core/ids.ts';
import { dueOf } from '../../core/job.ts';
import { poolOf } from '../../core/lane.ts';
import type { Attachment, Copy, Part, Personalization } from '../../core/mail.ts';
import type { Entity } from '../../core/mime.ts';
import { plainParts, type Rendered, renderPersonalization } from '../../core/render.ts';
import { type Made, renderDynamic } from '../../core/template/mail.ts';
import { FINAL_DOT, measureLines, stuffDots } from '../../core/wire.ts';
import { type Taken, takeOctets } from '../../io/octets.ts';
import { changesRaw, writeRaw } from './raw-letter.ts';
import type { Task } from './take.ts';
import { trackerOf } from './tracking.ts';

/** `dropped`: it cannot be made, and why. */
export type Letter =
  | { octets: Buffer[]; eightBit: boolean; eightBitBody?: boolean; returnPathDomain: string; dropped?: undefined }
  | { dropped: string };

/**
 * A message in memory. `bytes`: what it takes there beside what its content's other messages share with it.
 * `plain`: the same without Ed25519 signatures, where it has some. `forgotten`: it goes as soon as nobody is sending it.
 */
export type Kept = Written & { users: number; forgotten: boolean; forget: () => void };

/** `free`: gives the memory of its octets back. */
export type Written = { letter: Letter; plain?: Letter; bytes: number; free: () => void };

export type Letters = {
  /**
   * The message of a copy, when there is room for it. Every one is given back.
   * @param provider whose servers the copy goes to; absent: it is signed with every key
   * @param sevenBit the host takes no octets above 127: a message that came with some is converted (RFC 6152 3)
   * @throws what making it throws
   */
  borrow: (
    task: Task,
    copy: Copy,
    provider?: string,
    sevenBit?: boolean,
  ) => Promise<{ letter: Letter; giveBack: () => void }>;
  /** One copy of a message less is left; with the last one it goes. */
  release: (task: Task, copy: Pick<Copy, 'personalization' | 'index'>) => void;
};

type Body = { header: string; stuffed: Buffer; hash: string };

/** Bodies by the parts they were made from: personalizations whose rendering changes nothing share one. */
const bodies = new WeakMap<Part[], Body>();
/** Bytes of the room for bodies; a longer one has a buffer of its own. */
const ROOM = 256_000;
/** Where a body that no other message has is put together: it is copied into its message at once, and makes room for the next. */
let room = Buffer.alloc(0);
const EMPTY_LINE = Buffer.from('\r\n');
/** Milliseconds of composing after which what came from the network is read. */
const COMPOSING = 20;
/**
 * Providers whose copies get no Ed25519 signature: Yahoo may fail DMARC where one of several aligned signatures does not
 * pass, and does not say that it knows this algorithm (Yahoo Sender Hub).
 */
const RSA_ONLY: readonly (string | undefined)[] = ['yahoo'];

/** @param lane that all messages leave by: which pool they name */
export function createLetters(letterBytes: number, lane: { name: string; pool: string }): Letters {
  let used = 0;
  /** Messages that someone is sending. */
  let lent = 0;
  /** Messages that nobody is sending now, the one that was longest idle first. */
  const idle = new Set<Kept>();
  let waiting: (() => void)[] = [];
  let composed = 0;
  let breath: Promise<void> | undefined;

  const lend = (kept: Kept, provider: string | undefined) => {
    if (kept.users++ === 0) {
      lent++;
      idle.delete(kept);
    }
    const giveBack = () => {
      if (--kept.users > 0) return;
      lent--;
      if (kept.forgotten) kept.free();
      else idle.add(kept);
      wake();
    };
    return { letter: (RSA_ONLY.includes(provider) && kept.plain) || kept.letter, giveBack };
  };
  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const go of woken) go();
  };
  const make = (task: Task, copy: Copy, key: number, sevenBit: boolean): Kept => {
    const began = performance.now();
    try {
      const { pool } = poolOf(task.content, lane);
      const written = write(task, task.personalizations.get(copy.personalization)!, copy, pool, sevenBit);
      const forget = () => {
        task.letters.delete(key);
        idle.delete(kept);
        used -= written.bytes;
        kept.forgotten = true;
        if (kept.users === 0) kept.free();
      };
      const kept: Kept = { ...written, users: 0, forgotten: false, forget };
      used += written.bytes;
      task.letters.set(key, kept);
      return kept;
    } finally {
      composed += performance.now() - began;
      if (composed >= COMPOSING)
        breath = new Promise((resolve) =>
          setImmediate(() => {
            composed = 0;
            breath = undefined;
            resolve();
          }),
        );
    }
  };
  return {
    borrow: async (task, copy, provider, sevenBit = false) => {
      const converted = sevenBit && task.mime?.lines.eightBit === true;
      const name = nameOf(task, copy);
      const key = converted ? ~name : name;
      for (;;) {
        const known = task.letters.get(key);
        if (known) return lend(known, provider);
        if (breath) {
          await breath;
          continue;
        }
        const bytes = estimate(task, task.personalizations.get(copy.personalization)!, converted);
        for (const kept of idle) {
          if (used + bytes <= letterBytes) break;
          kept.forget();
        }
        if (lent === 0 || used + bytes <= letterBytes) return lend(make(task, copy, key, converted), provider);
        await new Promise<void>((go) => waiting.push(go));
      }
    },
    release: (task, copy) => {
      const { personalization } = copy;
      const left = (task.uses.get(personalization) ?? 1) - 1;
      task.uses.set(personalization, left);
      if (left > 0 && !task.tracking) return;
      const name = nameOf(task, copy);
      for (const key of [name, ~name]) task.letters.get(key)?.forget();
      wake();
    },
  };
}

/** By what a task has its messages: copies that are tracked apart have one each. */
function nameOf({ tracking }: Task, { personalization, index }: Pick<Copy, 'personalization' | 'index'>): number {
  return tracking ? index : personalization;
}

/** About what a message will take; a body that it shares costs nothing more. */
function estimate(
  { content, mime, template, tracking }: Task,
  { substitutions }: Personalization,
  sevenBit: boolean,
): number {
  const { parts, attachments, htmlOfText } = content;
  if (mime) return tracking || changesRaw(content, substitutions, sevenBit) ? mime.octets.length : 0;
  if (!tracking && !template && Object.keys(substitutions ?? {}).length === 0) return 0;
  let bytes = template?.kind === 'dynamic' ? template.template.characters : 0;
  for (const { value } of parts) bytes += htmlOfText ? 2 * value.length : value.length;
  for (const { content } of attachments) bytes += content.length;
  return bytes;
}

function write(task: Task, personalization: Personalization, copy: Copy, pool: string, sevenBit: boolean): Written {
  const { job, content, domains, mime, template } = task;
  if (mime && template?.kind !== 'broken') return writeRaw({ ...task, mime }, personalization, copy, pool, sevenBit);
  const drop = (dropped: string) => ({ letter: { dropped }, bytes: 0, free: () => {} });
  const say = saying(task, personalization);
  if (!say.ok) return drop(say.reason);
  const rendered = say.made;
  const domain = domains.get(domainOf(rendered.from.email));
  if (!domain) return drop(`5.7.20 ${domainOf(rendered.from.email)} is not a domain of this account any more`);
  const given = { ...content.headers, ...personalization.headers };
  const tracker = trackerOf(task, rendered.from, Object.keys(given), copy, domain);
  if (tracker && 'dropped' in tracker) return drop(tracker.dropped);
  const parts = tracker ? rendered.parts.map((part) => tracker.part(part)) : rendered.parts;
  const isShared = parts === plainParts(content);
  const body = (isShared ? sharedBody : ownBody)(parts, content.attachments, job.requestId);
  const header = composeHeader(
    {
      requestId: job.requestId,
      personalization: personalization.index,
      account: job.account,
      pool,
      acceptedAt: dueOf(job, requestIdTime(job.requestId)),
      from: rendered.from,
      to: personalization.to,
      cc: personalization.cc,
      replyTo: rendered.replyTo,
      subject: rendered.subject,
      headers: tracker ? { ...given, ...tracker.headers } : given,
      categories: content.categories,
    },
    { header: body.header, body: body.stuffed },
  );
  const signatures = signDkim(header, body.hash, domain.keys);
  const { eightBit } = measureLines(header);
  const taken: Taken[] = [];
  const seal = (chosen: readonly string[]): Letter => {
    const head = [Buffer.from(chosen.join('')), stuffDots(header), EMPTY_LINE];
    const own = takeOctets(isShared ? head : [...head, body.stuffed, FINAL_DOT]);
    taken.push(own);
    return {
      octets: isShared ? [own.octets, body.stuffed, FINAL_DOT] : [own.octets],
      eightBit,
      returnPathDomain: domain.returnPath,
    };
  };
  const letter = seal(signatures);
  const rsaOnly = signatures.filter((_, n) => domain.keys[n]?.algorithm !== 'ed25519');
  const plain = rsaOnly.length < signatures.length ? seal(rsaOnly) : undefined;
  const bytes = taken.reduce((sum, { octets }) => sum + octets.length, 0);
  return { letter, bytes, free: freeing(taken), ...(plain && { plain }) };
}

/** What a message says, or why it cannot say it. */
function saying({ content, template }: Task, personalization: Personalization): Made<Rendered> {
  if (template?.kind === 'broken') return { ok: false, reason: `5.6.0 ${template.reason}` };
  if (template) {
    const rendered = renderDynamic(template.template, content, personalization);
    return rendered.ok ? rendered : { ok: false, reason: `5.6.0 ${rendered.reason}` };
  }
  const made = renderPersonalization(content, personalization);
  return made
    ? { ok: true, made }
    : { ok: false, reason: '5.3.4 the message is too long once its substitutions are made' };
}

/** By itself, so that what it keeps alive is not all that a message was made of. */
function freeing(taken: readonly Taken[]): () => void {
  return () => {
    for (const { giveBack } of taken) giveBack();
  };
}

function sharedBody(parts: Part[], attachments: Attachment[], requestId: string): Body {
  const known = bodies.get(parts);
  if (known) return known;
  const made = toBody(composeBody(parts, attachments, requestId));
  bodies.set(parts, made);
  return made;
}

/** A body that is there until the next one is made. */
function ownBody(parts: Part[], attachments: Attachment[], requestId: string): Body {
  return toBody(composeBody(parts, attachments, requestId, joinInRoom));
}

function toBody({ header, body, relaxed }: Entity): Body {
  return { header, stuffed: stuffDots(body), hash: hashBody(body, relaxed) };
}

function joinInRoom(pieces: readonly Buffer[]): Buffer {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  if (length > ROOM) return Buffer.concat(pieces, length);
  if (length > room.length) room = Buffer.allocUnsafeSlow(Math.min(ROOM, 2 * length));
  let to = 0;
  for (const piece of pieces) to += piece.copy(room, to);
  return room.subarray(0, to);
}
