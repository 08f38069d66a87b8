/**
 * `npm run bench`: what is fast and what is not, as ratios between figures of one run on one machine.
 *
 * Nothing here fails for being slow. Progress goes to stderr; stdout has a table, or with `--json` one JSON document. The names
 * of groups of cases choose among them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { initKeys, issueKeys } from '../transport-tls/index.js';
import { formatFigure, type BenchResult } from './case.js';
import { benchClockBytes } from './clock-bytes.js';
import { benchHoldBack } from './hold-back.js';
import { benchHundredNodes } from './hundred-nodes.js';
import { benchJournal } from './journal.js';
import { benchOneDeadOfFive } from './one-dead-of-five.js';
import { benchSimulator } from './simulator.js';
import { benchThreeNodes } from './three-nodes.js';

type Results = readonly BenchResult[];

const groups: Readonly<Record<string, () => Promise<Results> | Results>> = {
  simulator: benchSimulator,
  'hundred-nodes': benchHundredNodes,
  'hold-back': benchHoldBack,
  'clock-bytes': benchClockBytes,
  journal: benchJournal,
  'three-nodes': () => withKeys(benchThreeNodes),
  'one-dead-of-five': () => withKeys(benchOneDeadOfFive),
};

/** With a directory that holds ca.pem and the certificates and keys of the members a to e. */
async function withKeys(bench: (keys: string) => Promise<Results>): Promise<Results> {
  const keys = mkdtempSync(join(tmpdir(), 'antecedent-bench-keys-'));
  try {
    await initKeys({ cluster: 'bench', dir: keys });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await issueKeys({ name, dir: keys, hosts: ['127.0.0.1'] });
    return await bench(keys);
  } finally {
    rmSync(keys, { recursive: true });
  }
}

function table(results: Results): string {
  const rows = results.map(({ case: name, unit, ours, peers }) => {
    const others = Object.entries(peers).map(
      ([peer, figure]) => `${peer} ${formatFigure(figure)} (ours is ${formatFigure(ours / figure)} of it)`,
    );
    return `${name.padEnd(46)} ${formatFigure(ours).padStart(10)} ${unit.padEnd(13)} ${others.join(' · ')}`;
  });
  return `${rows.join('\n')}\n`;
}

async function run(names: readonly string[], asJson: boolean): Promise<void> {
  const results: BenchResult[] = [];
  for (const [name, bench] of Object.entries(groups)) {
    if (names.length === 0 || names.includes(name)) results.push(...(await bench()));
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

const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--json');
const unknown = names.find((name) => groups[name] === undefined);
if (unknown === undefined) {
  await run(names, args.includes('--json'));
} else {
  process.stderr.write(`no group of cases is called ${unknown}; there are ${Object.keys(groups).join(', ')}\n`);
  process.exitCode = 2;
}
