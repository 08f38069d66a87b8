/**
 * A scenario of your own, swept over a hundred seeds.
 *
 *     npx tsx examples/own-scenario.ts
 *
 * A failing seed leaves its plan and a report in runs/, and `antecedent replay` shows the run again.
 */
import { pathToFileURL } from 'node:url';
import {
  at,
  crash,
  link,
  mailboxes,
  ms,
  partition,
  randomly,
  scenario,
  seconds,
  sweep,
  type Scenario,
} from '../scenarios/index.js';

export const badWeek: Scenario = scenario('bad-week', {
  about: 'One node is cut off while another loses writes, and processes crash now and then.',
  nodes: 4,
  workload: mailboxes({ perSecond: 20, for: seconds(2) }),
  faults: [
    at(ms(300), partition('one', { for: ms(900) })),
    at(ms(600), link({ loss: 0.2 }, { direction: 'around-one', for: seconds(1) })),
    randomly(1, crash('any', { for: ms(100) }), { from: ms(100), until: seconds(2) }),
  ],
  // As the defaults, only quicker: with those a half-open link takes 15 simulated seconds to be noticed.
  timings: { heartbeatMs: 400, probeMs: 100, deadMs: 1_200, backoffMs: 30, backoffMaxMs: 1_000 },
  expect: { convergeWithin: seconds(20) },
});

async function main(): Promise<void> {
  const result = await sweep({ scenarios: [badWeek], seeds: { from: 1, to: 100 }, outDir: 'runs' });
  process.stdout.write(`${result.passed} of ${result.runs} runs held, ${result.deliveries} deliveries\n`);
  process.stdout.write(`faults: ${JSON.stringify(result.faults)}\n`);
  for (const { seed, sentence, reportPath } of result.failures) {
    process.stdout.write(`seed ${seed}: ${sentence} (${reportPath ?? 'no report kept'})\n`);
  }
  process.exitCode = result.failed > 0 ? 1 : 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
