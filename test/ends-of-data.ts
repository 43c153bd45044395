/**
 * SMTP smuggling (CVE-2023-51764, -51765, -51766): what some server or other takes for the end of a message, and how servers read
 * lines. One home, so that every place where a message's octets pass is tried with all of them.
 */
import { expect } from 'vitest';

/** What somebody takes for a line end, or nearly. */
export const LINE_ENDS = [
  ...['\r\n', '\n', '\r', '\r\r\n', '\n\r', '\r\n\r', '\n\n', '\r\r'],
  ...['\r\0\n', '\0\r\n', '\r\n\0', '\0\n', '\r\0'],
];
/** Those that the tools of the discoverers send. */
export const PUBLISHED = [
  ...['\n.\n', '\n.\r', '\r.\n', '\r.\r', '\n.\r\n', '\r.\r\n', '\r\n.\n', '\r\n.\r'],
  ...['\r\n\0.\r\n', '\r\n.\0\r\n', '\r\n\x20.\r\n', '\r\r\n.\r\r\n'],
];
/** All of them: well over the 130 that were known to work somewhere. */
export const ENDS_OF_DATA = [
  ...new Set([...LINE_ENDS.flatMap((before) => LINE_ENDS.map((after) => `${before}.${after}`)), ...PUBLISHED]),
];

/** What receivers take for a line end, and what a line of a dot alone then looks like. */
const READINGS: readonly (readonly [RegExp, string])[] = [
  [/\r\n/, '.'],
  [/\n/, '.\r'],
  [/\r?\n/, '.'],
  [/\r/, '\n.'],
  [/\r\n|\r|\n/, '.'],
  [/\r|\n/, '.'],
];

/** What goes over the connection has one end of data, the last, however it is read, NULs dropped or not. */
export function assertOneEnd(wire: Buffer): void {
  // Before a message stands the end of the line `DATA`.
  const text = `\r\n${wire.toString('latin1')}`;
  for (const read of [text, text.replaceAll('\0', '')])
    for (const [lineEnd, dot] of READINGS) expect(read.split(lineEnd).filter((line) => line === dot)).toHaveLength(1);
  expect(text.endsWith('\r\n.\r\n')).toBe(true);
}
