/**
 * How well reports are read: every mail of a corpus of bounces through `core/report`, its verdicts written as the scorer of that
 * corpus wants them, and the score. `--corpus DIR` holds the mails, `expected.tsv` and `score.py`; `--predictions FILE` is
 * where the verdicts go; `--files FILE` names the mails to look at, one a line (to keep some unseen).
 * `--blind` reads each mail again without the rules that only it needs (bounces-blind.ts): a look at mails that nobody has seen.
 * It also reads each mail with LF, CRLF and CR as line ends, and says where the verdict differs: nowhere.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Report, readReport } from '../core/report/index.ts';
import { readBlind } from './bounces-blind.ts';

/** What the labels of that corpus call the reader of a complaint that hides him. */
const HIDDEN = 'undisclosed-recipient-in-headers@libsisimai.org.invalid';

type Row = { recipient: string; status: string; class: string };

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: '../shared/corpus/bounces' },
    predictions: { type: 'string' },
    files: { type: 'string' },
    json: { type: 'boolean' },
    blind: { type: 'boolean' },
  },
});
const out = values.predictions ?? join(mkdtempSync(join(tmpdir(), 'pennypost-bounces-')), 'predictions.tsv');
const listed = values.files ? new Set(readFileSync(values.files, 'utf8').trim().split('\n')) : undefined;
const files = globSync('**/*.eml', { cwd: values.corpus })
  .filter((file) => !listed || listed.has(file))
  .sort();

const lines = ['file\trecipient\tstatus\tclass'];
const differing: string[] = [];
let slowest = { file: '', ms: 0 };
for (const file of files) {
  const raw = readFileSync(join(values.corpus, file));
  const began = performance.now();
  const rows = rowsOf(readReport(raw));
  const ms = performance.now() - began;
  if (ms > slowest.ms) slowest = { file, ms };
  for (const { recipient, status, class: name } of rows) lines.push([file, recipient, status, name].join('\t'));
  if (lineEnds(raw).some((other) => JSON.stringify(rowsOf(readReport(other))) !== JSON.stringify(rows)))
    differing.push(file);
}
writeFileSync(out, `${lines.join('\n')}\n`);

console.log(
  `${files.length} mails, verdicts in ${out}; the slowest took ${slowest.ms.toFixed(1)} ms (${slowest.file})`,
);
console.log(`other verdict with LF, CRLF or CR: ${differing.length === 0 ? 'none' : differing.join(', ')}`);
const score = spawnSync('python3', [join(values.corpus, 'score.py'), expectedOf(), out], { encoding: 'utf8' });
process.stdout.write(score.error ? `no score: ${score.error.message}\n` : score.stdout + score.stderr);
if (values.blind)
  for (const by of ['mail', 'family'] as const) {
    const { named, classed, invalid, invalidRight } = readBlind(values.corpus!, classesOf(), by);
    console.log(
      `without what only its ${by} needs: class accuracy ${(classed / named).toFixed(3)}, precision of Invalid Address ${invalidRight}/${invalid}`,
    );
  }
if (values.json)
  console.log(
    JSON.stringify({
      mails: files.length,
      verdicts: lines.length - 1,
      slowestMilliseconds: slowest.ms,
      differing,
      predictions: out,
    }),
  );
process.exitCode = differing.length === 0 && score.status === 0 ? 0 : 1;

/** The labels, or those of the listed files. */
function expectedOf(): string {
  const labels = join(values.corpus!, 'expected.tsv');
  if (!listed) return labels;
  const [head, ...rows] = readFileSync(labels, 'utf8').trimEnd().split('\n');
  const some = join(mkdtempSync(join(tmpdir(), 'pennypost-bounces-')), 'expected.tsv');
  writeFileSync(some, `${[head, ...rows.filter((row) => listed.has(row.split('\t')[0]!))].join('\n')}\n`);
  return some;
}

/** The class of each recipient, by file: the labels in the scorer's own words for them. */
function classesOf(): Map<string, Map<string, string>> {
  const program = 'import json,re,sys; exec(open(sys.argv[1]).read().split("def rows")[0]); print(json.dumps(CLASS))';
  const names = spawnSync('python3', ['-c', program, join(values.corpus!, 'score.py')], { encoding: 'utf8' });
  const classes = JSON.parse(names.stdout) as Record<string, string>;
  const found = new Map<string, Map<string, string>>();
  for (const row of readFileSync(expectedOf(), 'utf8').trimEnd().split('\n').slice(1)) {
    const [file, , recipient, , , , reason, , , , tier] = row.split('\t');
    const name = classes[reason!];
    if (!/[AB]/.test(tier!) || name === undefined || !/^[A-Z]/.test(name)) continue;
    found.set(file!, (found.get(file!) ?? new Map()).set(recipient!.toLowerCase(), name));
  }
  return found;
}

function rowsOf(report: Report): Row[] {
  if (report.kind === 'other') return [];
  if (report.kind === 'auto-reply') return [{ recipient: report.address ?? '', status: '-', class: 'vacation' }];
  if (report.kind === 'complaint') {
    const readers = report.originalRcptTo.length > 0 ? report.originalRcptTo : report.original.to;
    return (readers.length > 0 ? readers : [HIDDEN]).map((recipient) => ({
      recipient,
      status: '-',
      class: 'feedback',
    }));
  }
  // Who is named by nobody is found by the token, which a corpus has not.
  const named = report.recipients.filter(({ address }) => address !== '');
  return named.map(({ address, status, event, classification }) => ({
    recipient: address,
    status,
    class: event === 'delivered' ? 'delivered' : classification,
  }));
}

/** The same mail with each of the three line ends. */
function lineEnds(raw: Buffer): Buffer[] {
  const text = raw.toString('latin1').replace(/\r\n?/g, '\n');
  return ['\n', '\r\n', '\r'].map((end) => Buffer.from(text.replaceAll('\n', end), 'latin1'));
}
