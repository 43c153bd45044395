/**
 * A file of addresses as a customer has put it: CSV in UTF-8, as it is, in gzip or in a ZIP archive, whichever its first octets say. It is
 * unpacked and read as a stream, a segment at a time, so that neither a bomb nor a line without an end takes memory; the same file has
 * the same segments each time.
 */
import { pipeline, Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip, createInflateRaw } from 'node:zlib';
import { type CsvError, parse } from 'csv-parse';
import { columnOf } from '../core/validation/columns.ts';
import { MOST_ADDRESSES, SEGMENT } from '../core/validation/job.ts';
import { LONGEST } from '../core/validation/validate.ts';
import { findOnlyFile, isZip } from '../core/validation/zip.ts';

/** Characters of a row: an address, and what else an export has beside it. */
const ROW = 10_000;
/** Octets of a file when it is unpacked. */
const MOST_UNPACKED = 100_000_000;
const CHUNK = 65_536;

/** What is wrong with a file, in words for whoever put it. */
export class BadFileError extends Error {
  override name = 'BadFileError';
}

/**
 * Its addresses, as many as a segment has at a time, without empty ones. The last segment may be shorter.
 * @throws BadFileError
 */
export async function* readSegments(file: Buffer): AsyncGenerator<string[]> {
  const parser = parse({
    bom: true,
    delimiter: [',', ';', '\t'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: ROW,
  });
  // A failure on the way comes out of the parser, where it is read.
  pipeline(Readable.from(textOf(file)), parser, () => undefined);
  let column: number | undefined;
  let some: string[] = [];
  let addresses = 0;
  try {
    for await (const row of parser as AsyncIterable<string[]>) {
      if (column === undefined) {
        const first = columnOf(row);
        column = first.column;
        if (first.isNamed) continue;
      }
      const address = row[column]?.trim() ?? '';
      if (address === '') continue;
      if (++addresses > MOST_ADDRESSES) throw new BadFileError(`the file has more than ${MOST_ADDRESSES} addresses`);
      some.push(address.slice(0, LONGEST));
      if (some.length < SEGMENT) continue;
      yield some;
      some = [];
    }
  } catch (error) {
    throw toldOf(error as Error);
  } finally {
    parser.destroy();
  }
  if (some.length > 0) yield some;
}

/** How many addresses a file has. @throws BadFileError where it has none, or is none */
export async function countAddresses(file: Buffer): Promise<number> {
  let count = 0;
  for await (const segment of readSegments(file)) count += segment.length;
  if (count === 0) throw new BadFileError('the file has no address');
  return count;
}

function toldOf(error: Error): Error {
  const { code } = error as CsvError;
  if (code === 'CSV_MAX_RECORD_SIZE') return new BadFileError(`a row is longer than ${ROW} characters`);
  if (code === 'CSV_QUOTE_NOT_CLOSED') return new BadFileError('a quote is not closed');
  if (typeof code === 'string' && code.startsWith('CSV_')) return new BadFileError(`the file is no CSV: ${code}`);
  if (typeof code === 'string' && code.startsWith('Z_'))
    return new BadFileError(`the file cannot be unpacked: ${code}`);
  return error;
}

/** Its text, chunk by chunk. */
async function* textOf(file: Buffer): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let octets = 0;
  for await (const chunk of unpacked(file)) {
    octets += chunk.length;
    if (octets > MOST_UNPACKED) throw new BadFileError(`the file has more than ${MOST_UNPACKED} octets when unpacked`);
    const text = decode(decoder, chunk);
    if (text.includes('\0')) throw new BadFileError('the file is binary');
    yield text;
  }
  yield decode(decoder);
}

function decode(decoder: TextDecoder, chunk?: Buffer): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch {
    throw new BadFileError('the file is not in UTF-8');
  }
}

function unpacked(file: Buffer): AsyncIterable<Buffer> {
  if (file.length >= 2 && file.readUInt16BE(0) === 0x1f8b) return through(createGunzip(), file);
  if (!isZip(file)) return chunksOf(file);
  const packed = findOnlyFile(file);
  if (!packed.ok) throw new BadFileError(packed.message);
  return packed.deflated ? through(createInflateRaw(), packed.octets) : chunksOf(packed.octets);
}

function through(unpack: ReturnType<typeof createGunzip>, octets: Buffer): AsyncIterable<Buffer> {
  return pipeline(Readable.from(chunksOf(octets)), unpack, () => undefined);
}

async function* chunksOf(octets: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += CHUNK) yield octets.subarray(at, at + CHUNK);
}
