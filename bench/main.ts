/**
 * `npm run bench`: what is fast and what is not, as ratios between figures of one run on one machine.
 *
 * Nothing here fails for being slow. Progress goes to stderr; stdout has a table, or with `--json` one JSON document. The names
 * of groups of cases choose among them.
 */
import { cpus } from 'node:os';
import { benchAllBroadcasting } from './all-broadcasting.js';
import { formatFigure, type BenchResult } from './case.js';
import { benchCatchUp } from './catch-up.js';
import { benchClockBytes } from './clock-bytes.js';
import { benchGrowth } from './growth.js';
import { benchHoldBack } from './hold-back.js';
import { benchHundredNodes } from './hundred-nodes.js';
import { benchJournal } from './journal.js';
import { benchLatency } from './latency.js';
import { benchMemory } from './memory.js';
import { benchOneDeadOfFive } from './one-dead-of-five.js';
import { withKeys } from './keys.js';
import { benchPeers } from './peers.js';
import { benchSimulatedMembers } from './simulated-members.js';
import { benchSimulator } from './simulator.js';
import { benchSweeps } from './sweeps.js';
import { benchThreeNodes } from './three-nodes.js';

type Results = readonly BenchResult[];

const longFlag = '--long';
const jsonFlag = '--json';
const args = process.argv.slice(2);

const groups: Readonly<Record<string, () => Promise<Results> | Results>> = {
  simulator: benchSimulator,
  sweeps: benchSweeps,
  'hundred-nodes': benchHundredNodes,
  'hold-back': benchHoldBack,
  'clock-bytes': benchClockBytes,
  journal: benchJournal,
  'three-nodes': () => withKeys(benchThreeNodes),
  'all-broadcasting': () => withKeys(benchAllBroadcasting),
  latency: () => withKeys(benchLatency),
  'catch-up': () => withKeys(benchCatchUp),
  'one-dead-of-five': () => withKeys(benchOneDeadOfFive),
  peers: () => withKeys(benchPeers),
  memory: () => withKeys(benchMemory),
  'simulated-members': benchSimulatedMembers,
  growth: () => withKeys((keys) => benchGrowth(keys, { long: args.includes(longFlag) })),
};

/** Take minutes each, and run only when they are named. */
const slow = ['growth', 'simulated-members'];

function table(results: Results): string {
  const rows = results.map(({ case: name, unit, ours, peers }) => {
    const others = Object.entries(peers).map(
      ([peer, figure]) => `${peer} ${formatFigure(figure)} (ours is ${formatFigure(ours / figure)} of it)`,
    );
    return `${name.padEnd(46)} ${formatFigure(ours).padStart(10)} ${unit.padEnd(13)} ${others.join(' · ')}`;
  });
  const notes = results.flatMap(({ notes: lines = [] }) => lines);
  return `${[...rows, ...notes].join('\n')}\n`;
}

async function run(names: readonly string[], asJson: boolean): Promise<void> {
  const results: BenchResult[] = [];
  for (const [name, bench] of Object.entries(groups)) {
    if (names.length === 0 ? !slow.includes(name) : names.includes(name)) results.push(...(await bench()));
  }
  const [cpu] = cpus();
  const machine = {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    platform: process.platform,
  };
  if (!asJson) {
    process.stdout.write(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}\n\n${table(results)}`);
    return;
  }
  const withRatios = results.map((result) => ({
    ...result,
    ratios: Object.fromEntries(Object.entries(result.peers).map(([peer, figure]) => [peer, result.ours / figure])),
  }));
  process.stdout.write(`${JSON.stringify({ machine, results: withRatios })}\n`);
}

const names = args.filter((arg) => arg !== jsonFlag && arg !== longFlag);
const unknown = names.find((name) => groups[name] === undefined);
if (unknown === undefined) {
  await run(names, args.includes(jsonFlag));
} else {
  process.stderr.write(`no group of cases is called ${unknown}; there are ${Object.keys(groups).join(', ')}\n`);
  process.exitCode = 2;
}
