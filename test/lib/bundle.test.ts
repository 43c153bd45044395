import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bundle } from '../../lib/bundle.ts';

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A repository of its own with one handler and something it imports. */
function repository(handler: string): string {
  const root = mkdtempSync(join(tmpdir(), 'pennypost-bundle-'));
  made.push(root);
  mkdirSync(join(root, 'lambdas/accept'), { recursive: true });
  mkdirSync(join(root, 'core'));
  writeFileSync(join(root, 'core/word.ts'), `export const word = (text: string): string => text.toUpperCase();\n`);
  writeFileSync(join(root, 'lambdas/accept/handler.ts'), handler);
  return root;
}

const HANDLER = `
import { word } from '../../core/word.ts';
type Event = { text?: string };
export const handler = async (event: Event): Promise<string> => {
  if (event.text === undefined) throw new Error('no text');
  return word(event.text);
};
`;

const digest = (folder: string) =>
  readdirSync(folder)
    .sort()
    .map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex'),
    ]);

/** Runs a bundle as Lambda does: required by Node, with the stack's NODE_OPTIONS. */
const run = (folder: string, event: object) =>
  execFileSync(
    process.execPath,
    [
      '-e',
      `require('./index.cjs').handler(${JSON.stringify(event)}).then(console.log, (error) => console.log(error.stack))`,
    ],
    { cwd: folder, encoding: 'utf8', env: { NODE_OPTIONS: '--enable-source-maps' }, timeout: 10_000 },
  );

test('a bundle is one file that runs, and its errors name the source', () => {
  // Act
  const folder = bundle(['accept'], repository(HANDLER)).accept;

  // Assess
  expect(readdirSync(folder).sort()).toEqual(['index.cjs', 'index.cjs.map']);
  expect(run(folder, { text: 'mail' })).toBe('MAIL\n');
  expect(run(folder, {})).toMatch(/Error: no text\n.*lambdas\/accept\/handler\.ts:5:/);
});

test('the same sources give the same bytes, wherever they lie and however often', () => {
  // Prepare
  const [one, other] = [repository(HANDLER), repository(HANDLER)];

  // Act
  const first = digest(bundle(['accept'], one).accept);
  const again = digest(bundle(['accept'], one).accept);
  const elsewhere = digest(bundle(['accept'], other).accept);

  // Assess
  expect(again).toEqual(first);
  expect(elsewhere).toEqual(first);
});

test('a changed source gives another bundle', () => {
  const root = repository(HANDLER);
  const before = digest(bundle(['accept'], root).accept);
  writeFileSync(join(root, 'core/word.ts'), 'export const word = (text: string): string => text.toLowerCase();\n');
  expect(digest(bundle(['accept'], root).accept)).not.toEqual(before);
});

test('a handler that does not build is named with its line', () => {
  const root = repository(`import { gone } from '../../core/gone.ts';\nexport const handler = gone;\n`);
  expect(() => bundle(['accept'], root).accept).toThrow(/lambdas\/accept\/handler\.ts:1:\d+: ERROR: Could not resolve/);
});

test("the settings' shaping is in the code, and changes it", () => {
  // Prepare
  const root = repository(`
declare const PENNYPOST_SHAPING: object | undefined;
export const handler = async () => (typeof PENNYPOST_SHAPING === 'undefined' ? 'none' : JSON.stringify(PENNYPOST_SHAPING));
`);
  const shaping = {
    rules: [{ name: 'lunch', match: '"\\d{1,3}\'', sample: '450 "1\'', act: { do: 'halve' } as const }],
  };

  // Act
  const folder = bundle(['accept'], root).accept;
  const shaped = bundle(['accept'], root, shaping).accept;

  // Assess: each has a folder of its own, so that two stacks may start at once.
  expect(run(folder, {})).toBe('{}\n');
  expect(JSON.parse(run(shaped, {}))).toEqual(shaping);
});
