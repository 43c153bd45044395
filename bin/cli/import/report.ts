/**
 * What an import did, thing by thing: copied, there already, left as it is here, not copied and why, and what is left to do. On a terminal
 * a bar says how far it is; elsewhere a line for each part, and one now and then within a long one.
 */
import { clean, printJson, printLine } from '../print.ts';

export type Report = {
  /** What is told: lists, groups, templates … */
  begin: (part: string) => void;
  copied: (count?: number) => void;
  already: (count?: number) => void;
  /** Here it is different, and stays so. */
  kept: (what: string, why: string) => void;
  /** It should have been copied: the exit code says so. */
  failed: (what: string, why: string) => void;
  /** It cannot be copied, as secrets, or is not: no failure. */
  left: (what: string, why: string) => void;
  todo: (what: string) => void;
  /** Another id here than there. */
  mapped: (kind: string, from: string, to: string, name: string) => void;
  /** Something of the part was read. */
  step: () => void;
  waiting: (seconds: number, why: string) => void;
  end: (options: { json: boolean; dryRun: boolean; origin: string }) => number;
};

type Part = { part: string; copied: number; already: number; kept: number; failed: number; left: number };
type Note = { part: string; what: string; why: string };

/** Notes of a kind in the report, for each part; more are counted. */
const NOTES = 20;
const SHOWN_EVERY = 100;
const LINE_EVERY = 10_000;
const WIDTH = 24;

/** @param total parts that there will be */
export function openReport(total: number, { stream = process.stderr, now = Date.now, quiet = false } = {}): Report {
  const parts: Part[] = [];
  const notes = { failed: [] as Note[], kept: [] as Note[], left: [] as Note[] };
  const todos: string[] = [];
  const maps: { kind: string; from: string; to: string; name: string }[] = [];
  let shownAt = 0;
  let current: Part = { part: '', copied: 0, already: 0, kept: 0, failed: 0, left: 0 };
  const isTty = stream.isTTY === true;
  const say = (text: string) => void stream.write(clean(text).replace(/[\r\n]/g, ' '));

  const countsOf = ({ copied, already, kept, failed, left }: Part) =>
    [
      `${format(copied)} copied`,
      `${format(already)} there already`,
      ...(kept > 0 ? [`${format(kept)} left as here`] : []),
      ...(left > 0 ? [`${format(left)} not copied`] : []),
      ...(failed > 0 ? [`${format(failed)} FAILED`] : []),
    ].join(', ');
  const draw = (note = '') => {
    if (quiet) return;
    shownAt = now();
    if (isTty) {
      const full = Math.round(((parts.length - 1) / total) * WIDTH);
      stream.write('\r\x1b[2K');
      const line = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${parts.length}/${total} ${current.part}: `;
      say((line + (note || countsOf(current))).slice(0, (stream.columns || 80) - 1));
    } else {
      say(`${current.part}: ${note || countsOf(current)}`);
      stream.write('\n');
    }
  };
  const finish = () => {
    if (current.part === '' || quiet) return;
    if (isTty) stream.write('\r\x1b[2K');
    else draw();
  };
  const step = () => {
    if (now() - shownAt >= (isTty ? SHOWN_EVERY : LINE_EVERY)) draw();
  };
  const note = (kind: keyof typeof notes) => (what: string, why: string) => {
    current[kind]++;
    if (notes[kind].filter(({ part }) => part === current.part).length < NOTES)
      notes[kind].push({ part: current.part, what, why });
  };
  return {
    begin: (part) => {
      finish();
      current = { part, copied: 0, already: 0, kept: 0, failed: 0, left: 0 };
      parts.push(current);
      shownAt = isTty ? 0 : now();
      if (isTty) draw('reading');
    },
    copied: (count = 1) => {
      current.copied += count;
    },
    already: (count = 1) => {
      current.already += count;
    },
    kept: note('kept'),
    failed: note('failed'),
    left: note('left'),
    todo: (what) => void (todos.includes(what) || todos.push(what)),
    mapped: (kind, from, to, name) => void maps.push({ kind, from, to, name }),
    step,
    waiting: (seconds, why) => draw(`waiting ${seconds} s: ${why}`),
    end: ({ json, dryRun, origin }) => {
      finish();
      const failed = parts.reduce((sum, part) => sum + part.failed, 0);
      const copied = parts.reduce((sum, part) => sum + part.copied, 0);
      if (json) {
        const ids = maps.map(({ kind, ...one }) => ({ kind, ...one }));
        printJson({ from: origin, dry_run: dryRun, parts, ids, ...notes, todo: todos });
        return failed > 0 ? 1 : 0;
      }
      printLine(dryRun ? `What would be copied from ${origin}; nothing was written.` : `Copied from ${origin}.`);
      printLine();
      const columns = ['copied', 'already', 'kept', 'left', 'failed'] as const;
      const titles = [dryRun ? 'TO COPY' : 'COPIED', 'ALREADY HERE', 'DIFFERENT HERE', 'NOT COPIED', 'FAILED'];
      printCounts(
        ['', ...titles],
        parts.map((one) => [one.part, ...columns.map((column) => (one[column] === 0 ? '–' : format(one[column])))]),
      );
      if (maps.length > 0) printLine('\nOther ids here than there; change them in your code:');
      for (const { kind, from, to, name } of maps) printLine(`  ${kind} ${from} is ${to} here  (${name})`);
      printNotes('Failed', notes.failed, parts, 'failed');
      printNotes('Different here, and left as it is', notes.kept, parts, 'kept');
      printNotes('Not copied', notes.left, parts, 'left');
      if (todos.length > 0) printLine('\nWhat to do next:');
      for (const [n, todo] of todos.entries()) printLine(`  ${n + 1}. ${todo}`);
      printLine();
      if (failed > 0)
        printLine(
          dryRun
            ? 'Something failed. Nothing was written; put right what is named, and run it again.'
            : 'Something failed. What was copied stays; put right what is named, and run it again.',
        );
      else if (copied === 0) printLine(dryRun ? 'There is nothing to copy.' : 'Nothing was changed.');
      else printLine(dryRun ? 'Run it again without --dry-run.' : 'Done. The same again changes nothing.');
      return failed > 0 ? 1 : 0;
    },
  };
}

const format = (count: number) => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

function printNotes(title: string, notes: Note[], parts: Part[], kind: 'failed' | 'kept' | 'left'): void {
  if (notes.length === 0) return;
  printLine(`\n${title}:`);
  for (const { part, what, why } of notes) printLine(`  ${part}: ${what}: ${why}`);
  for (const one of parts) {
    const more = one[kind] - notes.filter(({ part }) => part === one.part).length;
    if (more > 0) printLine(`  ${one.part}: ${format(more)} more`);
  }
}

function printCounts(header: string[], rows: string[][]): void {
  const widths = header.map((title, n) => Math.max(title.length, ...rows.map((row) => row[n]!.length)));
  for (const row of [header, ...rows])
    printLine(row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join('  '));
}
