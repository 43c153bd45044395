/**
 * A rule for the words of a report, beside those for a server's replies (`core/shaping/rules/`). The rules of delivery are for
 * what a server says to us; these are for what one server says of another, or of itself, days later: that it gave up, that a
 * name is not in DNS, that a program failed.
 */
import type { Classification } from '../../shaping/rule.ts';

export type ReportRule = {
  /** Stable and unique, also among the rules of delivery: records and docs show it. */
  name: string;
  /** On at most REPLY_KEPT characters, runs of white space as one. */
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

/** @param text as `readable` gives it */
export function applies({ match, unless }: ReportRule, text: string): boolean {
  return match.test(text) && !unless?.test(text);
}
