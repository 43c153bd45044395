/**
 * A mail as a customer's parse URL gets it (SendGrid: Inbound Parse, default mode): its bodies, its attachments, and the words
 * of its header. Bodies keep their charset: one text part goes out in the octets it came in, several are put together in UTF-8.
 * What is broken is read as far as it can be; nothing throws.
 */
import { decodeCharset, decodeTransfer, decodeWords } from '../report/decode.ts';
import { headerSection, type MimePart, readParts } from './mime.ts';

/** A body as it goes out. `charset`: as the form says it. */
export type Body = { octets: Buffer; charset: string };

export type ParsedAttachment = { octets: Buffer; filename: string; type: string; contentId?: string };

export type ParsedMail = {
  /** The header section as it stands. */
  headers: string;
  to: string;
  cc: string;
  from: string;
  subject: string;
  text?: Body;
  html?: Body;
  attachments: ParsedAttachment[];
};

/** Characters of one header field that go out. */
const FIELD = 65_536;
/** Octets of a quoted-printable part that are decoded: it takes a step for each, and only bodies are as long as a person writes. */
const UTF_8 = 'UTF-8';

export function parseMail(raw: Buffer): ParsedMail {
  const { text: headers } = headerSection(raw);
  const bodies: Record<'text' | 'html', MimePart[]> = { text: [], html: [] };
  const attachments: ParsedAttachment[] = [];
  for (const part of readParts(raw)) {
    const body = bodyOf(part);
    if (body) bodies[body].push(part);
    else attachments.push(attachmentOf(raw, part, attachments.length + 1));
  }
  const text = joined(raw, bodies.text);
  const html = joined(raw, bodies.html);
  return {
    headers,
    ...wordsOf(headers),
    ...(text ? { text } : {}),
    ...(html ? { html } : {}),
    attachments,
  };
}

/** To, Cc, From and Subject, decoded: all fields of a name, as some mailers write more than one. */
export function wordsOf(headers: string): Pick<ParsedMail, 'to' | 'cc' | 'from' | 'subject'> {
  const wanted = new Map<string, string[]>();
  const lines = headers.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  for (const line of lines) {
    const [, name, value] = /^(to|cc|from|subject)[ \t]*:(.*)$/is.exec(line.slice(0, FIELD)) ?? [];
    if (name === undefined || value === undefined) continue;
    const key = name.toLowerCase();
    wanted.set(key, [...(wanted.get(key) ?? []), decodeWords(value.trim())]);
  }
  const word = (name: string) => (wanted.get(name) ?? []).slice(0, 100).join(', ');
  return { to: word('to'), cc: word('cc'), from: word('from'), subject: wanted.get('subject')?.[0] ?? '' };
}

/** Text that is to be read, not to be kept: it has no name and does not say that it is an attachment. */
function bodyOf({ type, disposition, filename }: MimePart): 'text' | 'html' | undefined {
  if (disposition === 'attachment' || filename !== undefined) return undefined;
  if (type === 'text/plain') return 'text';
  return type === 'text/html' ? 'html' : undefined;
}

function attachmentOf(raw: Buffer, part: MimePart, n: number): ParsedAttachment {
  const { type, filename, contentId } = part;
  const fallback = type === 'message/rfc822' ? `message${n}.eml` : `attachment${n}`;
  return {
    octets: decoded(raw, part),
    filename: filename ?? fallback,
    type,
    ...(contentId === undefined ? {} : { contentId }),
  };
}

function decoded(raw: Buffer, { start, end, encoding }: MimePart): Buffer {
  if (encoding !== 'base64' && encoding !== 'quoted-printable') return raw.subarray(start, end);
  const text = raw.toString('latin1', start, end);
  return decodeTransfer(encoding === 'base64' ? text : text.replaceAll('=\r\n', ''), encoding);
}

/** One part keeps its octets and its charset, where that is one that can be read; several become one text in UTF-8. */
function joined(raw: Buffer, parts: readonly MimePart[]): Body | undefined {
  const [only, ...more] = parts;
  if (!only) return undefined;
  const octets = decoded(raw, only);
  if (more.length === 0) {
    const charset = stated(only.charset, octets);
    if (charset !== undefined) return { octets, charset };
  }
  const text = parts.map((part) => decodeCharset(decoded(raw, part), part.charset)).join('\n');
  return { octets: Buffer.from(text, 'utf8'), charset: UTF_8 };
}

/** What the form may say of octets as they are; undefined: nobody could read them by what they say. */
function stated(charset: string, octets: Buffer): string | undefined {
  if (charset === '' || /^(us-)?ascii$|^utf-?8$/.test(charset)) return isUtf8(octets) ? UTF_8 : undefined;
  try {
    return new TextDecoder(charset) && charset;
  } catch {
    return undefined;
  }
}

function isUtf8(octets: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(octets);
    return true;
  } catch {
    return false;
  }
}
