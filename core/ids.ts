/**
 * Ids: X-Message-Id, sg_message_id, Message-ID, job ids. All are pure functions of what they name, so that a retry, a
 * redelivery or a crash makes the same id again. Randomness and time come in as arguments.
 */

const REQUEST_ID = /^[A-Za-z0-9_-]{22}$/;

/** Where a UUID that names a bucket has it: its last three bytes. 50 of its bits stay random, beside the millisecond. */
const BUCKET_BYTE = 13;

/**
 * An X-Message-Id: the 22 base64url characters of a UUIDv7 (RFC 9562 5.7); with a bucket those of a UUIDv8 (5.8), which begins with the
 * time as well.
 * @param now milliseconds since the epoch
 * @param random at least 10 random bytes
 * @param bucket of a request to one reader: where its records lie (core/records/message-key.ts); 6 hexadecimal digits
 */
export function makeRequestId(now: number, random: Uint8Array, bucket?: string): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | (bucket === undefined ? 0x70 : 0x80);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  if (bucket !== undefined) bytes.write(bucket, BUCKET_BYTE, 'hex');
  return bytes.toString('base64url');
}

/** The bucket that an id names; undefined: none. */
export function requestIdBucket(requestId: string): string | undefined {
  if (!REQUEST_ID.test(requestId)) return undefined;
  const bytes = Buffer.from(requestId, 'base64url');
  return bytes[6]! >> 4 === 8 ? bytes.toString('hex', BUCKET_BYTE) : undefined;
}

/** Milliseconds since the epoch at which the id was made (the 48-bit timestamp of its UUID). */
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
