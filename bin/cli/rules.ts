/**
 * rules: what the shaping rules make of a reply, which there are, and whether the settings' own are sound. It reads the
 * settings and talks to no stack.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { judge, STAGES, type Stage, type Verdict } from '../../core/outcome.ts';
import { compileShaping, type Shaping } from '../../core/shaping/compile.ts';
import type { Rule } from '../../core/shaping/rule.ts';
import { ANY, RULES } from '../../core/shaping/rules/index.ts';
import { describeAct } from '../../core/shaping/words.ts';
import { makeReply, type Reply } from '../../core/smtp/reply.ts';
import type { Settings } from '../../lib/settings.ts';
import { CliError } from './cli-error.ts';
import { printJson, printLine, printTable } from './print.ts';

export type RulesOptions = {
  provider?: string | undefined;
  mx?: string[] | undefined;
  stage?: string | undefined;
  config?: string | undefined;
  json?: boolean | undefined;
};

/** What would become of a copy, and of its site, with this reply. */
export async function tryReply([given = '']: string[], options: RulesOptions): Promise<number> {
  const reply = readReply(given);
  const stage = (options.stage ?? 'rcpt') as Stage;
  if (!STAGES.includes(stage)) throw new CliError(`"${stage}" is not a step of a session: one of ${STAGES.join(', ')}`);
  const shaping = compileShaping((await readSettings(options)).shaping);
  const provider = options.mx ? shaping.providerOf(options.mx) : (checkProvider(options.provider, shaping) ?? 'other');
  const verdict =
    reply.code < 400
      ? judge({ ok: true, reply }, shaping, provider)
      : judge({ ok: false, stage, reply, afterDot: false }, shaping, provider);
  if (options.json) printJson({ provider, stage, ...verdict });
  else printVerdict(provider, stage, verdict);
  return 0;
}

/** The rules in the order in which they are tried. */
export async function listRules(_: string[], options: RulesOptions): Promise<number> {
  const shaping = compileShaping((await readSettings(options)).shaping);
  const one = checkProvider(options.provider, shaping);
  const rows = one ? shaping.rulesOf(one).map((rule) => ({ provider: ownerOf(rule, one), rule })) : everyRule(shaping);
  if (options.json)
    printJson(rows.map(({ provider, rule: { match, ...rest } }) => ({ provider, ...rest, match: match.source })));
  else
    printTable(
      ['PROVIDER', 'RULE', 'COPY', 'CLASS', 'SITE'],
      rows.map(({ provider, rule }) => [provider, rule.name, copyOf(rule), rule.classification, describeAct(rule.act)]),
    );
  return 0;
}

/** Whether the settings are sound; what is not stands in the error. */
export async function checkRules(_: string[], options: RulesOptions): Promise<number> {
  const { rules = [], providers = {} } = (await readSettings(options)).shaping;
  const told = { rules: rules.length, providers: Object.keys(providers).length };
  if (options.json) printJson(told);
  else printLine(`The settings' shaping is sound: ${told.rules} rules and ${told.providers} providers of your own.`);
  return 0;
}

/** The user's settings, or those that `--config` names. */
export async function readSettings({ config }: Pick<RulesOptions, 'config'>): Promise<Settings> {
  const file =
    config === undefined ? new URL('../../pennypost.config.ts', import.meta.url) : pathToFileURL(resolve(config));
  try {
    return ((await import(file.href)) as { default: Settings }).default;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(
      code === 'ERR_MODULE_NOT_FOUND' ? `there are no settings at ${config ?? file.pathname}` : message,
    );
  }
}

/** A reply as it stands in a log: one line or several, each with its code or only the first. */
function readReply(given: string): Reply {
  const lines = given.split(/\r?\n|\\n/).map((line) => line.trim());
  const code = /^[2-5]\d\d(?=[ -]|$)/.exec(lines[0] ?? '')?.[0];
  if (!code) throw new CliError('a reply begins with its code, like "421 4.7.0 Try again later"');
  return makeReply(
    Number(code),
    lines.map((line) => (line.startsWith(code) ? line.slice(code.length + 1) : line)),
  );
}

function checkProvider(name: string | undefined, shaping: Shaping): string | undefined {
  const names = [...shaping.providers().map((one) => one.name), 'other'];
  if (name !== undefined && !names.includes(name))
    throw new CliError(`there is no provider "${name}": one of ${names.join(', ')}`);
  return name;
}

function everyRule(shaping: Shaping): { provider: string; rule: Rule }[] {
  const any = new Set(shaping.rulesOf(ANY));
  const own = [...new Set(shaping.providers().map(({ name }) => name))].flatMap((provider) =>
    shaping
      .rulesOf(provider)
      .filter((rule) => !any.has(rule))
      .map((rule) => ({ provider, rule })),
  );
  return [...own, ...[...any].map((rule) => ({ provider: ANY, rule }))];
}

function ownerOf(rule: Rule, provider: string): string {
  return (RULES[ANY] ?? []).includes(rule) ? ANY : provider;
}

function copyOf({ event, type = 'blocked', sample }: Rule): string {
  if (event === 'deferred') return 'deferred';
  if (event === 'bounced') return `bounced, ${type}`;
  return sample.startsWith('4') ? 'as its code says' : `5xx: ${type}`;
}

function printVerdict(provider: string, stage: Stage, verdict: Verdict): void {
  printLine(`reply  ${verdict.reply}`);
  printLine(
    `from   ${provider === 'other' ? 'a site that is nobody we know (--provider, --mx)' : provider}, in answer to ${stage}`,
  );
  if (verdict.event === 'delivered') {
    printLine('copy   delivered');
    return;
  }
  printLine(`rule   ${verdict.rule ?? 'none: only its code counts'}`);
  printLine(`class  ${verdict.classification}`);
  printLine(`copy   ${fateOf(verdict)}`);
  printLine(`site   ${describeAct(verdict.act)}`);
}

function fateOf(verdict: Exclude<Verdict, { event: 'delivered' }>): string {
  if (verdict.event !== 'bounced') return 'deferred: tried again later, for up to 72 hours';
  return verdict.type === 'bounce'
    ? 'bounced, and its address suppressed: nothing more is sent to it'
    : 'bounced as blocked: not tried again, its address not suppressed';
}
