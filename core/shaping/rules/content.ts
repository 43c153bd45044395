/** Any provider: what is wrong with the message. */
import type { Rule } from '../rule.ts';

export const CONTENTS: readonly Rule[] = [
  {
    name: 'virus',
    match: /\bvirus(?:es)?\b|\bmalware\b|\binfected\b|\bphish|dangerous (?:content|attachment)|executable/i,
    sample: '550 Virus Detected; Content Rejected',
    classification: 'Content',
  },
  {
    name: 'spam',
    match:
      /(?:as|is|be|been|contains?|to|likely|suspected|possible|probable|reject|blocked?|considered|for|looks like|high|my|your) (?:be )?(?:an? )?(?:un)?(?:spam|junk|ube\b|uce\b|unsolicited|solicited bulk)|\b(?:spam|junk) ?(?:message|mail|content|detected|rejected|score|filter|pattern|probability|assassin|text|or virus)|message (?:content )?(?:was )?(?:rejected|denied|refused|filtered|blocked)|content (?:was )?(?:rejected|denied|filter|policy)|blocked .{0,40}\bspam\b|- spam|\bube\b|unsolicited (?:bulk )?(?:mail|message|e-?mail)/i,
    sample: '554 5.6.0 This message has been scored as spam with a probability of more than 90%',
    classification: 'Content',
  },
  {
    name: 'too-large',
    match:
      /\b(?:message|mail|size|length|headers?|attachment)\b.{0,40}(?:too (?:large|big|long)|exceed\w{0,3}.{0,20}(?:size|limit|maximum|length))|RecipSizeLimit|size limit|^5\d\d 5\.(?:2\.3|3\.4)\b/i,
    sample: '552 5.3.4 Message size exceeds fixed limit',
    classification: 'Content',
  },
  {
    name: 'not-compliant',
    match:
      /rfc ?-?(?:2?822|5322|5321)|not rfc.{0,10}compliant|(?:missing|invalid|multiple|duplicate|bad|malformed) .{0,20}headers?|header error|bare (?:lf|cr)|invalid (?:date|message-id)|^5\d\d 5\.6\.\d\b/i,
    sample: '554 5.6.0 Message is not RFC 5322 compliant',
    classification: 'Content',
  },
  {
    name: 'policy',
    match:
      /\bpolic(?:y|ies)\b|\bAUP\b|(?:prohibited|not permitted|administrative(?:ly)? (?:prohibition|denied))|refused due to recipient preferences|complaints?\b|security reasons/i,
    sample: '554 5.7.1 Message violates our policies',
    classification: 'Content',
  },
];
