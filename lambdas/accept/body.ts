/**
 * The bytes of a request body, unpacked. It refuses more than the limit, whether it came so or grew so (a gzip body of
 * 4 MB can hold 4 GB), and any encoding but gzip.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type ApiFailure, apiErrors } from '../../core/errors.ts';
import { REQUEST_BYTES } from '../../core/limits.ts';
import type { HttpRequest } from './accept.ts';

const unpack = promisify(gunzip);

type Body = { ok: true; bytes: Buffer } | { ok: false; error: ApiFailure };

export async function readBody({ headers, body }: Pick<HttpRequest, 'headers' | 'body'>): Promise<Body> {
  if (body.length > REQUEST_BYTES) return { ok: false, error: apiErrors.payloadTooLarge };
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return { ok: true, bytes: body };
  if (encoding !== 'gzip') return { ok: false, error: apiErrors.unsupportedEncoding };
  try {
    return { ok: true, bytes: await unpack(body, { maxOutputLength: REQUEST_BYTES }) };
  } catch (error) {
    const grewTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    return { ok: false, error: grewTooLarge ? apiErrors.payloadTooLarge : apiErrors.badGzip };
  }
}
