/**
 * A message while it comes in: its header section is kept to be read, its octets are counted and hashed, and kept (while it
 * is short) or sent into the bucket part by part (when it is not). It costs what `relay/limits.ts` says and no more, however
 * long it is; who sends faster than the bucket takes has to wait.
 * What cannot be stored is read to its end all the same, so that the session stays in step; then it is refused.
 */
import { createHash } from 'node:crypto';
import type { RawMime } from '../core/mail.ts';
import { createHeaderReader } from '../core/smtp-server/header-section.ts';
import type { Upload } from '../io/mime.ts';
import { type Limits, LONG_BYTES, PART_BYTES, SHORT_BYTES } from './limits.ts';
import type { Budget } from './memory.ts';

export type LetterDeps = {
  openMime: (key: string) => Upload;
  /** What short messages, and the beginnings of long ones, are kept in. */
  short: Budget;
  long: Budget;
  limits: Pick<Limits, 'messageBytes' | 'headerBytes' | 'memoryWaitMs'>;
};

/** Why a message that came whole is not taken. `store`: the bucket failed; `busy`: there was no memory for it. */
export type LetterFault = 'too-big' | 'header-too-big' | 'store' | 'busy';

/** `octets`: the whole message, where it is short enough to travel. */
export type Letter = {
  header: Buffer;
  size: number;
  mime: RawMime;
  /** SHA-256 of the message as it came, hex. */
  digest: string;
};

export type LetterWriter = {
  /** Takes a piece, which is copied. A promise: no more before it is done. */
  write: (piece: Buffer) => Promise<void> | undefined;
  /** Octets so far. */
  size: () => number;
  /** Ends it: the message is in memory or in the bucket, whole. The memory is given back. */
  end: () => Promise<{ ok: true; letter: Letter } | { ok: false; fault: LetterFault; error?: unknown }>;
  /** Gives it up and everything that was kept. */
  abort: () => Promise<void>;
};

/**
 * @param key where it goes, should it be long
 * @param inlineBytes how long it may be and still travel as octets
 * @param trace what we write on top of it: a Received field (RFC 5321 4.4), CRLF and all
 * @returns undefined when there is no memory for it: the client is to come again
 */
export async function openLetter(
  key: string,
  inlineBytes: number,
  trace: Buffer,
  { openMime, short, long, limits }: LetterDeps,
): Promise<LetterWriter | undefined> {
  const releaseShort = await short.take(SHORT_BYTES, limits.memoryWaitMs);
  if (!releaseShort) return undefined;
  let releaseLong: (() => void) | undefined;
  const header = createHeaderReader(limits.headerBytes);
  const hash = createHash('sha256');
  let buffer: Buffer = Buffer.allocUnsafeSlow(4_096);
  let filled = 0;
  let size = 0;
  let upload: Upload | undefined;
  let fault: LetterFault | undefined;
  let error: unknown;

  const release = () => {
    releaseShort();
    releaseLong?.();
    buffer = EMPTY;
    filled = 0;
  };
  const fail = (why: LetterFault, cause?: unknown) => {
    fault ??= why;
    error ??= cause;
    release();
  };
  /** Makes room for more, up to a part. False: there is none, and the message is given up. */
  const grow = async (octets: number): Promise<void> => {
    if (octets > SHORT_BYTES && !releaseLong) {
      releaseLong = await long.take(LONG_BYTES, limits.memoryWaitMs);
      if (!releaseLong) return fail('busy');
    }
    const next = Buffer.allocUnsafeSlow(octets > SHORT_BYTES ? PART_BYTES : octets > 16_384 ? SHORT_BYTES : 16_384);
    buffer.copy(next, 0, 0, filled);
    buffer = next;
  };
  const store = async (piece: Buffer): Promise<void> => {
    for (let at = 0; at < piece.length && fault === undefined; ) {
      if (filled === buffer.length && filled === PART_BYTES) {
        try {
          upload ??= openMime(key);
          await upload.part(buffer);
          filled = 0;
        } catch (cause) {
          fail('store', cause);
          break;
        }
      }
      const needed = Math.min(filled + piece.length - at, PART_BYTES);
      if (needed > buffer.length) await grow(needed);
      if (fault !== undefined) break;
      const copied = piece.copy(buffer, filled, at);
      filled += copied;
      at += copied;
    }
  };
  /** Without a promise where that is possible: most pieces only need to be copied. */
  const keep = (piece: Buffer): Promise<void> | undefined => {
    if (filled + piece.length > buffer.length) return store(piece);
    piece.copy(buffer, filled);
    filled += piece.length;
    return undefined;
  };
  const take = (piece: Buffer): Promise<void> | undefined => {
    if (fault !== undefined) return undefined;
    header.push(piece);
    if (header.tooLong()) fail('header-too-big');
    return fault === undefined ? keep(piece) : undefined;
  };
  await take(trace);

  return {
    write: (piece) => {
      size += piece.length;
      if (size > limits.messageBytes) fail('too-big');
      if (fault !== undefined) return undefined;
      hash.update(piece);
      return take(piece);
    },
    size: () => size,
    end: async () => {
      const octets = buffer.subarray(0, filled);
      const bytes = size + trace.length;
      try {
        if (fault !== undefined) {
          await upload?.abort();
          return { ok: false, fault, error };
        }
        const inline = !upload && filled <= inlineBytes;
        if (!inline) {
          upload ??= openMime(key);
          await upload.end(octets);
        }
        const mime: RawMime = inline ? { octets: octets.toString('latin1') } : { key, bytes };
        return { ok: true, letter: { header: header.octets(), size: bytes, mime, digest: hash.digest('hex') } };
      } catch (cause) {
        await upload?.abort();
        return { ok: false, fault: 'store', error: cause };
      } finally {
        release();
      }
    },
    abort: async () => {
      fail('store');
      release();
      await upload?.abort();
    },
  };
}

const EMPTY = Buffer.alloc(0);
