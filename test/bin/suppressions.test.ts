import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ImportDeps, importRows } from '../../bin/cli/suppressions.ts';

const NOW = 1_790_000_000;

async function run(text: string | Readable, overrides: Partial<ImportDeps> = {}) {
  const added: Parameters<ImportDeps['add']>[0] = [];
  const refused: [number, string][] = [];
  const imported = await importRows(typeof text === 'string' ? Readable.from([Buffer.from(text)]) : text, {
    now: NOW,
    add: async (entries) => {
      added.push(...entries);
      return entries.length;
    },
    refuse: (line, problem) => void refused.push([line, problem]),
    progress: () => {},
    ...overrides,
  });
  return { imported, added, refused };
}

describe('a file of suppressions', () => {
  it('as SendGrid exports bounces: quotes, line breaks within, any order of columns', async () => {
    const { imported, added } = await run(
      'status,reason,email,created\r\n5.1.1,"550 5.1.1 ""no"" such\nuser, really",Reader@Example.com,1443651125\r\n' +
        ',,second@example.com,2015-09-30 22:12:05\n',
    );
    expect(imported).toEqual({ rows: 2, added: 2, refused: 0 });
    expect(added).toEqual([
      {
        ok: true,
        address: 'Reader@Example.com',
        entry: { created: 1_443_651_125, reason: '550 5.1.1 "no" such\nuser, really', status: '5.1.1' },
      },
      { ok: true, address: 'second@example.com', entry: { created: 1_443_651_125 } },
    ]);
  });

  it.each([
    ['a byte order mark', '\ufeffemail\na@x.example\n'],
    ['no header', 'a@x.example\n'],
    ['another name of the column', 'Name,Email Address\nAnn,a@x.example\n'],
    ['empty lines', '\n\nemail\n\na@x.example\n\n'],
    ['a column too many', 'email,created\na@x.example,,,,\n'],
    ['quotes where none are due', 'email,name\na@x.example,"Ann" the great\n'],
  ])('with %s', async (_, text) => {
    const { added } = await run(text);
    expect(added).toEqual([{ ok: true, address: 'a@x.example', entry: { created: NOW } }]);
  });

  it('tells refused rows by their lines, and takes the others', async () => {
    const { imported, refused } = await run(
      'email,created\nok@x.example,1\nnonsense,1\n,1\nlater@x.example,4000000000\nodd@x.example,yesterday\n',
    );
    expect(imported).toEqual({ rows: 5, added: 1, refused: 4 });
    expect(refused).toEqual([
      [3, 'not an address: nonsense'],
      [4, 'no address'],
      [5, 'not a time: 4000000000'],
      [6, 'not a time: yesterday'],
    ]);
  });

  it.each([
    ['has no addresses', 'name\nAnn\n', /names no column "email"/],
    ['has no end of a quote', 'email\n"a@x.example\n', /is not CSV/],
    ['is one row for ever', `email\n"${'x'.repeat(200_000)}`, /is not CSV/],
  ])('that %s is refused', async (_, text, why) => {
    await expect(run(text)).rejects.toThrow(why);
  });

  it('of any length is read no faster than it is written', async () => {
    let made = 0;
    let written = 0;
    let ahead = 0;
    const rows = function* () {
      yield 'email,created\n';
      for (; made < 200_000; made += 1_000)
        yield Array.from({ length: 1_000 }, (_, n) => `reader-${made + n}@x.example,${NOW}\n`).join('');
    };
    const { imported } = await run(Readable.from(rows(), { objectMode: true, highWaterMark: 1 }), {
      add: async (entries) => {
        ahead = Math.max(ahead, made - written);
        await new Promise((done) => setImmediate(done));
        written += entries.length;
        return entries.length;
      },
    });
    expect(imported).toEqual({ rows: 200_000, added: 200_000, refused: 0 });
    expect(ahead).toBeLessThan(10_000);
  }, 30_000);
});
