/**
 * Where a text changes for each reader: what substitutions made of it stays, links become tracked ones, tags unsubscribe links, and
 * the pixel has its place. That is found out once for a template (core/replace.ts) and filled for each copy, so that tracked mail is
 * encoded by stencils (core/stencil.ts) like any other, and only the tokens are new.
 *
 * A value may change what its surroundings are: it may hold a tag, or end a quotation. Then, and where a place is none that can be
 * planned for, the filled text is planned as a whole. Both ways give the same text.
 * Nothing else is touched: every character outside the links, tags and the pixel is the sender's.
 */
import { makeTemplate, type Template } from '../replace.ts';
import { addCampaign, type Campaign, readDestination } from './destination.ts';
import { type Context, contextsAt, decodeValue, escapeHtml, type Href, type Scanned, scanHtml } from './html.ts';
import { findUrls } from './text.ts';
import type { UnsubscribeAction } from './token.ts';
import { type Below, linkTo, type Tag } from './unsubscribe-tags.ts';

/** What is to be done with a part. The same for all copies of a content. */
export type PartWish = {
  type: 'html' | 'text';
  clicks: boolean;
  campaign: Campaign | undefined;
  pixel: boolean;
  pixelTags: readonly string[];
  tags: readonly Tag[];
  /** Appended where none of the tags stands in the text. */
  below: Below | undefined;
};

/** A link that is tracked. `index`: among all links of its part. */
export type TrackedLink = { url: string; index: number; part: 'html' | 'text'; universal: boolean };

/** Makes the URLs of one copy. They are of characters that HTML does not know. */
export type Urls = {
  click: (link: TrackedLink) => string;
  pixel: () => string;
  unsubscribe: (action: UnsubscribeAction) => string;
};

/** A part that is ready to be encoded: the template and its values, as `core/mime.ts` takes them. */
export type Filled = { template: Template; values: readonly string[] };

export type Plan = {
  /** Undefined: one of the values is none that was planned for. @param values by key, as the template takes them */
  fill: (values: readonly string[], urls: Urls) => Filled | undefined;
};

/** Links of a part that are tracked (SendGrid: 1,000); what follows stays as it is. */
const LINKS = 1_000;

type LinkHole = {
  kind: 'link';
  /** The value of its href, or its URL in a plain text: literals and numbers of keys. */
  pieces: (string | number)[];
  index: number;
  universal: boolean;
  /** Where it leads, when no key stands in it. */
  known: string | undefined;
};
type Hole =
  | { kind: 'value'; key: number; forbidden: RegExp }
  | LinkHole
  | { kind: 'unsubscribe'; action: UnsubscribeAction; words: string | undefined }
  | { kind: 'pixel' };

/** What goes in the place of a stretch of the text. */
type Edit = { from: number; to: number; put: (string | Hole)[] };
/** Where a key stands: it takes no room in the text of the literals. */
type KeyPlace = { place: number; key: number; forbidden: RegExp };

/** @returns undefined where the template cannot be planned for; a text without keys always can */
export function planPart(template: Template, wish: PartWish): Plan | undefined {
  const text = template.literals.join('');
  const scanned = wish.type === 'html' ? scanHtml(text) : undefined;
  const keys = findKeys(template, text, scanned, wish);
  if (!keys) return undefined;
  const tags = findTags(text, scanned, wish);
  const links = wish.clicks || wish.campaign ? findLinks(text, scanned, keys, tags, wish) : [];
  const inLinks = new Set(links.flatMap(({ from, to }) => keys.filter(({ place }) => place >= from && place <= to)));
  const values = keys
    .filter((one) => !inLinks.has(one))
    .map(({ place, ...key }): Edit => ({ from: place, to: place, put: [{ kind: 'value', ...key }] }));
  const end = scanned?.bodyEnd ?? text.length;
  const edits = [...values, { from: end, to: end, put: appended(tags, wish) }, ...tags, ...links];
  // In one place, values come before what is appended, and both before what stands there.
  const { literals, holes } = weave(
    text,
    edits.sort((a, b) => a.from - b.from || a.to - b.to),
  );
  const woven = makeTemplate(
    literals,
    holes.map((_, n) => n),
  );
  const bounds = [...inLinks];
  return {
    fill: (given, urls) => {
      for (const { key, forbidden } of bounds) if (forbidden.test(given[key]!)) return undefined;
      const filled: string[] = [];
      for (const hole of holes) {
        if (hole.kind === 'value' && hole.forbidden.test(given[hole.key]!)) return undefined;
        filled.push(fillHole(hole, given, urls, wish));
      }
      return { template: woven, values: filled };
    },
  };
}

