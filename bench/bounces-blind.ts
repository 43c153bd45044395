/**
 * How well mails are read that nobody has seen, as far as seen ones can tell: each mail of the corpus is read without whatever only
 * it, or only mails of its family, ever needed: every alternative of every rule that matches nowhere else is taken out. Words that
 * anybody knows go with it where they occur once, so the true figure is better.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readReport } from '../core/report/index.ts';
import { CERTAIN, TRANSLATED, WORDS } from '../core/report/rules/index.ts';
import { RULES } from '../core/shaping/rules/index.ts';

export type Blind = { named: number; classed: number; invalid: number; invalidRight: number };
/** `lhost-exim-07.eml`: mails of one family are of one program. */
const familyOf = (file: string): string => file.replace(/-\d+\.eml$/, '');

type Rule = { match: RegExp };
type Alternative = { rule: Rule; source: string; match: RegExp; users: Set<string> };

/**
 * @param expected the class of each recipient in lower case, by file
 * @param by whose own alternatives a mail must do without
 */
export function readBlind(
  folder: string,
  expected: ReadonlyMap<string, ReadonlyMap<string, string>>,
  by: 'mail' | 'family',
): Blind {
  const rules: Rule[] = [CERTAIN, TRANSLATED, WORDS, ...Object.values(RULES)].flat();
  const whole = new Map(rules.map((rule) => [rule, rule.match]));
  const userOf = by === 'mail' ? (file: string) => file : familyOf;
  const alternatives = rules.flatMap((rule): Alternative[] =>
    alternativesOf(rule.match.source).map((source) => ({
      ...{ rule, source, match: new RegExp(source, rule.match.flags) },
      users: new Set(),
    })),
  );
  const read = (file: string) => readReport(readFileSync(join(folder, file)));
  for (const file of expected.keys()) {
    const texts = textsOf(rules, whole, () => read(file));
    for (const { match, users } of alternatives) if (texts.some((text) => match.test(text))) users.add(userOf(file));
  }
  const sum: Blind = { named: 0, classed: 0, invalid: 0, invalidRight: 0 };
  for (const [file, classes] of expected) {
    const isOwn = ({ users }: Alternative) => users.size === 1 && users.has(userOf(file));
    for (const rule of new Set(alternatives.filter(isOwn).map((one) => one.rule))) {
      const kept = alternatives.filter((one) => one.rule === rule && !isOwn(one)).map(({ source }) => source);
      rule.match = kept.length > 0 ? new RegExp(kept.join('|'), whole.get(rule)!.flags) : /(?!)/;
    }
    const report = read(file);
    for (const { address, classification } of 'recipients' in report ? report.recipients : []) {
      const wanted = classes.get(address.toLowerCase());
      if (wanted === undefined) continue;
      sum.named++;
      if (classification === wanted) sum.classed++;
      if (classification !== 'Invalid Address') continue;
      sum.invalid++;
      if (wanted === 'Invalid Address') sum.invalidRight++;
    }
    for (const rule of rules) rule.match = whole.get(rule)!;
  }
  return sum;
}

/** Every text that a rule is asked about while something is read. */
function textsOf(rules: readonly Rule[], whole: ReadonlyMap<Rule, RegExp>, act: () => void): string[] {
  const texts = new Set<string>();
  for (const rule of rules) {
    const listening = new RegExp(whole.get(rule)!);
    listening.test = (text) => {
      texts.add(text);
      return RegExp.prototype.test.call(whole.get(rule)!, text);
    };
    rule.match = listening;
  }
  act();
  for (const rule of rules) rule.match = whole.get(rule)!;
  return [...texts];
}

/** A pattern's alternatives that stand in no group. */
function alternativesOf(source: string): string[] {
  const found = [''];
  let depth = 0;
  for (const [token] of source.matchAll(/\\.|\[(?:\\.|[^\]\\])*\]|[\s\S]/g)) {
    if (token === '|' && depth === 0) {
      found.push('');
      continue;
    }
    if (token === '(') depth++;
    if (token === ')') depth--;
    found[found.length - 1] += token;
  }
  return found;
}
