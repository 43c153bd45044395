/**
 * The bytes of a request body, unpacked. It refuses more than its door's limit, whether it came so or grew so (a gzip body
 * of 4 MB can hold 4 GB), and any encoding but gzip.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type ApiFailure, apiErrors, tooLarge } from '../core/errors.ts';
import type { AcceptDeps, HttpRequest } from './accept.ts';

const unpack = promisify(gunzip);

type Body = { ok: true; bytes: Buffer } | { ok: false; error: ApiFailure };

export async function readBody(
  { headers, body }: Pick<HttpRequest, 'headers' | 'body'>,
  { requestBytes, bigDoorUrl }: Pick<AcceptDeps, 'requestBytes' | 'bigDoorUrl'>,
): Promise<Body> {
  if (body.length > requestBytes) return { ok: false, error: tooLarge(requestBytes, bigDoorUrl) };
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return { ok: true, bytes: body };
  if (encoding !== 'gzip') return { ok: false, error: apiErrors.unsupportedEncoding };
  try {
    return { ok: true, bytes: await unpack(body, { maxOutputLength: requestBytes }) };
  } catch (error) {
    const grewTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    return { ok: false, error: grewTooLarge ? tooLarge(requestBytes, bigDoorUrl) : apiErrors.badGzip };
  }
}