/** The keys' places, with what a value must not have there. Undefined: one of them cannot be planned for. */
function findKeys(
  { keys, literals }: Template,
  text: string,
  scanned: Scanned | undefined,
  { clicks, tags, pixelTags }: PartWish,
): KeyPlace[] | undefined {
  if (keys.length === 0) return [];
  // In a plain text a value may make a link longer, or be one.
  if (!scanned && clicks) return undefined;
  const words = [...tags.map(({ tag }) => tag), ...pixelTags];
  if (words.some((word) => /^[A-Za-z0-9 ]/.test(word))) return undefined;
  const places: number[] = [];
  let at = 0;
  for (const literal of literals.slice(0, -1)) {
    at += literal.length;
    places.push(at);
  }
  const contexts = scanned ? contextsAt(places, scanned) : places.map((): Context => 'text');
  const isFit = places.every((place, n) => canHold(text, place, contexts[n]!, words));
  if (!isFit) return undefined;
  const forbidden = new Map<Context, RegExp>();
  return places.map((place, n) => {
    const context = contexts[n]!;
    const known = forbidden.get(context) ?? forbiddenIn(scanned ? context : 'tag', words);
    forbidden.set(context, known);
    return { place, key: keys[n]!, forbidden: known };
  });
}

/** Whether a value can stand at a place without becoming markup, or part of a tag, by what stands before it. */
function canHold(text: string, place: number, context: Context, words: readonly string[]): boolean {
  if (context === 'tag') return false;
  const before = text.slice(Math.max(0, place - 64), place);
  const last = before.at(-1) ?? '';
  for (const word of words)
    for (let length = word.lastIndexOf(last) + 1; last !== '' && length > 0; length--)
      if (length < word.length && before.endsWith(word.slice(0, length))) return false;
  if (context === 'comment') return !'-!<?/'.includes(last) || last === '';
  if (context === 'double' || context === 'single') return true;
  return before.lastIndexOf('<') <= before.lastIndexOf('>');
}

/** What would end the surroundings, and what a tag begins with. */
function forbiddenIn(context: Context, words: readonly string[]): RegExp {
  const own = { text: '<', raw: '<', comment: '<>-', double: '"', single: "'", tag: '' }[context];
  const characters = [...new Set([...own, ...words.map((word) => String.fromCodePoint(word.codePointAt(0)!))])];
  if (characters.length === 0) return /(?!)/;
  return new RegExp(`[${characters.map((one) => `\\u{${one.codePointAt(0)!.toString(16)}}`).join('')}]`, 'u');
}

/** Unsubscribe tags and the pixel's, apart: of two that overlap the first, of two that begin together the longer. */
function findTags(text: string, scanned: Scanned | undefined, { tags, pixel, pixelTags }: PartWish): Edit[] {
  const found: { from: number; to: number; tag: Tag | undefined }[] = [];
  const find = (word: string, tag: Tag | undefined) => {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length))
      found.push({ from: at, to: at + word.length, tag });
  };
  for (const tag of tags) find(tag.tag, tag);
  if (pixel && scanned) for (const tag of pixelTags) find(tag, undefined);
  found.sort((a, b) => a.from - b.from || b.to - a.to);
  let end = 0;
  const apart = found.filter(({ from, to }) => {
    if (from < end) return false;
    end = to;
    return true;
  });
  const contexts = scanned
    ? contextsAt(
        apart.map(({ from }) => from),
        scanned,
      )
    : [];
  return apart.map(({ from, to, tag }, n): Edit => {
    if (!tag) return { from, to, put: [{ kind: 'pixel' }] };
    const words = contexts[n] === 'text' ? tag.words : undefined;
    return { from, to, put: [{ kind: 'unsubscribe', action: tag.action, words }] };
  });
}

