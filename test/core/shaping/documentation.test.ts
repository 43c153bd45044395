/** docs/shaping-rules.md is made from the data; after a change: `npx vitest run test/core/shaping/documentation.test.ts -u`. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lintShaping } from '../../../core/shaping/lint.ts';
import { DEFAULT_LIMITS, PROVIDERS, type ProviderData } from '../../../core/shaping/providers.ts';
import type { Rule, SiteLimits } from '../../../core/shaping/rule.ts';
import { ANY, RULES } from '../../../core/shaping/rules/index.ts';
import { describeAct } from '../../../core/shaping/words.ts';

const row = (...cells: (string | number)[]) =>
  `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;

function limitsRow(name: string, suffixes: readonly string[], limits: SiteLimits): string {
  const { connections, messagesPerConnection, perMinute, tls, sharedBy } = limits;
  return row(
    name,
    suffixes.map((suffix) => `\`.${suffix}\``).join(', '),
    connections,
    messagesPerConnection,
    perMinute ?? '',
    tls ?? '',
    sharedBy ? 'all its sites' : 'each site',
  );
}

function ruleRow({ name, classification, event, type, sample, act }: Rule): string {
  const said = event ?? (sample.startsWith('4') ? 'as its code says' : 'bounced on 5xx');
  const copy = type === 'bounce' ? `${said}, suppressed` : said;
  const quote = sample.length > 110 ? `${sample.slice(0, 107)}...` : sample;
  return row(`\`${name}\``, `\`${quote.replaceAll('`', "'")}\``, copy, classification, describeAct(act));
}

function documentation(): string {
  const providers = (PROVIDERS as readonly ProviderData[]).map(({ name, suffixes, limits }) =>
    limitsRow(name, suffixes, limits),
  );
  const sections = Object.entries(RULES).map(([provider, rules]) =>
    [
      `## ${provider === ANY ? 'Any provider' : provider}\n`,
      row('rule', 'a reply', 'the copy', 'class', 'the site'),
      row('---', '---', '---', '---', '---'),
      ...rules.map(ruleRow),
      '',
    ].join('\n'),
  );
  return [
    '# Providers and rules\n',
    'Made from `core/shaping/`; do not edit. What it means stands in [shaping.md](shaping.md).\n',
    '## Limits\n',
    row('provider', 'MX hosts', 'connections', 'messages on each', 'messages a minute', 'TLS', 'shared by'),
    row('---', '---', '---', '---', '---', '---', '---'),
    ...providers,
    limitsRow('other', [], DEFAULT_LIMITS),
    '',
    ...sections,
  ].join('\n');
}

describe('the documentation', () => {
  it('has every provider and every rule as they are', () =>
    expect(documentation()).toMatchFileSnapshot(resolve('docs/shaping-rules.md')));

  it('has an example that is sound', () => {
    const text = readFileSync('docs/shaping.md', 'utf8');
    const example = /```ts\n {2}shaping: (\{\n[\s\S]{1,2000}?\n {2}\}),\n```/.exec(text)?.[1];
    expect(example).toBeDefined();
    const overrides = new Function(`return ${example}`)();
    expect(overrides.rules.length).toBeGreaterThan(1);
    expect(lintShaping(overrides)).toEqual([]);
  });
});
