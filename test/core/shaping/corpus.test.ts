/**
 * Real replies, from the diagnostic codes of a public corpus of bounces, with what people found them to mean. Read as replies
 * to RCPT of a site that is nobody we know: the hardest case.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judge } from '../../../core/outcome.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';
import type { Classification } from '../../../core/shaping/rule.ts';
import { makeReply } from '../../../core/smtp/reply.ts';

const CORPUS = '../shared/corpus/bounces';
/** What the corpus's words are in SendGrid's; `filtered` (refused without saying why) is nobody's. */
const CLASSES: Record<string, Classification> = Object.fromEntries(
  Object.entries({
    'Invalid Address': 'userunknown hasmoved',
    'Mailbox Unavailable': 'mailboxfull suspend onhold notaccept',
    Reputation: 'blocked badreputation requireptr authfailure rejected',
    Content: 'spamdetected contenterror virusdetected mesgtoobig exceedlimit notcompliantrfc policyviolation',
    'Frequency or Volume Too High': 'toomanyconn speeding ratelimited',
    'Technical Failure':
      'hostunknown networkerror expired systemerror systemfull mailererror syntaxerror norelaying securityerror failedstarttls',
  }).flatMap(([name, words]) => words.split(' ').map((word) => [word, name as Classification])),
);

type Case = { reason: string; text: string };

function readCases(): Case[] {
  const [, ...lines] = readFileSync(join(CORPUS, 'expected.tsv'), 'utf8').trimEnd().split('\n');
  const rows = lines.map((line) => line.split('\t')).filter((row) => row[10] === 'A' || row[10] === 'B');
  const byFile = Map.groupBy(rows, ([file]) => file!);
  return [...byFile].flatMap(([file, expected]) => {
    if (!existsSync(join(CORPUS, file))) return [];
    const mail = readFileSync(join(CORPUS, file), 'latin1').replaceAll('\r\n', '\n');
    const told = [...mail.matchAll(/^Diagnostic-Code:[ \t]*(.*(?:\n[ \t]+.*)*)/gim)].map(([, text = '']) =>
      text.replace(/\s+/g, ' '),
    );
    if (told.length !== expected.length) return [];
    return told.flatMap((text, n) => {
      const reply = /^(?:smtp|x-\w+) ?; ?(?:.*?said: )?<?(\d{3}[ -].*)/i.exec(text)?.[1];
      return reply ? [{ reason: expected[n]![6]!, text: reply }] : [];
    });
  });
}

function judgeText(text: string) {
  const code = text.slice(0, 3);
  const said = text.slice(4).replace(new RegExp(`${code}[ -](?=\\d\\.\\d|[A-Z])`, 'g'), '');
  const reply = makeReply(Number(code), [said]);
  return judge({ ok: false, stage: 'rcpt', reply, afterDot: false }, compileShaping(), 'other');
}

describe.skipIf(!existsSync(CORPUS))('a corpus of real replies', () => {
  const cases = existsSync(CORPUS) ? readCases().filter(({ reason }) => reason in CLASSES) : [];

  it('is there', () => expect(cases.length).toBeGreaterThan(90));

  it('is classed as people did, four times in five', () => {
    const right = cases.filter(({ reason, text }) => {
      const verdict = judgeText(text);
      return verdict.event !== 'delivered' && verdict.classification === CLASSES[reason];
    });
    expect(right.length / cases.length).toBeGreaterThan(0.8);
  });

  it('suppresses hardly anybody whose mailbox is there', () => {
    const bounces = cases.filter(({ text }) => (judgeText(text) as { type?: string }).type === 'bounce');
    const gone = bounces.filter(
      ({ reason, text }) => /^(?:userunknown|hasmoved|suspend)$/.test(reason) || /inactive/.test(text),
    );
    expect(bounces.length).toBeGreaterThan(35);
    expect(gone.length / bounces.length).toBeGreaterThan(0.95);
  });
});