function findLinks(
  text: string,
  scanned: Scanned | undefined,
  keys: readonly KeyPlace[],
  tags: readonly Edit[],
  wish: PartWish,
): Edit[] {
  const plain = { quote: '', off: false, universal: false } as const;
  const hrefs = scanned?.hrefs ?? findUrls(text).map((url): Href => ({ ...url, ...plain }));
  const edits: Edit[] = [];
  let nextKey = 0;
  for (const [index, { from, to, off, universal }] of hrefs.slice(0, LINKS).entries()) {
    while (nextKey < keys.length && keys[nextKey]!.place < from) nextKey++;
    // An unsubscribe link is not tracked besides.
    if (off || tags.some((tag) => tag.from < to && tag.to > from)) continue;
    const pieces: (string | number)[] = [];
    let at = from;
    for (let n = nextKey; n < keys.length && keys[n]!.place <= to; n++) {
      pieces.push(text.slice(at, keys[n]!.place), keys[n]!.key);
      at = keys[n]!.place;
    }
    pieces.push(text.slice(at, to));
    const known = pieces.length === 1 ? destinationOf(pieces[0] as string, wish) : undefined;
    if (pieces.length === 1 && known === undefined) continue;
    edits.push({ from, to, put: [{ kind: 'link', pieces, index, universal, known }] });
  }
  return edits;
}

/** Where a link leads, with its campaign; undefined: it stays as it is. */
function destinationOf(value: string, { type, campaign }: PartWish): string | undefined {
  const href = type === 'html' ? decodeValue(value) : value;
  const destination = href === undefined ? undefined : readDestination(href);
  return destination === undefined || !campaign ? destination : addCampaign(destination, campaign);
}

/** What goes below the text: unsubscribe links, where it has none of their tags, and the pixel, where it has no place of its own. */
function appended(tags: readonly Edit[], { below, pixel, type }: PartWish): (string | Hole)[] {
  const has = (kind: Hole['kind']) => tags.some(({ put }) => (put[0] as Hole).kind === kind);
  const links = (has('unsubscribe') ? [] : (below ?? [])).map((piece): string | Hole =>
    typeof piece === 'string' ? piece : { kind: 'unsubscribe', action: piece.action, words: piece.words },
  );
  return pixel && type === 'html' && !has('pixel') ? [...links, { kind: 'pixel' }] : links;
}

/** The text as literals and holes. @param edits in order, apart from each other */
function weave(text: string, edits: readonly Edit[]): { literals: string[]; holes: Hole[] } {
  const literals: string[] = [];
  const holes: Hole[] = [];
  let literal = '';
  let at = 0;
  for (const { from, to, put } of edits) {
    literal += text.slice(at, from);
    at = to;
    for (const piece of put) {
      if (typeof piece === 'string') {
        literal += piece;
        continue;
      }
      holes.push(piece);
      literals.push(literal);
      literal = '';
    }
  }
  literals.push(literal + text.slice(at));
  return { literals, holes };
}

/** As small as it can be seen by nobody, and so that dark modes and text-only readers do not show it. */
const pixelOf = (url: string) =>
  `<img src="${url}" alt="" width="1" height="1" border="0" style="height:1px !important;width:1px !important;border-width:0 !important;margin:0 !important;padding:0 !important" />`;

function fillHole(hole: Hole, given: readonly string[], urls: Urls, wish: PartWish): string {
  if (hole.kind === 'value') return given[hole.key]!;
  if (hole.kind === 'pixel') return pixelOf(urls.pixel());
  if (hole.kind === 'unsubscribe') {
    const url = urls.unsubscribe(hole.action);
    return hole.words === undefined ? url : linkTo(url, hole.words);
  }
  const { pieces, index, universal } = hole;
  let url = hole.known;
  if (url === undefined) {
    const value = pieces.map((piece) => (typeof piece === 'number' ? given[piece]! : piece)).join('');
    url = destinationOf(value, wish);
    if (url === undefined) return value;
  }
  const part = wish.type;
  if (wish.clicks) return urls.click({ url, index, part, universal });
  return part === 'html' ? escapeHtml(url) : url;
}
