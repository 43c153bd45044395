/**
 * Ids: X-Message-Id, sg_message_id, Message-ID, job ids. All are pure functions of what they name, so that a retry, a
 * redelivery or a crash makes the same id again. Randomness and time come in as arguments.
 */

const REQUEST_ID = /^[A-Za-z0-9_-]{22}$/;

/**
 * An X-Message-Id: the 22 base64url characters of a UUIDv7 (RFC 9562 5.7).
 * @param now milliseconds since the epoch
 * @param random at least 10 random bytes
 */
export function makeRequestId(now: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('base64url');
}

/** Milliseconds since the epoch at which the id was made (the 48-bit timestamp of its UUIDv7). */
export function requestIdTime(requestId: string): number {
  return Buffer.from(requestId, 'base64url').readUIntBE(0, 6);
}

/** Whether a string has the shape of an X-Message-Id. */
export function isRequestId(text: string): boolean {
  return REQUEST_ID.test(text);
}

/** SendGrid's `sg_message_id`: its users split it at the first dot to find the X-Message-Id. */
export function sgMessageId(requestId: string, copyIndex: number): string {
  return `${requestId}.recvd-pennypost-1.${copyIndex}`;
}

/** The `Message-ID` header value (RFC 5322 3.6.4): the same for all copies and all attempts of a personalization. */
export function messageIdHeader(requestId: string, personalization: number, domain: string): string {
  return `<${requestId}.${personalization}@${domain}>`;
}

/** A job's id: its request, the turn of `send_at` it belongs to, its number in that turn. */
export function jobId(requestId: string, turn: number, number: number): string {
  return `${requestId}.${turn}.${number}`;
}
