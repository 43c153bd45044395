/**
 * The plain text of a template's HTML (`generate_plain_content`): its text, a line for each block, links with their address behind
 * them. `{{…}}` and `<%…%>` are carried as they are, so that the result is a template as well. One pass, linear in the text.
 */

const RAW = new Set(['script', 'style', 'title', 'head', 'template', 'noscript']);
const BLOCKS = new Set(
  'address article aside blockquote center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul'.split(
    ' ',
  ),
);
const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  copy: '©',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  euro: '€',
  zwnj: '',
  shy: '',
};
/** One tag of a template's language, which is no HTML, wherever it stands. */
const TAGS = /\{\{\{?[^{}]*\}\}\}?|<%[^%]*%>/g;
/** Characters of no meaning (Unicode's private use) that stand for those. */
const [OPEN, CLOSE] = ['\ue000', '\ue001'];

export function plainOf(html: string): string {
  const tags: string[] = [];
  const marked = html.replace(/[\ue000\ue001]/g, '').replace(TAGS, (tag) => `${OPEN}${tags.push(tag) - 1}${CLOSE}`);
  const text = tidy(textOf(marked));
  return text.replace(/\ue000(\d+)\ue001/g, (_, n: string) => tags[Number(n)] ?? '');
}

function textOf(html: string): string {
  let out = '';
  let link: { to: string; from: number } | undefined;
  for (let at = 0; at < html.length; ) {
    const next = html.indexOf('<', at);
    if (next < 0) return out + wordsOf(html.slice(at));
    out += wordsOf(html.slice(at, next));
    if (html.startsWith('<!--', next)) {
      const end = html.indexOf('-->', next + 4);
      at = end < 0 ? html.length : end + 3;
      continue;
    }
    const [, slash, name = ''] = /^<(\/?)([a-zA-Z][a-zA-Z0-9]*)/.exec(html.slice(next, next + 40)) ?? [];
    if (name === '') {
      out += html[next + 1] === '!' || html[next + 1] === '?' ? '' : '<';
      at = html[next + 1] === '!' || html[next + 1] === '?' ? endOfTag(html, next) : next + 1;
      continue;
    }
    const tag = name.toLowerCase();
    const end = endOfTag(html, next);
    at = end;
    if (slash === '' && RAW.has(tag)) {
      const close = closing(html, tag, end);
      at = close < 0 ? html.length : endOfTag(html, close);
    } else if (tag === 'br') out += '\n';
    else if (tag === 'a') {
      if (link && link.to !== '' && !out.slice(link.from).includes(link.to)) out += ` ( ${link.to} )`;
      link = slash === '' ? { to: hrefOf(html.slice(next, end)), from: out.length } : undefined;
    } else if (tag === 'td' || tag === 'th') out += ' ';
    else if (BLOCKS.has(tag))
      out += tag === 'p' || /^h\d$/.test(tag) ? '\n\n' : tag === 'li' && slash === '' ? '\n* ' : '\n';
  }
  return out;
}

/** Behind the `>` that ends a tag, which is none within quotes. */
function endOfTag(html: string, from: number): number {
  let quote = '';
  for (let at = from + 1; at < html.length; at++) {
    const character = html[at]!;
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '>') return at + 1;
    else if ((character === '"' || character === "'") && html[at - 1] === '=') quote = character;
  }
  return html.length;
}

function closing(html: string, tag: string, from: number): number {
  const pattern = new RegExp(`</${tag}[\\s>/]`, 'gi');
  pattern.lastIndex = from;
  return pattern.exec(html)?.index ?? -1;
}

function hrefOf(tag: string): string {
  const [, double, single, bare] = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/i.exec(tag) ?? [];
  const to = decode(double ?? single ?? bare ?? '').trim();
  return to.startsWith('#') ? '' : to.replace(/^mailto:/i, '');
}

const wordsOf = (text: string) => decode(text.replace(/\s+/g, ' '));

function decode(text: string): string {
  return text.replace(/&(#x?[0-9a-f]{1,6}|[a-z]{2,8});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xe000 && code !== 0xe001
      ? String.fromCodePoint(code)
      : '';
  });
}

/** No spaces at the ends of lines, and no two empty lines. */
function tidy(text: string): string {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const words = line
      .split(/[ \t]+/)
      .filter(Boolean)
      .join(' ');
    if (words !== '' || (lines.length > 0 && lines.at(-1) !== '')) lines.push(words);
  }
  while (lines.at(-1) === '') lines.pop();
  return lines.join('\n');
}
