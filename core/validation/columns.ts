/** Which cell of a row is the address: of a file with names of columns the one called `emails` (SendGrid), or much like it; else the first. */

const EMAILS = /^\W*e-?mails?(?:[ _-]?address(?:es)?)?\W*$/i;

/** @param first the file's first row. @returns the column, and whether the row is its name and no address */
export function columnOf(first: readonly string[]): { column: number; isNamed: boolean } {
  const found = first.findIndex((cell) => EMAILS.test(cell));
  return found < 0 ? { column: 0, isNamed: false } : { column: found, isNamed: true };
}
