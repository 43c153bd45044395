/**
 * Files of addresses as customers put them, and as they should not: bombs, lines without an end, what is no text. Whatever they are, they are
 * read in little memory, or refused in words.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadFileError, countAddresses, readSegments } from '../../io/address-file.ts';
import { type ZipFile, zipOf } from './zip-archive.ts';

const MB = 1_048_576;
const all = async (file: Buffer | string) => {
  const found: string[] = [];
  for await (const segment of readSegments(Buffer.from(file))) found.push(...segment);
  return found;
};
const refusal = async (file: Buffer): Promise<string> => {
  try {
    await countAddresses(file);
  } catch (error) {
    expect(error).toBeInstanceOf(BadFileError);
    return (error as Error).message;
  }
  return 'taken';
};

describe('a file', () => {
  it.each([
    ['SendGrid’s sample', 'emails\na@example.com\nb@example.com\n', ['a@example.com', 'b@example.com']],
    [
      'CRLF, a BOM, no line at the end',
      '\ufeffEmails\r\na@example.com\r\nb@example.com',
      ['a@example.com', 'b@example.com'],
    ],
    ['no name of a column', 'a@example.com\nb@example.com\n', ['a@example.com', 'b@example.com']],
    [
      'a column among others',
      'id;E-Mail;name\n1;a@example.com;A\n2;b@example.com;"B; C"\n',
      ['a@example.com', 'b@example.com'],
    ],
    [
      'empty lines, cells and spaces',
      'emails\n\n a@example.com \n""\n,\nb@example.com\n\n',
      ['a@example.com', 'b@example.com'],
    ],
    [
      'quotes, also stray ones',
      'emails\n"a,b@example.com"\nbü"x@example.com\n',
      ['a,b@example.com', 'bü"x@example.com'],
    ],
  ])('%s', async (_, text, addresses) => {
    expect(await all(text)).toEqual(addresses);
  });

  it('is the same in gzip and in a ZIP archive, stored or deflated, beside what macOS adds', async () => {
    const text = Buffer.from('emails\na@example.com\nb@example.com\n');
    const csv: ZipFile = { name: 'list.csv', octets: text };
    const forms = [
      text,
      gzipSync(text),
      zipOf([csv]),
      zipOf([{ ...csv, stored: true }], 'a comment'),
      zipOf([
        { name: 'in/', octets: Buffer.alloc(0), stored: true },
        { ...csv, name: 'in/list.csv' },
      ]),
      zipOf([csv, { name: '__MACOSX/._list.csv', octets: Buffer.from('x') }, { name: '.DS_Store', octets: text }]),
    ];
    for (const one of forms) expect(await all(one)).toEqual(['a@example.com', 'b@example.com']);
  });

  it('comes in segments of 1,500, the same ones each time', async () => {
    const text = Buffer.from(Array.from({ length: 3_100 }, (_, n) => `user${n}@example.com`).join('\n'));
    for (let times = 0; times < 2; times++) {
      const segments: string[][] = [];
      for await (const segment of readSegments(gzipSync(text))) segments.push(segment);
      expect(segments.map(({ length }) => length)).toEqual([1_500, 1_500, 100]);
      expect(segments[1]![0]).toBe('user1500@example.com');
    }
  });

  it('has no more than a million addresses, and no fewer than one', async () => {
    const line = 'a@b.example\n';
    expect(await countAddresses(Buffer.from(line.repeat(1_000_000)))).toBe(1_000_000);
    expect(await refusal(Buffer.from(line.repeat(1_000_001)))).toBe('the file has more than 1000000 addresses');
    for (const none of ['', '\n\n', 'emails\n', ',,,\n'])
      expect(await refusal(Buffer.from(none))).toBe('the file has no address');
  }, 60_000);

  it('is read when the common program has packed it', async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'pennypost-zip-'));
    try {
      writeFileSync(join(folder, 'list.csv'), 'emails\na@example.com\n');
      const script =
        'import sys, zipfile; zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED).write(sys.argv[1], "list.csv")';
      try {
        execFileSync('python3', ['-c', script, join(folder, 'list.csv'), join(folder, 'list.zip')]);
      } catch {
        skip('there is no Python here');
      }
      expect(await all(readFileSync(join(folder, 'list.zip')))).toEqual(['a@example.com']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

// Attack: a file that is small where it is put, and has no end where it is read.
describe('a hostile file', () => {
  it('a bomb in gzip or ZIP is refused after 100 MB, in little memory', async () => {
    const bomb = Buffer.from('a@b.example,'.padEnd(8_000, 'x').concat('\n').repeat(15_000));
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const forms = [gzipSync(bomb), zipOf([{ name: 'a.csv', octets: bomb }])];
    for (const form of forms) {
      expect(form.length).toBeLessThan(2 * MB);
      // What nobody holds any more is not what it takes: collected now and then, as it is read.
      let most = 0;
      const looking = setInterval(() => {
        collect();
        most = Math.max(most, process.memoryUsage().arrayBuffers);
      }, 50);
      collect();
      const before = process.memoryUsage().arrayBuffers;
      expect(await refusal(form)).toBe('the file has more than 100000000 octets when unpacked');
      clearInterval(looking);
      expect(most).toBeGreaterThan(0);
      expect(most - before).toBeLessThan(32 * MB);
    }
  }, 60_000);

  it('a line, a cell or a quote without an end is refused when it is longer than a row may be', async () => {
    for (const start of ['', 'emails\n', 'emails\n"', 'a,b,'])
      expect(await refusal(gzipSync(Buffer.from(start + 'x'.repeat(60 * MB))))).toBe(
        'a row is longer than 10000 characters',
      );
    expect(await refusal(Buffer.from('emails\n"a@example.com\n'))).toBe('a quote is not closed');
  }, 60_000);

  it.each<[string, Buffer, string]>([
    ['octets that are no UTF-8', Buffer.from('emails\nb\xfc@example.com\n', 'latin1'), 'the file is not in UTF-8'],
    ['half a character at the end', Buffer.from('emails\na@example.com\xc3', 'latin1'), 'the file is not in UTF-8'],
    ['UTF-16', Buffer.from('a@example.com\n', 'utf16le'), 'the file is binary'],
    ['a program', Buffer.from('\x7fELF\x01\0\0', 'latin1'), 'the file is binary'],
    [
      'a broken gzip',
      gzipSync(Buffer.from('a@example.com')).subarray(0, 20),
      'the file cannot be unpacked: Z_BUF_ERROR',
    ],
    [
      'no gzip behind its first octets',
      Buffer.from('\x1f\x8bnothing', 'latin1'),
      'the file cannot be unpacked: Z_DATA_ERROR',
    ],
    [
      'a gzip in a ZIP',
      zipOf([{ name: 'a.csv', octets: gzipSync(Buffer.from('a@example.com')) }]),
      'the file is not in UTF-8',
    ],
    [
      'two files',
      zipOf(['a', 'b'].map((name) => ({ name, octets: Buffer.from('x') }))),
      'the archive must hold one file, and holds 2',
    ],
    [
      'many',
      zipOf(Array(101).fill({ name: 'a', octets: Buffer.from('x') })),
      'the archive must hold one file, and holds many',
    ],
    [
      'no file',
      zipOf([]).length > 0 ? zipOf([{ name: 'a/', octets: Buffer.alloc(0) }]) : Buffer.alloc(0),
      'the archive must hold one file, and holds 0',
    ],
    ['an encrypted one', zipOf([{ name: 'a', octets: Buffer.from('x'), flags: 1 }]), 'the archive is encrypted'],
    [
      'another method',
      zipOf([{ name: 'a', octets: Buffer.from('x'), method: 14 }]),
      'the archive is packed by another method than deflate',
    ],
    [
      'an archive cut off',
      zipOf([{ name: 'a', octets: Buffer.from('a@b.c') }]).subarray(0, 60),
      'the archive is broken',
    ],
  ])('%s', async (_, file, message) => {
    expect(await refusal(file)).toBe(message);
  });

  it('whatever its octets are, it is read or refused in words (archives with any of them changed)', async () => {
    const archive = zipOf([{ name: 'a.csv', octets: Buffer.from('emails\na@example.com\n') }]);
    const changed = fc
      .array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const copy = Buffer.from(archive);
        for (const [at, octet] of changes) copy[at] = octet;
        return copy;
      });
    const octets = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, octets), async (file) => {
        await refusal(file);
      }),
      { numRuns: 1_500 },
    );
  }, 60_000);
});
