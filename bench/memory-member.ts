/**
 * `node --expose-gc memory-member.js OPTIONS`: opens nodes in this process and prints what they have made of its memory, as one line
 * of JSON for each thing measured. See `memory.ts`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openNode, type AntecedentNode } from '../transport-tls/index.js';

export interface MemoryOptions {
  readonly keys: string;
  readonly data: string;
  /** The nodes to open, and where each listens. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Their peers, as far as they are to be dialled; each node leaves itself out. */
  readonly peers: Readonly<Record<string, number>>;
  /** Then wait until the first node holds so many messages back, and measure again. */
  readonly heldMessages: number;
}

export interface MemorySample {
  /** JavaScript objects and array buffers, after a collection. */
  readonly heapBytes: number;
  /** The whole process: OpenSSL, code and all. */
  readonly residentBytes: number;
}

/** For what is lazily loaded, freed or sent after the last event. */
const restMs = 300;

const { keys, data, nodes, peers, heldMessages } = JSON.parse(process.argv[2] ?? '{}') as MemoryOptions;

async function sample(): Promise<void> {
  await sleep(restMs);
  // Twice: what finalizers let go is collected by the second.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const taken: MemorySample = { heapBytes: heapUsed + external, residentBytes: rss };
  process.stdout.write(`${JSON.stringify(taken)}\n`);
}

function open(name: string, port: number): Promise<AntecedentNode> {
  return openNode({
    name,
    cluster: 'bench',
    dataDir: join(data, name),
    listen: `127.0.0.1:${port}`,
    peers: Object.fromEntries(
      Object.entries(peers).flatMap(([peer, at]) => (peer === name ? [] : [[peer, `127.0.0.1:${at}`]])),
    ),
    tls: { ca: join(keys, 'ca.pem'), cert: join(keys, `${name}.pem`), key: join(keys, `${name}.key`) },
    logLevel: 'error',
    // What is held back here shall stay so: nobody but its origin may supply what it waits for.
    repair: 'origin-only',
    apply: () => undefined,
  });
}

function isMeshed(node: AntecedentNode): boolean {
  return node.status().members.every(({ state, name }) => state === 'up' || nodes[name] === undefined);
}

mkdirSync(data, { recursive: true });
const opened: AntecedentNode[] = [];
for (const [name, port] of Object.entries(nodes)) opened.push(await open(name, port));
while (!opened.every(isMeshed)) await sleep(restMs);
await sample();
if (heldMessages > 0) {
  while ((opened[0]?.status().heldBackMessages ?? 0) < heldMessages) await sleep(restMs);
  await sample();
}
process.exit(0);
