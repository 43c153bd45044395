/**
 * What a build was made of, on record beside what it made, so that the next one with the same sources need not be done: bundling takes seconds,
 * and every start of the local stack begins with it. It takes nothing on trust: each source and each file that was made is looked at again.
 * A build during which a source changed goes on no record.
 */
import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

export type Made = { path: string; contents: Uint8Array };
/** Fingerprints of files, by path from the root of the repository. */
type Fingerprints = Record<string, string>;
type Built = { sources: Fingerprints; made: Fingerprints };

/** What decides how sources are found and read, beside themselves. */
const ALSO = ['package.json', 'package-lock.json', 'tsconfig.json', 'node_modules/.package-lock.json'];
const NONE = 'none';
/** Milliseconds by which a file system's clock may be behind. */
const SLACK = 100;

/** Whether the files of this record are there, made of the sources as they are now. */
export function isBuilt(root: string, record: string): boolean {
  try {
    const { sources, made } = JSON.parse(readFileSync(record, 'utf8')) as Built;
    const isSame = ([path, known]: [string, string]) => fingerprint(root, path) === known;
    return Object.entries(sources).every(isSame) && Object.entries(made).every(isSame);
  } catch {
    return false;
  }
}

/**
 * Writes what was made, and the record of it.
 * @param sources paths from the root
 * @param begun when the build began to read them, in milliseconds since the epoch
 */
export function recordBuilt(
  root: string,
  record: string,
  { sources, made, begun }: { sources: readonly string[]; made: readonly Made[]; begun: number },
): void {
  for (const { path, contents } of made) writeWhole(path, contents);
  const paths = [...sources, ...ALSO];
  if (paths.some((path) => changedAt(root, path) >= begun - SLACK)) return;
  const of = (all: readonly string[]) => Object.fromEntries(all.map((path) => [path, fingerprint(root, path)]));
  const built: Built = { sources: of(paths), made: of(made.map(({ path }) => relative(root, path))) };
  writeWhole(record, Buffer.from(JSON.stringify(built)));
}

/** Of an installed package the size and time: there are thousands of files, which npm alone writes, and its lock file says which. */
function fingerprint(root: string, path: string): string {
  try {
    if (!path.startsWith('node_modules/') || path.endsWith('.json'))
      return hash('sha256', readFileSync(join(root, path)));
    const { size, mtimeMs } = statSync(join(root, path));
    return `${size} ${mtimeMs}`;
  } catch {
    return NONE;
  }
}

function changedAt(root: string, path: string): number {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Two synths at a time must not read each other's half-written files. */
export function writeWhole(path: string, contents: Uint8Array): void {
  if (sameAs(path, contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const next = join(dirname(path), '..', `.${basename(dirname(path))}-${basename(path)}-${process.pid}`);
  writeFileSync(next, contents);
  renameSync(next, path);
}

function sameAs(path: string, contents: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(contents);
  } catch {
    return false;
  }
}
