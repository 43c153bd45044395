/**
 * HTML as a tokenizer sees it (WHATWG HTML 13.2.5), as far as links go: where the start tags of `a` and `area` have their href,
 * where the body ends, and in what kind of text each place lies. It reads and changes nothing, so whoever writes at the places that
 * it gives keeps every other character, however broken the HTML is.
 *
 * Comments (Outlook's conditional ones among them), scripts, styles and titles are no markup. One pass, linear in the text.
 */

/** A value of an attribute. `quote`: '' where it has none. */
export type Value = { from: number; to: number; quote: '"' | "'" | '' };
/** An href of a link. */
export type Href = Value & {
  /** `clicktracking=off` stands in its tag. */
  off: boolean;
  /** `universal="true"`: it opens an app (SendGrid). */
  universal: boolean;
};

/** What text a place lies in. `tag`: in a start or end tag, outside quoted values. */
export type Context = 'text' | 'raw' | 'comment' | 'double' | 'single' | 'tag';
/** A stretch that is no text: from its first character to behind its last. */
export type Stretch = { from: number; to: number; context: Exclude<Context, 'text'> };

export type Scanned = {
  hrefs: Href[];
  /** Where the last `</body>` begins, else `</html>`; undefined: there is none. */
  bodyEnd: number | undefined;
  /** In order. A quoted value lies within its tag's. */
  stretches: Stretch[];
};

/** Elements whose content is no markup. `plaintext` never ends. */
const RAW = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes']);
const LETTER = /[a-zA-Z]/;
const SPACE = /[\t\n\f\r ]/;

export function scanHtml(html: string): Scanned {
  const found: Scanned = { hrefs: [], bodyEnd: undefined, stretches: [] };
  const { length } = html;
  let endsHtml: number | undefined;
  let at = html.indexOf('<');
  while (at >= 0 && at < length) {
    const next = html[at + 1] ?? '';
    if (next === '!' || next === '?') {
      at = skipDeclaration(html, at, found);
    } else if (next === '/' && !LETTER.test(html[at + 2] ?? '')) {
      // `</>` is nothing; `</ ` begins a bogus comment.
      const end = html[at + 2] === '>' ? at + 3 : after(html, '>', at + 2);
      if (html[at + 2] !== undefined) found.stretches.push({ from: at, to: end, context: 'comment' });
      at = end;
    } else if (LETTER.test(next) || next === '/') {
      const isEnd = next === '/';
      const tag = readTag(html, at, isEnd ? at + 2 : at + 1, isEnd, found);
      if (isEnd && tag.name === 'body') found.bodyEnd = at;
      if (isEnd && tag.name === 'html') endsHtml = at;
      at = tag.end;
      if (!isEnd && tag.name === 'plaintext') at = skipRaw(at, length, found);
      else if (!isEnd && RAW.has(tag.name)) at = skipRaw(at, endOfRaw(html, tag.name, at), found);
    } else at++;
    at = at >= length ? -1 : html.indexOf('<', at);
  }
  found.bodyEnd ??= endsHtml;
  return found;
}

/** Comments, doctypes, CDATA and processing instructions: all end like comments of some kind. */
function skipDeclaration(html: string, at: number, { stretches }: Scanned): number {
  const isComment = html.startsWith('<!--', at);
  let end = isComment ? endOfComment(html, at + 4) : after(html, '>', at + 2);
  if (end < 0) end = html.length;
  stretches.push({ from: at, to: end, context: 'comment' });
  return end;
}

/** `-->`, `--!>`; and `<!-->`, `<!--->` are whole comments. */
function endOfComment(html: string, from: number): number {
  if (html[from] === '>') return from + 1;
  if (html.startsWith('->', from)) return from + 2;
  const plain = html.indexOf('-->', from);
  const bang = html.indexOf('--!>', from);
  if (bang >= 0 && (plain < 0 || bang < plain)) return bang + 4;
  return plain < 0 ? html.length : plain + 3;
}

function skipRaw(from: number, to: number, { stretches }: Scanned): number {
  if (to > from) stretches.push({ from, to, context: 'raw' });
  return to;
}

/** Where the end tag of a raw element begins. */
function endOfRaw(html: string, name: string, from: number): number {
  const pattern = new RegExp(`</${name}(?=[\\t\\n\\f\\r />])`, 'gi');
  pattern.lastIndex = from;
  return pattern.exec(html)?.index ?? html.length;
}

/** Behind the next such character; the end of the text where there is none. */
function after(html: string, character: string, from: number): number {
  const place = html.indexOf(character, from);
  return place < 0 ? html.length : place + 1;
}

type Attribute = { name: string; value: Value | undefined };

