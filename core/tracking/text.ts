/** The links of a plain text: http and https URLs as readers' programs make links of them, without the punctuation behind them. */

/** From a scheme that begins a word on; up to white space, or what no URL has. */
const URLS = /(?<![A-Za-z0-9+.-])https?:\/\/[^\s<>"'`{}|\\^\x00-\x1f\x7f-\xa0]+/gi;

export function findUrls(text: string): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (const { 0: match, index } of text.matchAll(URLS)) {
    const length = lengthOf(match);
    if (length > 'https://'.length) found.push({ from: index, to: index + length });
  }
  return found;
}

/**
 * Without the full stop that ends its sentence, and without a bracket that was opened before it. Brackets are counted once: a URL may be
 * as long as the text, and all of it brackets.
 */
function lengthOf(match: string): number {
  const unopened = new Map([
    [')', count(match, ')') - count(match, '(')],
    [']', count(match, ']') - count(match, '[')],
  ]);
  let { length } = match;
  for (;;) {
    const last = match[length - 1]!;
    const left = unopened.get(last) ?? 0;
    if (left > 0) unopened.set(last, left - 1);
    else if (!'.,;:!?*_'.includes(last)) return length;
    length--;
  }
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) found++;
  return found;
}
