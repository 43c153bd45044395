/**
 * Octets and encodings of mail into text, for reading only: base64 and quoted-printable (RFC 2045 6), charsets, encoded words
 * (RFC 2047), HTML. All linear in what they are given. What is broken is read as far as it can be; nothing throws.
 */

/** `octets`: one latin1 character an octet. */
export function decodeTransfer(octets: string, encoding: string): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(octets, 'base64');
    case 'quoted-printable':
      return fromQuotedPrintable(octets);
    default:
      return Buffer.from(octets, 'latin1');
  }
}

/** An unknown or absent charset is read as UTF-8 where it is that, else as windows-1252. */
export function decodeCharset(octets: Buffer, charset: string): string {
  const name = charset.trim().toLowerCase();
  if (name !== '' && name.length <= 40 && !/^(?:us-)?ascii$|^utf-?8$|^unknown/.test(name)) {
    const decoder = decoderOf(name);
    if (decoder) return decoder.decode(octets);
  }
  // Japanese mail often says nothing of its escapes.
  if (octets.includes('\x1b$')) return decoderOf('iso-2022-jp')?.decode(octets) ?? octets.toString('latin1');
  const text = octets.toString('utf8');
  return text.includes('\ufffd') ? (decoderOf('windows-1252')?.decode(octets) ?? text) : text;
}

/** Encoded words where they stand (RFC 2047 6); words next to each other are joined. Raw 8-bit text is read as UTF-8. */
export function decodeWords(value: string): string {
  const text = /[\x80-\xff]/.test(value) ? decodeCharset(Buffer.from(value, 'latin1'), '') : value;
  if (!text.includes('=?')) return text;
  return text
    .replace(/\?=[ \t]{1,20}=\?/g, '?==?')
    .replace(
      /=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bq])\?([^?]{0,2000})\?=/gi,
      (_, charset: string, kind: string, encoded: string) =>
        decodeCharset(
          kind.toLowerCase() === 'b'
            ? Buffer.from(encoded, 'base64')
            : fromQuotedPrintable(encoded.replaceAll('_', ' ')),
          charset,
        ),
    );
}

/** The words of an HTML page, a line for each block. */
export function textOfHtml(html: string): string {
  return html
    .replace(/<(?:style|script)\b/gi, '\u0001')
    .replace(/<\/(?:style|script)>/gi, '\u0002')
    .replace(/\u0001[^\u0001\u0002]*\u0002/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/<(?:br|\/p|\/div|\/tr|\/li|\/h\d|\/pre|\/table|hr)\b[^<>]*>/gi, '\n')
    .replace(/<[^<>]*@[^<>]*>/g, (tag) => (/^<[^\s=]+>$/.test(tag) ? tag.replace('<', '\u0003') : tag))
    .replace(/<[^<>]*>/g, ' ')
    .replaceAll('\u0003', '<')
    .replace(/&(lt|gt|amp|quot|nbsp|#\d{1,6}|#x[0-9a-f]{1,5});/gi, (_, name: string) => entity(name.toLowerCase()));
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', nbsp: ' ' };

function entity(name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name] ?? ' ';
  const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code >= 0x20 && code <= 0x10ffff ? String.fromCodePoint(code) : ' ';
}

function fromQuotedPrintable(octets: string): Buffer {
  const out = Buffer.alloc(octets.length);
  let to = 0;
  for (let at = 0; at < octets.length; at++) {
    const code = octets.charCodeAt(at);
    if (code !== 0x3d) {
      out[to++] = code;
      continue;
    }
    if (octets.charCodeAt(at + 1) === 0x0a) {
      at++;
      continue;
    }
    const value = hexAt(octets, at + 1);
    if (value < 0) out[to++] = code;
    else {
      out[to++] = value;
      at += 2;
    }
  }
  return out.subarray(0, to);
}

function hexAt(text: string, at: number): number {
  const [high, low] = [hexDigit(text.charCodeAt(at)), hexDigit(text.charCodeAt(at + 1))];
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const upper = code & ~0x20;
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1;
}

const decoders = new Map<string, InstanceType<typeof TextDecoder> | undefined>();

/** A charset's name is the sender's: only as many of them are kept as there are real ones. */
function decoderOf(name: string): InstanceType<typeof TextDecoder> | undefined {
  const known = decoders.get(name);
  if (known) return known;
  try {
    const decoder = new TextDecoder(name);
    if (decoders.size < 100) decoders.set(name, decoder);
    return decoder;
  } catch {
    return undefined;
  }
}
