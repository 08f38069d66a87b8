/**
 * `npm run bench`: what is fast and what is not, as ratios between figures of one run on one machine.
 *
 * Nothing here fails for being slow. Progress goes to stderr; stdout has a table, or with `--json` one JSON document.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { initKeys, issueKeys } from '../transport-tls/index.js';
import { alternate, formatFigure, type BenchResult } from './case.js';
import { benchJournal } from './journal.js';
import { rawSyncsPerSecond } from './raw-disk.js';
import { rawTlsBytesPerSecond } from './raw-tls.js';
import { benchSimulator } from './simulator.js';
import { ThreeNodes, type Throughput } from './three-nodes.js';

const rounds = 5;
/** Payload sizes and how many messages a round broadcasts: each a second or two of work. */
const workloads = [
  { bytes: 100, count: 200_000, name: '100 B' },
  { bytes: 1024, count: 60_000, name: '1 KiB' },
  { bytes: 64 << 10, count: 2_000, name: '64 KiB' },
] as const;

async function benchThreeNodes(): Promise<readonly BenchResult[]> {
  const keys = mkdtempSync(join(tmpdir(), 'antecedent-bench-keys-'));
  try {
    await initKeys({ cluster: 'bench', dir: keys });
    for (const name of ['a', 'b', 'c']) await issueKeys({ name, dir: keys, hosts: ['127.0.0.1'] });
    await using cluster = await ThreeNodes.open(keys);
    const results: BenchResult[] = [];
    for (const { bytes, count, name } of workloads) {
      await cluster.throughput(count >> 3, bytes);
      const runs: Throughput[] = [];
      const figures = await alternate(rounds, {
        [`three nodes, ${name}, messages/s`]: async () => {
          const run = await cluster.throughput(count, bytes);
          runs.push(run);
          return run.messagesPerSecond;
        },
        'raw TLS, 64 KiB writes, bytes/s': () => rawTlsBytesPerSecond(keys),
        'raw fdatasync of 64 KiB, syncs/s': () => rawSyncsPerSecond(64 << 10),
      });
      const [ours = Number.NaN, tls = Number.NaN, syncs = Number.NaN] = Object.values(figures);
      const peers = { 'raw TLS': tls / bytes, 'raw disk': (syncs * (64 << 10)) / bytes, 'one sync a message': syncs };
      results.push({ case: `three nodes over TLS, all synced, ${name}`, unit: 'messages/s', ours, peers });
      const last = runs.at(-1);
      if (bytes !== 100 || last === undefined) continue;
      results.push({ case: 'CPU of the sender, 100 B', unit: 'µs/message', ours: last.senderCpuMicros, peers: {} });
      results.push({ case: 'CPU of a receiver, 100 B', unit: 'µs/message', ours: last.receiverCpuMicros, peers: {} });
    }
    return results;
  } finally {
    rmSync(keys, { recursive: true });
  }
}

function table(results: readonly BenchResult[]): string {
  const rows = results.map(({ case: name, unit, ours, peers }) => {
    const others = Object.entries(peers).map(
      ([peer, figure]) => `${peer} ${formatFigure(figure)} (ours is ${formatFigure(ours / figure)} of it)`,
    );
    return `${name.padEnd(46)} ${formatFigure(ours).padStart(10)} ${unit.padEnd(13)} ${others.join(' · ')}`;
  });
  return `${rows.join('\n')}\n`;
}

const results = [...(await benchSimulator()), ...(await benchJournal()), ...(await benchThreeNodes())];
const [cpu] = cpus();
const machine = {
  cpu: cpu?.model ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  platform: process.platform,
};
if (process.argv.includes('--json')) {
  const withRatios = results.map((result) => ({
    ...result,
    ratios: Object.fromEntries(Object.entries(result.peers).map(([peer, figure]) => [peer, result.ours / figure])),
  }));
  process.stdout.write(`${JSON.stringify({ machine, results: withRatios })}\n`);
} else {
  process.stdout.write(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}\n\n${table(results)}`);
}
