/**
 * What is wrong with the rules for reports before a report shows it: the same that `shaping/lint.ts` finds in the rules for
 * replies. It runs in a test.
 */
import { costOf } from '../shaping/pattern.ts';
import { CLASSIFICATIONS } from '../shaping/rule.ts';
import { RULES } from '../shaping/rules/index.ts';
import { applies, CERTAIN, CODES, legible, type ReportRule, TRANSLATED, WORDS } from './rules/index.ts';

export type Finding = { rule: string; message: string };

/** Steps that one pattern may cost on one text at worst. */
const MOST_STEPS = 20_000_000;

export function lintReportRules(lists: readonly (readonly ReportRule[])[] = [CERTAIN, TRANSLATED, WORDS]): Finding[] {
  const findings: Finding[] = [];
  const names = new Set(Object.values(RULES).flatMap((rules) => rules.map(({ name }) => name)));
  for (const rules of lists)
    for (const rule of rules) {
      const tell = (message: string) => void findings.push({ rule: rule.name, message });
      if (names.has(rule.name)) tell('names two rules');
      names.add(rule.name);
      lintRule(rule, tell);
      const earlier = rules.find((one) => applies(one, legible(rule.sample)));
      if (earlier !== rule)
        tell(earlier ? `is never reached: "${earlier.name}" comes before it` : 'does not match its own sample');
    }
  return findings;
}

function lintRule(
  { name, match, unless, status, classification, type }: ReportRule,
  tell: (message: string) => void,
): void {
  if (!/^report-[a-z0-9-]{2,50}$/.test(name)) tell('must begin with "report-"');
  if (match.test('')) tell('matches an empty text');
  for (const { source } of unless ? [match, unless] : [match]) {
    const { steps, unbounded, nested } = costOf(source);
    if (unbounded > 0 || nested) tell('has a quantifier without bound');
    if (steps > MOST_STEPS) tell(`may take ${steps} steps on one text, more than ${MOST_STEPS}`);
  }
  if (!/^[45]\.\d{1,3}\.\d{1,3}$/.test(status)) tell('has no status');
  if (!CLASSIFICATIONS.includes(classification)) tell(`there is no class "${classification}"`);
  if (type === 'bounce' && (classification !== 'Invalid Address' || !/^5\.1\./.test(status)))
    tell('only what is wrong with the address for good may suppress');
  if (!CODES.some((code) => code.match.test(status)) && status !== '5.0.0') tell('has a status that means nothing');
}
