/** Every scenario under every profile, over many seeds: more faults are survived, and fewer hide nothing. */
import { expect, test } from 'vitest';
import { catalogue, profiles, sweep, type Profile } from '../../scenarios/index.js';

const cases = (Object.keys(profiles) as Profile[]).flatMap((profile) =>
  catalogue.map((scenario) => [profile, scenario.name, scenario] as const),
);

test.each(cases)('%s: %s holds for 300 seeds', async (profile, _name, scenario) => {
  const seeds = { from: 1, to: 300 };
  const { runs, failures, notReproducible, undecidedRuns } = await sweep({
    scenarios: [scenario],
    seeds,
    variation: { profile },
  });
  expect({ runs, failures, notReproducible, undecidedRuns }).toEqual({
    ...{ runs: 300, failures: [], notReproducible: [], undecidedRuns: [] },
  });
});
