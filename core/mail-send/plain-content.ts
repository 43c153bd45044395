/**
 * The HTML part of a mail that has plain text only, where its account wants one (`mail_settings/plain_content`, disabled): made of the text
 * as it goes out, its substitutions and its footer in it. Nothing in the text is markup: not what the sender wrote, and not what was put
 * in for a reader. http and https URLs become links, and no others; lines and spaces stay where they are.
 */
import type { Content, Part } from '../mail.ts';
import { templateOf } from '../submit-mime/filters.ts';
import { escapeHtml } from '../tracking/html.ts';
import { findUrls } from '../tracking/text.ts';
import { DESIGN_TAGS, GROUP_TAGS } from '../tracking/unsubscribe-tags.ts';
import { BODY_TAG, BODY_TAGS, isPlain } from './defaults.ts';

/** Characters of the longest text that gets HTML: it may be six times as long, in a process that others share. */
const LONGEST = 1_000_000;
const TAGS = [...GROUP_TAGS, ...DESIGN_TAGS];

/** Where the account has nothing around its HTML. */
const FRAME = `<!DOCTYPE html>\n<html><body>\n${BODY_TAG}\n</body></html>\n`;

/** What is to be around the HTML: the account's template, but for mail that has one of its own. */
export function frameOf({ mailSettings, templateId }: Content): string | undefined {
  return templateId === undefined ? templateOf(mailSettings) : undefined;
}

/**
 * The parts with an HTML part behind the text; the same where there is none to be made.
 * @param frame of `frameOf`, its substitutions made
 */
export function withHtml<P extends Part>(parts: P[], { htmlOfText }: Content, frame = FRAME): (P | Part)[] {
  if (!htmlOfText || !isPlain(parts)) return parts;
  const at = parts.findIndex(({ type }) => type.toLowerCase() === 'text/plain');
  const { value: text } = parts[at]!;
  if (text.length > LONGEST) return parts;
  const html = htmlOf(text);
  // A substitution may have the tag in it: the mail is not to grow by hundreds of bodies.
  let places = BODY_TAGS;
  const value = frame.replaceAll(BODY_TAG, (tag) => (places-- > 0 ? html : tag));
  return [...parts.slice(0, at + 1), { type: 'text/html', value }, ...parts.slice(at + 1)];
}

/** A text as HTML. The tags of unsubscribe links stay tags: they are replaced as in any HTML. */
export function htmlOf(text: string): string {
  const marks = [
    ...findUrls(text).map(({ from, to }) => ({ from, to, html: linkOf(text.slice(from, to)) })),
    ...TAGS.flatMap(({ tag, words }) =>
      placesOf(tag, text).map((from) => ({ from, to: from + tag.length, html: words ? tag : linkTo(tag, tag) })),
    ),
  ].sort((a, b) => a.from - b.from);
  let html = '';
  let done = 0;
  for (const { from, to, html: mark } of marks) {
    if (from < done) continue;
    html += wordsOf(text.slice(done, from), done === 0) + mark;
    done = to;
  }
  return html + wordsOf(text.slice(done), done === 0);
}

const linkOf = (url: string): string => linkTo(escapeHtml(url), escapeHtml(url));
const linkTo = (to: string, words: string): string => `<a href="${to}">${words}</a>`;

function placesOf(tag: string, text: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(tag); at >= 0; at = text.indexOf(tag, at + tag.length)) places.push(at);
  return places;
}

/** Spaces that HTML would swallow: at the beginning of a line, and all but the last of several. */
const SPACES = /^ | (?= )/gm;
const INNER_SPACES = / (?= )|(?<=[\r\n]) /g;

/** @param isFirst it begins a line */
function wordsOf(text: string, isFirst: boolean): string {
  return escapeHtml(text)
    .replace(isFirst ? SPACES : INNER_SPACES, '&#160;')
    .replace(/\r\n|\r|\n/g, '<br>\n');
}
