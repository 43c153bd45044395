/** What a report gives back of the message it is about: its header section, from the part, or the lines, that hold it. */
import { addressesIn, addressOf } from './addresses.ts';
import { first, type Header, readHeader } from './header.ts';
import type { Part } from './parts.ts';
import type { OriginalMessage } from './report.ts';

/** Types of parts that hold the message or its header section (RFC 3462 2, RFC 6533 6, and what servers write instead). */
export const RETURNED =
  /^(?:message\/(?:rfc822|global|global-headers|partial|rfc822-headers)|text\/(?:rfc822-headers?|x-rfc822-headers|rfc822))$/;

export const NOTHING: OriginalMessage = { headers: new Map(), to: [] };

/** Of the parts that return something, the first that has a field which a message has. */
export function originalOf(parts: readonly Part[], returned: string): OriginalMessage {
  for (const part of parts)
    if (RETURNED.test(part.type)) {
      const { header } = readHeader(part.text.replace(/^\n{1,20}/, ''));
      if (isMessage(header)) return toOriginal(header);
    }
  const { header } = readHeader(returned.replace(/^\s{1,200}/, ''));
  return isMessage(header) ? toOriginal(header) : NOTHING;
}

function isMessage(header: Header): boolean {
  return ['from', 'to', 'message-id', 'received', 'subject'].some((name) => header.has(name));
}

function toOriginal(headers: Header): OriginalMessage {
  const messageId = /<[^<>\s]{1,998}>/.exec(first(headers, 'message-id'))?.[0];
  const returnPath = addressOf(first(headers, 'return-path'));
  const from = addressOf(first(headers, 'from'));
  return {
    headers,
    ...(messageId === undefined ? {} : { messageId }),
    ...(returnPath === undefined ? {} : { returnPath }),
    ...(from === undefined ? {} : { from }),
    to: (headers.get('to') ?? []).flatMap((value) => addressesIn(value)),
  };
}
