/**
 * Text that is written in a charset: encoded words of header fields (RFC 2047, with RFC 2231 5's language), and bodies. What
 * cannot be decoded stays as it stands.
 */

/** A charset's name is never longer. Octets that somebody forgot to encode do not keep readers from decoding the rest. */
const WORD = /=\?([!->@-~]{1,60})\?([BbQq])\?([^\s?]*)\?=/g;
const GAP = /^[ \t\r\n]+$/;

/** Decodes the encoded words of an unstructured text. Words that follow one another are one text (RFC 2047 6.2). */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text;
  let out = '';
  let at = 0;
  let run: { charset: string; octets: Buffer[]; raw: string } | undefined;
  const flush = () => {
    if (run) out += decodeCharset(Buffer.concat(run.octets), run.charset) ?? run.raw;
    run = undefined;
  };
  for (const match of text.matchAll(WORD)) {
    const [word, named = '', encoding = '', encoded = ''] = match;
    const between = text.slice(at, match.index);
    const charset = named.split('*')[0]!.toLowerCase();
    const octets = encoding.toUpperCase() === 'B' ? Buffer.from(encoded, 'base64') : decodeQ(encoded);
    const follows = run !== undefined && GAP.test(between);
    const joins = run !== undefined && (between === '' || follows);
    if (run && joins && run.charset === charset) {
      // A character may be cut between two words; they are decoded together.
      run.octets.push(octets);
      run.raw += between + word;
    } else {
      flush();
      if (!joins) out += between;
      run = { charset, octets: [octets], raw: word };
    }
    at = match.index + word.length;
  }
  flush();
  return out + text.slice(at);
}

function decodeQ(text: string): Buffer {
  const plain = text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, 'latin1');
}

/** Names that senders use and the Encoding Standard does not know. */
const ALIASES: Record<string, string> = { 'us-ascii': 'ascii', 'ansi_x3.4-1968': 'ascii', cp1252: 'windows-1252' };

/** Octets as text; undefined where the charset is not known. @param charset in lower case */
export function decodeCharset(octets: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(ALIASES[charset] ?? charset, { ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
}

/** Whether the charset writes ASCII as ASCII: then a text without other characters needs no other name for its charset. */
export function holdsAscii(charset: string): boolean {
  return !/^(utf-?16|utf-?32|utf-?7|ucs|unicode|hz-|x-user)/.test(charset);
}
