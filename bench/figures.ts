/** Figures of several rounds, and the tables that benchmarks print: on a terminal, or as Markdown for the docs. */

export type Spread = { median: number; min: number; max: number };

/** The middle of an odd number of values, the mean of the two middle ones of an even number. @throws Error without values */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('no values');
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/** `1,234 [1,200..1,300]`: the median, and between what. */
export function showSpread({ median, min, max }: Spread, digits = 0): string {
  return `${show(median, digits)} [${show(min, digits)}..${show(max, digits)}]`;
}

export function show(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A table with a heading line; the first column is to the left, the others to the right, unless their name ends in a space. */
export function formatTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  markdown: boolean,
): string {
  const names = heading.map((name) => name.trimEnd());
  const isText = heading.map((name, n) => n === 0 || name.endsWith(' '));
  const widths = names.map((name, n) => Math.max(markdown ? 3 : 0, name.length, ...rows.map((row) => row[n]!.length)));
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, n) => (isText[n] ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)));
    return markdown ? `| ${padded.join(' | ')} |` : `  ${padded.join('  ')}`.trimEnd();
  };
  const rule = widths.map((width, n) => (isText[n] ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(names), ...(markdown ? [line(rule)] : []), ...rows.map(line)].join('\n');
}