/** Reads a tag from its name on. One that the text ends in is no tag, and has no links. */
function readTag(
  html: string,
  from: number,
  at: number,
  isEnd: boolean,
  found: Scanned,
): { name: string; end: number } {
  const { length } = html;
  const begin = at;
  while (at < length && !SPACE.test(html[at]!) && html[at] !== '/' && html[at] !== '>') at++;
  const name = html.slice(begin, at).toLowerCase();
  const isLink = !isEnd && (name === 'a' || name === 'area');
  const values: Stretch[] = [];
  const attributes: Attribute[] = [];
  for (;;) {
    while (at < length && (SPACE.test(html[at]!) || html[at] === '/')) at++;
    if (at >= length) {
      found.stretches.push({ from, to: length, context: 'tag' }, ...values);
      return { name: '', end: length };
    }
    if (html[at] === '>') break;
    const read = readAttribute(html, at);
    at = read.end;
    const { value } = read;
    if (value && value.quote !== '')
      values.push({ from: value.from, to: value.to, context: value.quote === '"' ? 'double' : 'single' });
    if (isLink) attributes.push({ name: html.slice(read.from, read.nameEnd).toLowerCase(), value });
  }
  found.stretches.push({ from, to: at + 1, context: 'tag' }, ...values);
  // The first attribute of a name stands (13.2.5.33).
  const href = attributes.find((one) => one.name === 'href')?.value;
  if (isLink && href) {
    const says = (attribute: string, text: string) => {
      const value = attributes.find((one) => one.name === attribute)?.value;
      return value !== undefined && html.slice(value.from, value.to).trim().toLowerCase() === text;
    };
    found.hrefs.push({ ...href, off: says('clicktracking', 'off'), universal: says('universal', 'true') });
  }
  return { name, end: at + 1 };
}

function readAttribute(html: string, from: number) {
  const { length } = html;
  let at = from;
  // An equals sign that a name begins with belongs to it (13.2.5.32).
  if (html[at] === '=') at++;
  while (at < length && !SPACE.test(html[at]!) && !'/>='.includes(html[at]!)) at++;
  const nameEnd = at;
  let ahead = at;
  while (ahead < length && SPACE.test(html[ahead]!)) ahead++;
  if (html[ahead] !== '=') return { from, nameEnd, value: undefined, end: Math.max(at, from + 1) };
  at = ahead + 1;
  while (at < length && SPACE.test(html[at]!)) at++;
  const quote = html[at];
  if (quote === '"' || quote === "'") {
    const end = html.indexOf(quote, at + 1);
    const to = end < 0 ? length : end;
    return { from, nameEnd, value: { from: at + 1, to, quote } as Value, end: Math.min(length, to + 1) };
  }
  const begin = at;
  while (at < length && !SPACE.test(html[at]!) && html[at] !== '>') at++;
  return { from, nameEnd, value: { from: begin, to: at, quote: '' } as Value, end: at };
}

/** In what each of these places lies. @param places in order */
export function contextsAt(places: readonly number[], { stretches }: Pick<Scanned, 'stretches'>): Context[] {
  const contexts: Context[] = [];
  let first = 0;
  for (const place of places) {
    while (first < stretches.length && stretches[first]!.to <= place) first++;
    let context: Context = 'text';
    for (let n = first; n < stretches.length && stretches[n]!.from <= place; n++) {
      const { from, to, context: kind } = stretches[n]!;
      // A quoted value holds what is written at its end, too; raw text what is written at its beginning.
      const within =
        kind === 'double' || kind === 'single'
          ? place <= to
          : kind === 'raw'
            ? place <= to
            : place > from && place < to;
      if (within) context = kind;
    }
    contexts.push(context);
  }
  return contexts;
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

/**
 * The text that an attribute's value stands for; undefined where it has what may be a named reference and is not one of the common
 * ones (`&reg`, also without its semicolon): it is better not to track a link than to lead it elsewhere.
 */
export function decodeValue(value: string): string | undefined {
  if (!value.includes('&')) return value;
  let known = true;
  const decoded = value.replace(
    /&(?:#[xX]([0-9a-fA-F]{1,6});?|#([0-9]{1,7});?|([a-zA-Z][a-zA-Z0-9]*);|([a-zA-Z]{2,})(?![=;a-zA-Z0-9]))/g,
    (_, hex?: string, decimal?: string, name?: string, bare?: string) => {
      if (hex ?? decimal) {
        const code = Number.parseInt((hex ?? decimal)!, hex ? 16 : 10);
        if (code > 0 && code < 0xd800) return String.fromCharCode(code);
        if (code > 0xdfff && code <= 0x10ffff) return String.fromCodePoint(code);
        known = false;
        return '';
      }
      const text = NAMED[(name ?? bare)!];
      if (text === undefined) known = false;
      return text ?? '';
    },
  );
  return known ? decoded : undefined;
}

/** A text as it can stand in a quoted attribute, and between tags. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
