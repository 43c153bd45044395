/**
 * Address lists of header fields (RFC 5322 3.4): names, comments, groups, obsolete routes, encoded words. One pass, no
 * recursion. It reads what readers read, also where the grammar is broken (`a@b.c <d@e.f>` without quotes), and says so: what
 * is not `strict` is written anew before it goes out, so that all who read it see the same address.
 */
import type { Address } from '../mail.ts';
import { decodeWords } from './words.ts';

export type Mailboxes = { mailboxes: Address[]; strict: boolean };

type Token = { text: string; kind: 'atom' | 'quoted' | 'special'; spaced: boolean };

const SPECIAL = /[<>:;,@[\]\\."]/;
const ATOM_END = /[\s()<>:;,@[\]\\."]/;

/** @param text unfolded; any text. @returns what addresses stand in it, in order; none where there is none */
export function readMailboxes(text: string): Mailboxes {
  const { tokens, comments, whole } = tokenise(text);
  const result: Mailboxes = { mailboxes: [], strict: whole };
  let entry: Token[] = [];
  let inGroup = false;
  let angle = false;
  const finish = () => {
    if (entry.length === 0) return;
    const read = readMailbox(entry, comments.get(entry.at(-1)!));
    if (read) {
      result.mailboxes.push(read.address);
      result.strict &&= read.strict;
    } else result.strict = false;
    entry = [];
    angle = false;
  };
  for (const token of tokens) {
    const special = token.kind === 'special' ? token.text : '';
    if (special === '<') angle = true;
    if (special === '>') angle = false;
    if (special === ':' && !angle) {
      // A group's name is nobody's address.
      if (inGroup || entry.some(({ kind, text }) => kind === 'special' && text !== '.')) result.strict = false;
      inGroup = true;
      entry = [];
    } else if (special === ';' && !angle) {
      finish();
      if (!inGroup) result.strict = false;
      inGroup = false;
    } else if (special === ',' && !angle) finish();
    else entry.push(token);
  }
  finish();
  return result;
}

/** One entry: `addr-spec`, or `[phrase] <[route:] addr-spec>`. */
function readMailbox(tokens: Token[], comment: string | undefined): { address: Address; strict: boolean } | undefined {
  const open = tokens.findIndex(({ kind, text }) => kind === 'special' && text === '<');
  if (open < 0) {
    const email = toAddrSpec(tokens);
    if (email === undefined) return undefined;
    const name = decodeWords(comment ?? '').trim();
    return { address: name ? { email, name } : { email }, strict: true };
  }
  const close = tokens.findIndex(({ kind, text }, n) => n > open && kind === 'special' && text === '>');
  const end = close < 0 ? tokens.length : close;
  let inside = tokens.slice(open + 1, end);
  // obs-route (RFC 5322 4.4): never followed.
  if (inside[0]?.kind === 'special' && inside[0].text === '@') {
    const colon = inside.findIndex(({ kind, text }) => kind === 'special' && text === ':');
    inside = inside.slice(colon + 1);
  }
  const email = toAddrSpec(inside);
  if (email === undefined) return undefined;
  const phrase = tokens.slice(0, open);
  const strict = close >= 0 && close === tokens.length - 1 && isPhrase(phrase);
  const name = nameOf(phrase);
  return { address: name ? { email, name } : { email }, strict };
}

/** local-part "@" domain, white space between its tokens left out (RFC 5322 4.4). */
function toAddrSpec(tokens: Token[]): string | undefined {
  const at = tokens.findLastIndex(({ kind, text }) => kind === 'special' && text === '@');
  if (at < 1 || at === tokens.length - 1) return undefined;
  let email = '';
  for (const [n, { kind, text, spaced }] of tokens.entries()) {
    if (kind === 'special' && text !== '.' && n !== at) return undefined;
    const before = tokens[n - 1];
    // Two atoms side by side are two words, not an address.
    if (before && before.kind !== 'special' && kind !== 'special' && (spaced || n > at)) return undefined;
    email += kind === 'quoted' ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
  }
  return email;
}

/** phrase (RFC 5322 3.2.5), with the dots of 4.1. */
function isPhrase(tokens: Token[]): boolean {
  return tokens.every(({ kind, text }, n) => kind !== 'special' || (text === '.' && n > 0));
}

function nameOf(tokens: Token[]): string {
  let name = '';
  for (const { text, spaced } of tokens) name += (spaced && name !== '' ? ' ' : '') + text;
  return decodeWords(name).trim();
}

/** `whole`: every quote, comment and bracket ends, and nothing is there that the grammar has no place for. */
function tokenise(text: string): { tokens: Token[]; comments: Map<Token, string>; whole: boolean } {
  const tokens: Token[] = [];
  const comments = new Map<Token, string>();
  let whole = true;
  let spaced = false;
  const push = (token: Omit<Token, 'spaced'>) => {
    tokens.push({ ...token, spaced });
    spaced = false;
  };
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    if (/\s/.test(character)) {
      spaced = true;
      at++;
    } else if (character === '(') {
      const { end, inner } = endOfComment(text, at);
      const before = tokens.at(-1);
      if (before) comments.set(before, inner);
      whole &&= end <= text.length;
      spaced = true;
      at = end;
    } else if (character === '"') {
      const { end, inner } = endOfQuoted(text, at);
      whole &&= end <= text.length;
      push({ kind: 'quoted', text: inner });
      at = end;
    } else if (SPECIAL.test(character) || character === ')') {
      whole &&= !/[[\]\\)]/.test(character);
      push({ kind: 'special', text: character });
      at++;
    } else {
      let end = at + 1;
      while (end < text.length && !ATOM_END.test(text[end]!)) end++;
      push({ kind: 'atom', text: text.slice(at, end) });
      at = end;
    }
  }
  return { tokens, comments, whole };
}

/** `end` behind the text: it never ends. */
function endOfQuoted(text: string, start: number): { end: number; inner: string } {
  let inner = '';
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') return { end: at + 1, inner };
    if (text[at] === '\\') at++;
    inner += text[at] ?? '';
  }
  return { end: text.length + 1, inner };
}

function endOfComment(text: string, start: number): { end: number; inner: string } {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return { end: at + 1, inner: text.slice(start + 1, at) };
  }
  return { end: text.length + 1, inner: text.slice(start + 1) };
}
