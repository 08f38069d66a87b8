/**
 * Scenarios as tests of vitest (`antecedent/vitest`):
 *
 *   scenarioTest('keeps order through a partition', myScenario, { seeds: 200 });
 *
 * One test for each call. Plans in `regressions/` come first, then the seeds; the first failure ends it, with a report
 * and the lines that show it again. A scenario that promises goals must come to them, if it is given enough seeds.
 */
import { test } from 'vitest';
import type { Scenario } from './scenario.js';
import { chooseSeeds, findFailure, type ScenarioTestOptions } from './scenario-check.js';

export type { ScenarioTestOptions } from './scenario-check.js';

const timeoutMsUsual = 300_000;

/**
 * Defines a test that holds when every run of the scenario does. See `chooseSeeds` for what the environment may ask of
 * it. Throws `E_CONFIG` for options and variables that make no sense.
 */
export function scenarioTest(name: string, scenario: Scenario, options: ScenarioTestOptions = {}): void {
  const { regressions = 'regressions', outDir = 'runs', timeoutMs = timeoutMsUsual } = options;
  const choice = chooseSeeds(options, process.env);
  const place = new Error();
  // Whoever looks at the failure wants to see this call, not what is beneath it.
  Error.captureStackTrace(place, scenarioTest);
  test(name, { timeout: timeoutMs }, async ({ signal }) => {
    const rerun = `npx vitest run -t '${name.replaceAll("'", String.raw`'\''`)}'`;
    const failure = await findFailure(scenario, { ...choice, regressions, outDir, rerun, signal });
    if (failure !== undefined) throw new ScenarioFailure(failure, place.stack ?? '');
  });
}

class ScenarioFailure extends Error {
  override readonly name = 'ScenarioFailure';

  constructor(text: string, placeStack: string) {
    super(text);
    this.stack = [`${this.name}: ${text}`, ...placeStack.split('\n').slice(1)].join('\n');
  }
}
