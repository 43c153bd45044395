/**
 * What commands print: aligned columns for people, one JSON value for programs. DNS texts and replies of mail servers are a
 * stranger's: what would steer the terminal (C0 but for line and tab, DEL, C1, and marks that reorder text) is shown as `�`.
 * JSON escapes such characters itself, or leaves them to the program.
 */

const STEERING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

export const clean = (text: string): string => text.replace(STEERING, '�');

/** Prints rows under a header, columns as wide as their widest cell. */
export function printTable(header: string[], rows: string[][]): void {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of [header, ...rows])
    process.stdout.write(
      `${row
        .map((cell, column) =>
          clean(cell)
            .replace(/[\t\n]/g, ' ')
            .padEnd(widths[column]!),
        )
        .join('  ')
        .trimEnd()}\n`,
    );
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(line = ''): void {
  process.stdout.write(`${clean(line)}\n`);
}

/** An instant as ISO 8601 in UTC, to the millisecond. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('T', ' ').replace('Z', '');
}
