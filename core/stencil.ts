/**
 * A text with holes, made ready once and filled for many readers: what is the same for everyone is encoded once, and for
 * each reader only his values and the few octets around them, whose line breaks depend on them. The octets are those that
 * encoding the filled text as a whole gives.
 *
 * It refuses what it cannot promise that for (lone surrogates, a CR beside a hole), and what takes too much memory: then the
 * text is encoded as a whole.
 */
import { type Encoding, encodedBytes, encodeOn, LOOK_AHEAD, NEAR } from './quoted-printable.ts';
import type { Template } from './replace.ts';
import { measureLines, normaliseText, PLAIN_LINE } from './wire.ts';

/**
 * `relaxed`: the body is in DKIM's relaxed form as it is (RFC 6376 3.4.4), but perhaps for empty lines at its end. `body` is
 * there until `emptyRoom`: whoever fills copies it before.
 */
export type Stencilled = { encoding: '7bit' | 'quoted-printable'; body: Buffer; relaxed: boolean };

/** The text filled and encoded; undefined: it has to be encoded as a whole. The n-th key is `values[n]`, as for `Template`. */
export type Stencil = (values: readonly string[]) => Stencilled | undefined;

/** Characters of a text for which encodings are kept. */
const TEXT_CHARACTERS = 256_000;
/** Octets of encodings that one stencil keeps. */
const KEPT_BYTES = 256_000;
/** Characters between two holes that are worth keeping encoded; fewer are encoded with the values around them. */
const LONG = 64;
/** Characters behind a hole in which a line end is looked for: from there on the encoding is the same for everyone. */
const LEAD = 512;
const [CR, SPACE, TAB, LINE_START] = [0x0d, 0x20, 0x09, 0];

/** What a stretch of text adds to the lines it stands in, in octets. `last`: of its last line, where it has more than one. */
type Stretch = { octets: number; high: number; controls: boolean; first: number; longest: number; last?: number };

/** A literal encoded behind a line that was so far. `back`: octets before it that a soft break moves to the next line. */
type Run = { octets: Buffer; back: number; column: number; space: number; tight: boolean };

/** A literal, and its encodings by what stands before it in its line. `text` holds the octets to look ahead to, too. */
type Literal = { text: Buffer; until: number; runs: Map<number, Run> };

/** What is encoded for each reader, up to the next literal. `head`: of that literal, to look ahead to. */
type Step = { glue: (string | number)[]; head: string; headBytes: number; literal?: Literal };

/** @returns undefined where the text is refused */
export function cutStencil({ keys, literals }: Template): Stencil | undefined {
  let characters = 0;
  for (const literal of literals) {
    characters += literal.length;
    if (characters > TEXT_CHARACTERS || !literal.isWellFormed() || /\r\0*$/.test(literal)) return undefined;
  }
  const texts = literals.map(normaliseText);
  const stretches = texts.map(measure);
  const steps = cutSteps(texts, keys);
  const cannotBePlain = stretches.some((one) => one.controls || one.high > 0 || one.longest > PLAIN_LINE);
  const kept = { room: KEPT_BYTES };
  return (values) => {
    const filled: string[] = [];
    const lines = { ...stretches[0]! };
    let line = lines.last ?? lines.first;
    const follow = (one: Stretch) => {
      lines.octets += one.octets;
      lines.high += one.high;
      lines.controls ||= one.controls;
      line += one.first;
      if (line > lines.longest) lines.longest = line;
      if (one.longest > lines.longest) lines.longest = one.longest;
      if (one.last !== undefined) line = one.last;
    };
    for (let n = 0; n < keys.length; n++) {
      const value = values[keys[n]!]!;
      const isSimple = SIMPLE.test(value);
      if (!isSimple && (value.includes('\r') || !value.isWellFormed())) return undefined;
      const text = isSimple ? value : normaliseText(value);
      filled.push(text);
      follow(
        isSimple ? { octets: text.length, high: 0, controls: false, first: text.length, longest: 0 } : measure(text),
      );
      follow(stretches[n + 1]!);
    }
    if (lines.high * 3 > lines.octets) return undefined;
    if (cannotBePlain || lines.high > 0 || lines.controls || lines.longest > PLAIN_LINE)
      return encodeSteps(steps, filled, lines.octets, kept);
    let text = texts[0]!;
    for (let n = 0; n < filled.length; n++) text += filled[n]! + texts[n + 1]!;
    const body = Buffer.from(text, 'latin1');
    return { encoding: '7bit', body, relaxed: isTight(body, 0, body.length) };
  };
}

const SIMPLE = /^[ -~]*$/;

function measure(text: string): Stretch {
  const octets = Buffer.from(text, 'utf8');
  const { high, controls, longest } = measureLines(octets);
  const first = octets.indexOf('\r\n');
  if (first < 0) return { octets: octets.length, high, controls, first: octets.length, longest };
  return { octets: octets.length, high, controls, first, longest, last: octets.length - octets.lastIndexOf('\n') - 1 };
}

/** Cuts a text into literals worth keeping and what lies between them. `glue` has the hole's number where a value goes. */
function cutSteps(texts: readonly string[], keys: readonly number[]): Step[] {
  const steps: Step[] = [];
  let glue: (string | number)[] = [];
  texts.forEach((text, n) => {
    const lineEnd = n === 0 ? -1 : text.slice(0, LEAD).indexOf('\r\n');
    const from = lineEnd < 0 ? 0 : lineEnd + 2;
    const until = n === keys.length ? text.length : cutBefore(text, text.length - LOOK_AHEAD);
    if (until - from < LONG) glue.push(text);
    else {
      glue.push(text.slice(0, from));
      const head = text.slice(from, cutBefore(text, from + 2 * LOOK_AHEAD));
      const literal = { text: Buffer.from(text.slice(from)), until: Buffer.byteLength(text.slice(from, until)) };
      steps.push({ glue, head, headBytes: Buffer.byteLength(head), literal: { ...literal, runs: new Map() } });
      glue = [text.slice(until)];
    }
    if (n < keys.length) glue.push(n);
  });
  steps.push({ glue, head: '', headBytes: 0 });
  return steps;
}

