import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

// Each file of tests is a process: what it loads is compiled once for all of them.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

/** Two workers for two cores; an end-to-end case starts a whole stack, so it gets the time a slow machine needs. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'stack', include: ['test/**/*.test.ts'], exclude: ['test/core/**'] } },
      // core keeps nothing between calls, so its files need no process of their own.
      { extends: true, test: { name: 'core', include: ['test/core/**/*.test.ts'], isolate: false } },
    ],
  },
});
