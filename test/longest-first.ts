/**
 * The order in which files of tests run: those that take longest first, so that no worker is left with one of them when the other has nothing
 * more to do. What mostly waits and what mostly computes take turns, since two of them run at a time.
 */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of ten seconds and more. One that is missing here costs its time at the end, and nothing else. */
const LONG = [
  'e2e/kill',
  'e2e/faults',
  'e2e/comparison',
  'e2e/permissions',
  'e2e/erasure',
  'e2e/brakes',
  'bin/cli',
  'lambdas/manage/every-route',
  'e2e/inbound',
  'e2e/relay-task',
  'e2e/smtpapi',
  'e2e/events',
  'e2e/restart',
  'bin/import/import',
  'local/launch',
  'e2e/relay',
  'lambdas/manage/contract',
  'lambdas/deliver/matrix',
  'lambdas/erase/erase',
  'lambdas/manage/activity-routes',
  'e2e/templates',
  'e2e/certify',
].map((name) => `test/${name}.test.ts`);

/** Whole stacks, processes, then what is quick; core at the end, whose files share processes with their neighbours. */
const FOLDERS = ['e2e', 'local', 'bin', 'lambdas', 'lib', 'relay', 'submission', 'io', '', 'core'];

function rankOf(file: string): number {
  const long = LONG.indexOf(file);
  if (long >= 0) return long;
  const folder = FOLDERS.indexOf(file.split('/')[1]!);
  return LONG.length + (folder < 0 ? FOLDERS.indexOf('') : folder);
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification) => rankOf(relative(this.ctx.config.root, moduleId));
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
