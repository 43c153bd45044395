import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRequestId, jobId, makeRequestId, messageIdHeader, requestIdTime, sgMessageId } from '../../core/ids.ts';

describe('makeRequestId', () => {
  it('is 22 characters of base64url, a UUIDv7 whose time can be read back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.uint8Array({ minLength: 10, maxLength: 16 }),
        (now, random) => {
          const id = makeRequestId(now, random);
          const bytes = Buffer.from(id, 'base64url');
          expect(isRequestId(id)).toBe(true);
          expect(requestIdTime(id)).toBe(now);
          expect(bytes[6]! >> 4).toBe(7);
          expect(bytes[8]! >> 6).toBe(0b10);
        },
      ),
    );
  });

  it('differs by its random bytes within one millisecond', () => {
    const now = Date.UTC(2026, 10, 23);
    const ids = new Set(Array.from({ length: 200 }, (_, i) => makeRequestId(now, Buffer.alloc(10, i))));
    expect(ids.size).toBe(200);
  });
});

describe('the ids made from it', () => {
  const id = makeRequestId(Date.UTC(2026, 10, 23), Buffer.alloc(10, 7));

  it('sg_message_id begins with the X-Message-Id up to its first dot, as its users split it', () => {
    expect(sgMessageId(id, 12).split('.')[0]).toBe(id);
    expect(sgMessageId(id, 12)).toMatch(/\.12$/);
  });

  it('Message-ID is the same for a personalization whatever the copy', () => {
    expect(messageIdHeader(id, 3, 'example.com')).toBe(`<${id}.3@example.com>`);
  });

  it('job ids name request, turn and number', () => {
    expect(jobId(id, 0, 4)).toBe(`${id}.0.4`);
  });
});
