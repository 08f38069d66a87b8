/**
 * Every scenario of the catalogue over many seeds, in two shares: files run side by side, the tests of one file do not.
 *
 * Seeds are those of `antecedent sweep --seeds`, so what fails here is seen again with `antecedent run NAME --seed N`.
 */
import { expect, test } from 'vitest';
import { catalogue, findScenario, sweep, type Scenario, type SeedRange } from '../../../scenarios/index.js';

/** Which half of the catalogue. */
export type Share = 0 | 1;

/** One test for each scenario of a share: it holds for all of these seeds. */
export function holdsFor(share: Share, seeds: SeedRange): void {
  const scenarios = catalogue.filter((_, index) => index % 2 === share);
  test.each(scenarios.map(({ name }) => name))(`%s holds for seeds ${seeds.from} to ${seeds.to}`, (name) =>
    expectHeld(findScenario(name), seeds),
  );
}

export async function expectHeld(scenario: Scenario, seeds: SeedRange): Promise<void> {
  const { failures, notReproducible, undecidedRuns } = await sweep({
    scenarios: [scenario],
    seeds,
    verifyShare: 0.01,
  });
  expect(failures.map(({ seed, signature }) => `${scenario.name} ${seed}: ${signature}`)).toEqual([]);
  expect({ notReproducible, undecidedRuns }).toEqual({ notReproducible: [], undecidedRuns: [] });
}
