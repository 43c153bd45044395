/**
 * DKIM signatures (RFC 6376), relaxed/relaxed: rsa-sha256, and ed25519-sha256 (RFC 8463) where a domain has such a key. The
 * same message and keys always give the same header, so every copy and every attempt carries the same bytes: no `t=`, no `x=`.
 * The fields a reader sees or clicks are signed once more than they occur, so that nobody can add a second one (5.4.2, 8.15).
 */
import { hash, type KeyObject, sign } from 'node:crypto';

/** Fields signed once more than they occur, so also when they do not occur. */
const OVERSIGNED = [
  'from',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'reply-to',
  'list-unsubscribe',
  'list-unsubscribe-post',
];
/** Fields signed as often as they occur. */
const SIGNED = [
  'sender',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-id',
  'in-reply-to',
  'references',
  'list-id',
  'list-help',
  'list-subscribe',
  'list-post',
  'list-owner',
  'list-archive',
  'feedback-id',
  'auto-submitted',
];

export type DkimAlgorithm = 'rsa' | 'ed25519';

export type DkimKey = {
  domain: string;
  selector: string;
  algorithm: DkimAlgorithm;
  /** Made once by the caller: parsing a PEM costs twice what the signature does. */
  key: KeyObject;
};

/**
 * The `DKIM-Signature` fields of a message, one for each key and in their order, each ending in CRLF: they go before the
 * first line. What they sign is read and made canonical once.
 * @param header the header block, lines normalised, without the empty line
 * @param bodyHash `hashBody` of its body; worth keeping where several messages share a body
 */
export function signDkim(header: Buffer, bodyHash: string, keys: readonly DkimKey[]): string[] {
  const fields = readFields(header);
  const names: string[] = [];
  let signed = '';
  const take = (name: string, present: readonly string[], times: number) => {
    for (let n = 0; n < times; n++) {
      names.push(name);
      // From the bottom up (RFC 6376 5.4.2); a name without a field left stands for "there is none".
      const value = present[present.length - 1 - n];
      if (value !== undefined) signed += `${name}:${value}\r\n`;
    }
  };
  for (const name of OVERSIGNED) {
    const present = fields.get(name) ?? [];
    take(name, present, present.length + 1);
  }
  for (const name of SIGNED) {
    const present = fields.get(name);
    if (present) take(name, present, present.length);
  }
  const h = foldNames(names);
  return keys.map(({ domain, selector, algorithm, key }) => {
    const lines = [
      `v=1; a=${algorithm}-sha256; c=relaxed/relaxed;`,
      `d=${domain}; s=${selector};`,
      ...h,
      `bh=${bodyHash};`,
      'b=',
    ];
    const data = Buffer.from(`${signed}dkim-signature:${lines.join(' ')}`, 'latin1');
    return `DKIM-Signature: ${lines.join('\r\n\t')}${foldBase64(signWith(algorithm, data, key))}\r\n`;
  });
}

/** RFC 8463 3: Ed25519 signs the SHA-256 of what RSA signs. */
function signWith(algorithm: DkimAlgorithm, data: Buffer, key: KeyObject): string {
  const signature =
    algorithm === 'ed25519' ? sign(null, hash('sha256', data, 'buffer'), key) : sign('sha256', data, key);
  return signature.toString('base64');
}

/**
 * The hash of a body under the relaxed canonicalization (RFC 6376 3.4.4), base64: the `bh=` tag.
 * @param relaxed the body is known to be in that form
 */
export function hashBody(body: Buffer, relaxed = false): string {
  return hash('sha256', relaxed ? body : relaxBody(body), 'base64');
}

/** RFC 6376 3.4.4: white space runs become one space, none at line ends, no empty lines at the end. */
export function relaxBody(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length + 2);
  const { length: end } = body;
  let to = 0;
  for (let at = 0; at < end; at++) {
    const byte = body[at]!;
    if (byte > 0x20) {
      out[to++] = byte;
    } else if (byte === 0x20 || byte === 0x09) {
      if (to === 0 || out[to - 1] !== 0x20) out[to++] = 0x20;
    } else if (byte === 0x0d && body[at + 1] === 0x0a) {
      if (to > 0 && out[to - 1] === 0x20) to--;
      out[to++] = 0x0d;
      out[to++] = 0x0a;
      at++;
    } else {
      out[to++] = byte;
    }
  }
  if (to > 0 && out[to - 1] === 0x20) to--;
  while (to > 1 && out[to - 1] === 0x0a && out[to - 2] === 0x0d) to -= 2;
  if (to > 0) {
    out[to++] = 0x0d;
    out[to++] = 0x0a;
  }
  return out.subarray(0, to);
}

/** Each field's values in order, relaxed (RFC 6376 3.4.2), as latin1 so that any octet survives. */
function readFields(header: Buffer): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const unfolded = header.toString('latin1').replace(/\r\n(?=[ \t])/g, '');
  for (const line of unfolded.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trimEnd().toLowerCase();
    const text = line.slice(colon + 1);
    const value = trimBlanks(text.includes('  ') || text.includes('\t') ? text.replace(/[ \t]+/g, ' ') : text);
    const known = fields.get(name);
    if (known) known.push(value);
    else fields.set(name, [value]);
  }
  return fields;
}

/** Not `trim()`, which also takes U+00A0: after latin1 that is half of a UTF-8 character. */
function trimBlanks(text: string): string {
  return text.slice(text.startsWith(' ') ? 1 : 0, text.endsWith(' ') && text.length > 1 ? -1 : undefined);
}

function foldNames(names: string[]): string[] {
  const lines: string[] = [];
  let line = 'h=';
  names.forEach((name, n) => {
    const piece = n === names.length - 1 ? `${name};` : `${name}:`;
    if (line.length + piece.length > 74) {
      lines.push(line);
      line = '';
    }
    line += piece;
  });
  return [...lines, line];
}

function foldBase64(text: string): string {
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += 72) lines.push(text.slice(at, at + 72));
  return lines.join('\r\n\t');
}
