/**
 * What a node takes of memory: an idle one, each connected peer of it, and each message of 100 bytes that it holds back.
 *
 * Differences between processes that have loaded the same program and opened the same number of nodes, or more of them: nine nodes
 * without peers beside one, nine that know each other beside nine that do not. Idle nodes share one process so that what is loaded once
 * counts once. For held-back messages, c cannot reach a: it gets all messages of b, which follow one of a.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openNode, type AntecedentNode } from '../transport-tls/index.js';
import type { BenchResult } from './case.js';
import { freePort } from './cluster.js';
import type { MemoryOptions, MemorySample } from './memory-member.js';

const kibibyte = 1024;
const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
const heldMessages = 100_000;
const payloadBytes = 100;

/** `keys` holds ca.pem and the certificates and keys of a to i. */
export async function benchMemory(keys: string): Promise<readonly BenchResult[]> {
  const data = mkdtempSync(join(tmpdir(), 'antecedent-bench-'));
  try {
    const idle = async (name: string, count: number, know: boolean): Promise<MemorySample> => {
      const nodes = await portsOf(letters.slice(0, count));
      const options = { keys, data: join(data, name), nodes, peers: know ? nodes : {}, heldMessages: 0 };
      return lastOf(await measure(options));
    };
    const one = await idle('one', 1, false);
    const nine = await idle('nine', 9, false);
    const mesh = await idle('mesh', 9, true);
    const [before, holding] = await holdBack(keys, data);
    return [
      ...perUnit('an idle node without peers', one, nine, 8, kibibyte, 'KiB'),
      ...perUnit('each connected peer of a node', nine, mesh, 9 * 8, kibibyte, 'KiB'),
      ...perUnit('each held-back message of 100 B, payload included', before, holding, heldMessages, 1, 'B'),
    ];
  } finally {
    rmSync(data, { recursive: true });
  }
}

function perUnit(
  name: string,
  less: MemorySample,
  more: MemorySample,
  units: number,
  unitBytes: number,
  unit: string,
): readonly BenchResult[] {
  const per = (key: keyof MemorySample): number => (more[key] - less[key]) / units / unitBytes;
  return [
    { case: `memory: ${name}`, unit, ours: per('heapBytes'), peers: { 'resident, the process': per('residentBytes') } },
  ];
}

/** c without and with what it holds back. */
async function holdBack(keys: string, data: string): Promise<readonly [MemorySample, MemorySample]> {
  const ports = await portsOf(['a', 'b', 'c']);
  // Nobody listens there.
  const nowhere = await freePort();
  const measuring = measure({
    keys,
    data: join(data, 'held'),
    nodes: { c: ports['c'] ?? 0 },
    peers: { a: nowhere, b: ports['b'] ?? 0 },
    heldMessages,
  });
  const open = (name: string, peers: Readonly<Record<string, number>>, apply: () => void): Promise<AntecedentNode> =>
    openNode({
      name,
      cluster: 'bench',
      dataDir: join(data, `held-${name}`),
      listen: `127.0.0.1:${ports[name] ?? 0}`,
      peers: Object.fromEntries(Object.entries(peers).map(([peer, port]) => [peer, `127.0.0.1:${port}`])),
      tls: { ca: join(keys, 'ca.pem'), cert: join(keys, `${name}.pem`), key: join(keys, `${name}.key`) },
      logLevel: 'error',
      apply,
    });
  const payload = new Uint8Array(payloadBytes).fill(7);
  await using a = await open('a', { b: ports['b'] ?? 0, c: nowhere }, () => undefined);
  let heard: (() => void) | undefined;
  const cause = new Promise<void>((resolve) => (heard = resolve));
  await using b = await open('b', { a: ports['a'] ?? 0, c: ports['c'] ?? 0 }, () => heard?.());
  await a.broadcast(payload);
  await cause;
  for (let sent = 0; sent < heldMessages; sent++) {
    await b.room();
    // Whether they have come is seen at c.
    void b.broadcast(payload);
  }
  const [before, holding] = await measuring;
  if (before === undefined || holding === undefined) throw new Error('c has not measured twice');
  return [before, holding];
}

/** Samples of a process of its own, in order. */
async function measure(options: MemoryOptions): Promise<readonly MemorySample[]> {
  const program = join(import.meta.dirname, 'memory-member.js');
  const child = spawn(process.execPath, ['--expose-gc', program, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const samples: MemorySample[] = [];
  for await (const line of createInterface({ input: child.stdout })) samples.push(JSON.parse(line) as MemorySample);
  if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`measuring ended with ${child.exitCode}`);
  return samples;
}

function lastOf(samples: readonly MemorySample[]): MemorySample {
  const last = samples.at(-1);
  if (last === undefined) throw new Error('nothing was measured');
  return last;
}

async function portsOf(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
}
