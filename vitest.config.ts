import { defineConfig } from 'vitest/config';

/** Two workers for two cores; an end-to-end case starts a whole stack, so it gets the time a slow machine needs. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
});
