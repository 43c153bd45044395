/**
 * The few header fields that a list of messages shows, read in microseconds while mail arrives: From, Subject,
 * Message-ID. The whole message is parsed only when somebody opens it (`reading.ts`). Nothing here throws.
 */

/** Bytes of header that are looked at. */
const HEADER_BYTES = 64 * 1024;
/** Characters of a field that are looked at: some patterns below take the square of the length when a sender means ill. */
const FIELD_CHARACTERS = 2000;

/** `fromName`: what a mail program shows in place of the address. */
export type Fields = { from: string; fromName: string; subject: string; messageId: string };

/** An absent field is empty. */
export function readFields(raw: Buffer): Fields {
  const end = raw.indexOf('\r\n\r\n');
  const header = raw.toString('utf8', 0, Math.min(end === -1 ? raw.length : end, HEADER_BYTES));
  return {
    from: address(field(header, FROM)),
    fromName: displayName(field(header, FROM)),
    subject: decodeWords(field(header, SUBJECT)),
    messageId: field(header, MESSAGE_ID),
  };
}

const FROM = pattern('from');
const SUBJECT = pattern('subject');
const MESSAGE_ID = pattern('message-id');

function pattern(name: string): RegExp {
  return new RegExp(`^${name}[ \\t]*:(.*(?:\\r\\n[ \\t].*)*)`, 'im');
}

function field(header: string, name: RegExp): string {
  return (name.exec(header)?.[1] ?? '')
    .slice(0, FIELD_CHARACTERS)
    .replace(/\r\n(?=[ \t])/g, '')
    .trim();
}

/** The addr-spec of a From value: what stands in the last angle brackets outside quotes, else the value itself. */
function address(value: string): string {
  const bare = value.replace(/"(?:[^"\\]|\\.)*"(?!@)/g, '');
  return /<([^<>]*)>[^<>]*$/.exec(bare)?.[1]?.trim() ?? bare.trim();
}

/** The display name before the address (RFC 5322 3.4), without its quotes; empty where there is none. */
function displayName(value: string): string {
  const bare = value.slice(0, Math.max(0, value.lastIndexOf('<'))).trim();
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/.exec(bare) ?? [];
  return quoted === undefined ? decodeWords(bare) : quoted.replaceAll(/\\(.)/g, '$1');
}

/** Encoded words (RFC 2047), as most senders write them; an unknown charset is read as Latin-1. */
export function decodeWords(value: string): string {
  if (!value.includes('=?')) return value;
  const joined = value.replace(/(\?=)[ \t]+(?==\?)/g, '$1');
  // Neighbours of one charset and encoding are joined as bytes first: a character may be cut between them.
  return joined.replace(/(?:=\?[^?\s]+\?[bq]\?[^?\s]*\?=)+/gi, (run) => {
    let text = '';
    let bytes = Buffer.alloc(0);
    let charset = '';
    const decode = () => {
      text += decodeBytes(bytes, charset);
      bytes = Buffer.alloc(0);
    };
    for (const [, label, encoding, encoded] of run.matchAll(/=\?([^?*\s]+)[^?]*\?([bq])\?([^?\s]*)\?=/gi)) {
      if (label !== charset && charset !== '') decode();
      charset = label!;
      bytes = Buffer.concat([bytes, decodeWord(encoding!, encoded!)]);
    }
    decode();
    return text;
  });
}

function decodeWord(encoding: string, encoded: string): Buffer {
  if (encoding.toLowerCase() === 'b') return Buffer.from(encoded, 'base64');
  const octets = encoded
    .replaceAll('_', ' ')
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, 'latin1');
}

function decodeBytes(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
