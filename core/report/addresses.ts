/**
 * Addresses as they stand in the text of reports: found, not judged (`core/address.ts` judges). A report may name what is no
 * address for us any more (`user@mailhub0`, `nyaan%gol.com@host`), and still be about one.
 */

/** The source of a pattern of one address, to be built into others. Bounded: RFC 5321 4.5.3.1. */
export const ADDRESS =
  '(?:"[^"<>\\n]{1,64}"|[^\\s<>()\\[\\]:;,"\'\\x7f\u00ab\u00bb\u2018-\u201f\u3001\u3002\u3008-\u3011\uff08\uff09\uff0c\uff1a\uff1b]{1,80})@(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,250}[A-Za-z0-9])?|[^\\x00-\\x7f][^\\s<>@]{0,200})';

const ALL = new RegExp(ADDRESS, 'g');
const ONE = new RegExp(`^(?:${ADDRESS})$`);

/** Every address in a text, at most `most`, in their order, without repetition. */
export function addressesIn(text: string, most = 100): string[] {
  const found = new Set<string>();
  for (const [address] of text.matchAll(ALL)) {
    found.add(tidy(address));
    if (found.size >= most) break;
  }
  return [...found];
}

/** `rfc822; <user@example.com>` (RFC 3464 2.1.2), or anything with an address in it, as the address; else undefined. */
export function addressOf(field: string): string | undefined {
  const value = field
    .slice(0, 500)
    .replace(/^[ \t]*[\w-]{1,40}[ \t]*;/, '')
    .replace(/^[\s<"']{1,20}(?!.{0,70}"@)/, '')
    .replace(/[\s>]{1,20}$/, '')
    .trim();
  if (ONE.test(value)) return tidy(value);
  return addressesIn(field.slice(0, 500), 1)[0];
}

/** Whether two spellings are of one mailbox, for comparing what a mail says with itself: case is not looked at. */
export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function tidy(address: string): string {
  return address.replace(/^mailto:/i, '').replace(/^[.`*]{1,5}/, '');
}
