/**
 * How the tests run. `npm test` leaves out `*.long.test.ts`; `npm run test:long` runs everything, with more time a test.
 */
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => {
  const long = mode === 'long';
  return {
    test: {
      include: ['test/**/*.test.ts'],
      exclude: [...configDefaults.exclude, ...(long ? [] : ['test/**/*.long.test.ts'])],
      // Processes, not threads: tests of the real world lock files and end processes.
      pool: 'forks',
      // Vitest leaves one core free by default, which on two cores halves the speed.
      maxWorkers: '100%',
      // For a busy machine; a test of the normal run should take far less than a second.
      testTimeout: long ? 600_000 : 30_000,
      hookTimeout: 30_000,
      coverage: {
        provider: 'v8',
        include: ['core/**/*.ts', 'transport-sim/**/*.ts', 'transport-tls/**/*.ts', 'scenarios/**/*.ts', 'cli/**/*.ts'],
      },
    },
  };
});
