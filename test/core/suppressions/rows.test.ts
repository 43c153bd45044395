import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine, readCell, readColumns, readRow } from '../../../core/suppressions/rows.ts';

const NOW = 1_790_000_000;

describe('a row of CSV', () => {
  // Attack: a mail server's reply that is a formula to whoever opens the export.
  it('reads back as it was, and no cell is a formula', () => {
    const nasty = fc.string({
      unit: fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', '\n', '"', ',', 'x', ' '),
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(nasty, fc.string(), fc.string({ unit: 'grapheme' })), { minLength: 2, maxLength: 4 }),
        (cells) => {
          const [row = []] = parse(csvLine(cells), { relax_column_count: true }) as string[][];
          for (const cell of row) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
          expect(row.map(readCell)).toEqual(cells);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['1443651125', 1_443_651_125],
    ['2015-09-30', 1_443_571_200],
    ['2015-09-30 22:12:05', 1_443_651_125],
    ['2015-09-30T22:12:05Z', 1_443_651_125],
    ['2015-09-30T22:12:05+02:00', 1_443_643_925],
    ['', NOW],
    ['30.09.2015', undefined],
    ['-5', undefined],
    [String(NOW + 100_000), undefined],
  ])('of the time %s', (text, created) => {
    const read = readRow(['a@x.example', text], { email: 0, created: 1 }, NOW);
    expect(read.ok ? read.entry.created : undefined).toBe(created);
  });

  it('has its address as the envelope has it', () => {
    const read = readRow(['Jörg@bücher.example'], { email: 0 }, NOW);
    expect(read.ok).toBe(false);
    expect(readRow(['Joerg@bücher.example'], { email: 0 }, NOW)).toMatchObject({
      address: 'Joerg@xn--bcher-kva.example',
    });
  });

  it('is never an error, whatever the cells are', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (first, cells) => {
        const read = readColumns(first);
        if (read) readRow(cells, read.columns, NOW);
      }),
    );
  });
});