/** The place, or one before it: not within a line end, nor within a character. */
function cutBefore(text: string, at: number): number {
  const code = text.charCodeAt(at);
  const isInside = text.startsWith('\r\n', at - 1) || (code >= 0xdc00 && code <= 0xdfff);
  return isInside ? at - 1 : at;
}

function encodeSteps(
  steps: readonly Step[],
  filled: readonly string[],
  octets: number,
  kept: { room: number },
): Stencilled {
  const most = encodedBytes(octets) + 3 * steps.length;
  const encoding: Encoding = { octets: takeRoom(most), to: 0, start: 0, space: -1 };
  let tight = true;
  for (const { glue, head, headBytes, literal } of steps) {
    const from = encoding.to;
    let text = '';
    for (const piece of glue) text += typeof piece === 'number' ? filled[piece]! : piece;
    if (text !== '') {
      const around = Buffer.from(text + head, 'utf8');
      encodeOn(encoding, around, 0, around.length - headBytes);
    }
    const to = encoding.to;
    if (literal && !append(encoding, literal, kept)) tight = false;
    // The soft break that a literal may set back moves its first octets on by three.
    tight &&= isTight(encoding.octets, Math.max(0, from - 1), Math.min(encoding.to, to + 4), encoding.to);
  }
  room.at += encoding.to;
  return { encoding: 'quoted-printable', body: encoding.octets.subarray(0, encoding.to), relaxed: tight };
}

const ROOM_BYTES = 128 * 1_024;
/** The bodies that one message is made of lie one behind the other; the next message's lie in the same place. */
let room = { octets: Buffer.alloc(0), at: 0 };

/** Room to encode in, before the length is known: it is taken by moving `room.at` on. */
function takeRoom(octets: number): Buffer {
  if (room.at + octets > room.octets.length)
    room = { octets: Buffer.allocUnsafeSlow(Math.max(octets, ROOM_BYTES)), at: 0 };
  return room.octets.subarray(room.at);
}

/** Everything that was filled so far has been copied: its octets are given to what is filled next. */
export function emptyRoom(): void {
  if (room.octets.length > ROOM_BYTES) room = { octets: Buffer.alloc(0), at: 0 };
  room.at = 0;
}

/** Appends a literal. False: there is white space in it that the relaxed form has not. */
function append(encoding: Encoding, literal: Literal, kept: { room: number }): boolean {
  const out = encoding.octets;
  const column = encoding.to - encoding.start;
  const space = spaceBefore(encoding);
  const before = column * (NEAR + 1) + space;
  let run = literal.runs.get(before);
  if (!run) {
    run = encodeLiteral(literal, column, space);
    if (kept.room >= run.octets.length) {
      kept.room -= run.octets.length;
      literal.runs.set(before, run);
    }
  }
  if (run.back > 0) {
    const cut = encoding.to - run.back;
    out.copyWithin(cut + SOFT_BREAK.length, cut, encoding.to);
    encoding.to += SOFT_BREAK.copy(out, cut);
  }
  encoding.to += run.octets.copy(out, encoding.to);
  encoding.start = encoding.to - run.column;
  encoding.space = run.space === NEAR ? -1 : encoding.to - run.space;
  return run.tight;
}

/** Octets since the last space of the line; NEAR: the encoder breaks no line at it, or there is none. */
function spaceBefore({ to, space }: Encoding): number {
  return space < 0 ? NEAR : Math.min(NEAR, to - space);
}

const SOFT_BREAK = Buffer.from('=\r\n');

/** Encodes a literal behind a line of so many octets, whose last space is so many octets before its end. */
function encodeLiteral({ text, until }: Literal, column: number, space: number): Run {
  const octets = Buffer.allocUnsafe(column + encodedBytes(until));
  // No encoding has a zero, so one that is gone tells of a soft break there.
  octets.fill(LINE_START, 0, column);
  const encoding = { octets, to: column, start: 0, space: space === NEAR ? -1 : column - space };
  encodeOn(encoding, text, 0, until);
  const isSetBack = space > 0 && space < NEAR && octets[column - space] !== LINE_START;
  const { to, start } = encoding;
  const from = column + (isSetBack ? SOFT_BREAK.length : 0);
  return {
    octets: Buffer.from(octets.subarray(from, to)),
    back: isSetBack ? space : 0,
    column: to - start,
    space: spaceBefore(encoding),
    tight: isTight(octets, from, to, to + 1),
  };
}

/**
 * Whether octets have no white space that the relaxed form has not: no tab, no two spaces, none before a line end.
 * @param whole where the text ends: a space there is before a line end
 */
function isTight(octets: Buffer, from: number, until: number, whole = until): boolean {
  for (let at = from; at < until; at++) {
    const byte = octets[at]!;
    if (byte > SPACE) continue;
    if (byte === TAB) return false;
    if (byte !== SPACE) continue;
    if (at + 1 >= whole) return false;
    const next = at + 1 < until ? octets[at + 1] : undefined;
    if (next === SPACE || next === TAB || next === CR) return false;
  }
  return true;
}
