/**
 * A rule for the words of a report, beside those for a server's replies (`core/shaping/rules/`). The rules of delivery are for
 * what a server says to us; these are for what one server says of another, or of itself, days later: that it gave up, that a
 * name is not in DNS, that a program failed.
 */
import { readable } from '../../shaping/compile.ts';
import type { Classification } from '../../shaping/rule.ts';

export type ReportRule = {
  /** Stable and unique, also among the rules of delivery: records and docs show it. */
  name: string;
  /** On what `legible` gives. */
  match: RegExp;
  /** Words that make it mean something else. */
  unless?: RegExp;
  /** What a real server wrote, with names replaced: of its list this rule is the first to match it. */
  sample: string;
  classification: Classification;
  /** RFC 3463, for reports that give none. */
  status: string;
  /** The address is bad, and may be suppressed. Absent: `blocked`. */
  type?: 'bounce';
  /** Counts for more than the reply beside it, wherever in the notice it stands. */
  overrules?: true;
  /** Not in answer to MAIL or to the connection: what is said there is of the sender. */
  ofRecipient?: true;
};

/** Text as patterns of reports see it: of replies' length, runs of white space as one, Latin letters without accents. */
export function legible(text: string): string {
  return unaccented(readable(text));
}

/** Latin letters without accents, of any length; everything else as it is. */
export function unaccented(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\u00c0-\u024f]/g, (letter) => letter.normalize('NFD').charAt(0))
    .replace(/[łŁøØı]/g, (letter) => BARRED[letter]!);
}

const BARRED: Readonly<Record<string, string>> = { ł: 'l', Ł: 'L', ø: 'o', Ø: 'O', ı: 'i' };

/** @param text as `legible` gives it */
export function applies({ match, unless }: ReportRule, text: string): boolean {
  return match.test(text) && !unless?.test(text);
}
