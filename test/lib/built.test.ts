import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { isBuilt, recordBuilt } from '../../lib/built.ts';

const PACKAGE = 'node_modules/mail/index.js';
const LONG_AGO = new Date('2026-11-25T12:00:00Z');
const folders: string[] = [];
let root: string;
let record: string;
/** As an editor leaves it whose user is quick: neither size nor time tell. */
const write = (path: string, text: string) => {
  writeFileSync(join(root, path), text);
  utimesSync(join(root, path), LONG_AGO, LONG_AGO);
};
const build = (begun = LONG_AGO.getTime() + 60_000) =>
  recordBuilt(root, record, {
    sources: ['core/word.ts', PACKAGE],
    made: [{ path: join(root, 'out/index.cjs'), contents: Buffer.from('made') }],
    begun,
  });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pennypost-built-'));
  folders.push(root);
  record = join(root, 'out/record.json');
  for (const folder of ['core', 'node_modules/mail']) mkdirSync(join(root, folder), { recursive: true });
  for (const path of ['core/word.ts', PACKAGE, 'package-lock.json']) write(path, 'one');
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test('what was built of the same sources is known, once it is', () => {
  expect(isBuilt(root, record)).toBe(false);
  build();
  expect(isBuilt(root, record)).toBe(true);
  expect(readFileSync(join(root, 'out/index.cjs'), 'utf8')).toBe('made');
});

test.each<[string, () => void]>([
  ['a source', () => write('core/word.ts', 'two')],
  ['a package', () => writeFileSync(join(root, PACKAGE), 'two')],
  ['what is installed', () => write('package-lock.json', 'two')],
  ['what decides how sources are read, and was not there', () => write('tsconfig.json', '{}')],
  ['what was made', () => write('out/index.cjs', 'mode')],
  ['a source that is gone', () => rmSync(join(root, 'core/word.ts'))],
  ['the record', () => write('out/record.json', '{')],
])('it is not, when this has changed: %s', (_what, change) => {
  build();
  change();
  expect(isBuilt(root, record)).toBe(false);
});

test('a source that changed during the build leaves no record: which of its texts was built, nobody knows', () => {
  build(LONG_AGO.getTime() - 1_000);
  expect(isBuilt(root, record)).toBe(false);
});
