/**
 * Help for one command or one group of commands, cut out of the text of all: its usage, the options that it takes, an example. What was
 * mistyped is answered with the nearest that there is.
 */

/** How the command line is run in a checkout: `npm run pennypost --` is the same, for who has not installed anything yet. */
const RUN = 'npx pennypost';

/** Options of every command, by how their lines in the text begin. */
const OF_ALL = ['--local', '--stack', '--account', '--json'];

const EXAMPLES: Readonly<Record<string, string>> = {
  keys: 'keys create --name website --scope mail.send',
  domains: 'domains add example.com',
  ses: 'ses identity example.com',
  sites: 'sites resume lane-1 google',
  tls: 'tls set required',
  parse: 'parse add in.example.com https://shop.example/inbound',
  forward: 'forward set bounces desk@example.com',
  'suppressions import': 'suppressions import bounces.csv --list bounces',
  suppressions: 'suppressions export --list unsubscribes > unsubscribes.csv',
  import: 'import sendgrid --dry-run',
  links: 'links add example.com links.example.com',
  'events replay': 'events replay 3fa9 2026-11-25T12:00:00Z 2026-11-25T13:00:00Z',
  events: 'events webhooks',
  brakes: 'brakes cap acme 50000',
  messages: `messages 'status = "not_delivered"' --limit 50`,
  transcripts: 'transcripts all',
  erase: 'erase address ada@example.net --account acme',
  trace: 'trace Xj5LmNkWSOqRbdvOpR34BA',
  rules: 'rules try "421 4.7.28 Our system has detected an unusual rate" --provider google',
  bounces: 'bounces read bounce.eml',
  doctor: 'doctor',
};

type Entry = { usage: string; lines: string[] };

/** The entries of the text: a line that begins with two spaces and a word, and those that are indented further below it. */
function entriesOf(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split('\n')) {
    const [, usage] = /^ {2}(\S.*?)(?: {2,}|$)/.exec(line) ?? [];
    if (usage !== undefined) entries.push({ usage, lines: [line] });
    else if (/^ {3,}\S/.test(line)) entries.at(-1)?.lines.push(line);
  }
  return entries;
}

const isOf = (usage: string, words: string) => usage === words || usage.startsWith(`${words} `);

/**
 * @param text the help of all commands
 * @param words a command, or the first word of several
 * @returns undefined where there is no such command
 */
export function helpOf(text: string, words: string): string | undefined {
  const entries = entriesOf(text);
  const commands = entries.filter(({ usage }) => !usage.startsWith('-') && isOf(usage, words));
  if (commands.length === 0) return undefined;
  const group = words.split(' ')[0]!;
  const isStandalone = group === 'rules' || group === 'bounces';
  const options = entries.filter(({ usage, lines }) => {
    if (!usage.startsWith('-')) return false;
    if (OF_ALL.some((name) => isOf(usage, name))) return !isStandalone || usage === '--json';
    const named = /\(([^()]*)\)$/.exec(lines.at(-1)!)?.[1]?.split(/[,;] /) ?? [];
    return named.some((one) => isOf(words, one) || isOf(one, words));
  });
  const example = EXAMPLES[words] ?? EXAMPLES[group];
  return [
    `${RUN} …`,
    '',
    ...commands.flatMap(({ lines }) => lines),
    '',
    ...options.flatMap(({ lines }) => lines),
    ...(example === undefined ? [] : ['', 'For example:', '', `  ${RUN} ${example}`]),
    '',
  ].join('\n');
}

/** What is wrong with how many arguments a command was given, in a sentence. */
export function explainArguments(text: string, name: string, given: readonly string[]): string {
  const usage = entriesOf(text).find((one) => isOf(one.usage, name))?.usage ?? name;
  const wanted = usage
    .slice(name.length)
    .trim()
    .replaceAll(/\[([A-Z]+)\]/g, '$1')
    .replaceAll(/\[[^\]]*\]…?|--[a-z-]+ \S+/g, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  const missing = wanted.slice(given.length).map((word) => word.replaceAll('"', ''));
  const [extra] = given.slice(wanted.length);
  const what = missing.length > 0 ? `needs ${missing.join(' and ')}` : `does not know what to do with "${extra}"`;
  return `"${name}" ${what}: ${RUN} ${usage}`;
}

/** A sentence for a command that there is not. */
export function explainUnknown(commands: readonly string[], positionals: readonly string[]): string {
  const [group = '', second] = positionals;
  const typed = [group, ...(second === undefined ? [] : [second])].join(' ');
  const ofGroup = commands.filter((one) => one.startsWith(`${group} `));
  if (ofGroup.length > 0 && second === undefined)
    return `"${group}" needs one of: ${ofGroup.map((one) => one.slice(group.length + 1)).join(', ')}`;
  const known = second === undefined ? commands : [...ofGroup, ...commands];
  const near = nearest(typed, known) ?? (second === undefined ? undefined : nearest(group, commands));
  const instead = near === undefined ? '--help lists them' : `did you mean "${near}"?`;
  return `there is no command "${typed}"; ${instead}`;
}

/** The nearest of some words that could have been meant: a third of its letters wrong at most. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const best = known
    .map((one) => ({ one, far: distance(typed, one) }))
    .sort((a, b) => a.far - b.far)
    .find(({ one, far }) => far <= Math.max(1, Math.floor(one.length / 3)));
  return best?.one;
}

/** Letters to put in, take out, change, or swap with their neighbour (Damerau 1964; each place once). */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, n) => n)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(change, rows[i - 1]![j]! + 1, row[j - 1]! + 1, isSwapped ? rows[i - 2]![j - 2]! + 1 : change);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
