/**
 * `X-Pennypost-Copy`: the copy's return path, inside the message. Feedback loops and some bounces come to an address of their own and
 * give back the message's header fields, so that the envelope's token is lost; this one is not. It is the first field, above
 * the signatures, which do not cover it: so all copies of a message are the same octets behind it.
 * Written without an at sign: reporters blot out addresses.
 */
import { type ReturnPath, type ReturnPathSecret, readReturnPath } from './return-path.ts';

export const COPY_HEADER = 'X-Pennypost-Copy';
/** Octets of a value: a local part, a domain, and the space between them. */
const LONGEST = 64 + 1 + 255;

/** The whole field, ending in CRLF. @param returnPath what `makeReturnPath` made */
export function copyField(returnPath: string): string {
  return `${COPY_HEADER}: ${returnPath.replace('@', ' ')}\r\n`;
}

/** Which copy a value of the field names; undefined where it is none of ours. */
export function readCopyField(value: string, secret: ReturnPathSecret): ReturnPath | undefined {
  const [local, domain, ...more] = value.trim().slice(0, LONGEST).split(/\s+/);
  return local && domain && more.length === 0 ? readReturnPath(`${local}@${domain}`, secret) : undefined;
}
