/**
 * How the tests run. `npm test` leaves out `*.long.test.ts`; `npm run test:long` runs everything, with more time a test.
 *
 * Loading the program costs most test files more than their tests do, and what was just loaded is slow at first. So the
 * files of folders that leave their process as they found it take turns in one process per core, where everything is
 * loaded once. All others get a process each: they replace clocks or modules, or leave sockets, locks and timers behind.
 */
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const all = 'test/**/*.test.ts';
const sharing = 'test/{core,transport-sim,scenarios,cli,structure}/**/*.test.ts';

/** Small files that take minutes. Vitest starts the largest files first, until it remembers how long each one took. */
const longRunning = /\/test\/(scenarios\/seeds|mutants)\//;

/** What was mended once: if that is broken again, nobody wants to wait for the rest. */
const regressions = /\/test\/scenarios\/regressions\.test\.ts$/;

/** After regressions, starts first what takes longest: the last file to start keeps one core waiting for the other. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number =>
      regressions.test(moduleId) ? 0 : longRunning.test(moduleId) ? 1 : 2;
    // Each project in one piece: a shared process ends as soon as the next file is of another project.
    return [...new Set(sorted.map(({ project }) => project))].flatMap((project) => {
      const own = sorted.filter((file) => file.project === project);
      return own.toSorted((one, other) => rank(one) - rank(other));
    });
  }
}

export default defineConfig(({ mode }) => {
  const long = mode === 'long';
  const exclude = [...configDefaults.exclude, ...(long ? [] : ['test/**/*.long.test.ts'])];
  return {
    test: {
      projects: [
        { extends: true, test: { name: 'shared', isolate: false, include: [sharing], exclude } },
        { extends: true, test: { name: 'isolated', include: [all], exclude: [...exclude, sharing] } },
      ],
      sequence: { sequencer: LongestFirst },
      // Processes, not threads: tests of the real world lock files and end processes.
      pool: 'forks',
      // Vitest leaves one core free by default, which on two cores halves the speed.
      maxWorkers: '100%',
      // For a machine ten times as busy as ours: nothing depends on it but how soon a test that hangs is given up.
      testTimeout: long ? 3_600_000 : 600_000,
      hookTimeout: 600_000,
      coverage: {
        provider: 'v8',
        include: ['core/**/*.ts', 'transport-sim/**/*.ts', 'transport-tls/**/*.ts', 'scenarios/**/*.ts', 'cli/**/*.ts'],
      },
    },
  };
});
