/** The rules for reports, in the order in which they are tried; those of delivery stand between `CERTAIN` and `WORDS`. */
export { CERTAIN } from './certain.ts';
export { CODES, type CodeRule, REPLY_CODES } from './codes.ts';
export { applies, legible, type ReportRule, unaccented } from './rule.ts';
export { TRANSLATED } from './translated.ts';
export { WORDS } from './words.ts';
