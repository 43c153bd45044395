/**
 * What servers say, in many words and languages, and what each is put down to: `phrases.tsv`, one a line. Alone, in other case and
 * with other white space, and in a letter: the class is the same, and only what speaks of the address suppresses.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classify } from '../../../core/report/classify.ts';
import { readReport } from '../../../core/report/index.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';

const SHAPING = compileShaping();
const PHRASES = readFileSync(new URL('phrases.tsv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t') as [expected: string, words: string]);

function judge(words: string) {
  const told = { diagnostic: words, around: [], status: '', mta: '', domain: 'example.com' };
  return classify(told, SHAPING);
}

describe('what servers say', () => {
  it.each(PHRASES)('%s: %s', (expected, words) => {
    const { classification, type } = judge(words);
    expect(classification).toBe(expected);
    // A closed mailbox is gone, too.
    if (type === 'bounce') expect(['Invalid Address', 'Mailbox Unavailable']).toContain(classification);
  });

  it('means the same in capitals, with a full stop, and broken into lines', () => {
    const variants: ((words: string) => string)[] = [
      (words) => words.toUpperCase(),
      (words) => `${words}.`,
      (words) => words.replaceAll(' ', '\n  '),
    ];
    const other = PHRASES.filter(([expected]) => expected !== 'Unclassified').flatMap(([expected, words]) =>
      variants.filter((vary) => judge(vary(words)).classification !== expected).map((vary) => vary(words)),
    );
    // What is not stable is a word of few letters at a line's end or a code that is a name in capitals.
    expect(other.length / (PHRASES.length * variants.length)).toBeLessThan(0.02);
  });

  it('means the same in a notice, behind the address', () => {
    const wrong = PHRASES.filter(([expected, words]) => {
      if (words.includes('@') || expected === 'Unclassified') return false;
      const raw = `Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: shop@sender.example\nSubject: Undelivered mail\nContent-Type: text/plain; charset=utf-8\n\nYour message could not be delivered.\n\n<one@example.net>: ${words}\n`;
      const report = readReport(Buffer.from(raw));
      return report.kind === 'bounce'
        ? report.recipients.length !== 1 || report.recipients[0]!.classification !== expected
        : report.kind !== 'delayed';
    });
    expect(wrong.length / PHRASES.length).toBeLessThan(0.03);
    // Nobody is suppressed for a word that is about something else.
    expect(wrong.filter(([, words]) => judge(words).type === 'bounce')).toEqual([]);
  });
});
