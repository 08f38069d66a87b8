/**
 * What people would use instead, doing its nearest to the same job: messages of 100 bytes from one process to two others. How each
 * is started and what it leaves out (none of them syncs) is in README.md. What is not installed is skipped, and says so.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { alternate, type BenchResult } from './case.js';
import { Cluster, freePort, type MemberProgram, type Throughput } from './cluster.js';
import { isPeerPackageInstalled } from './peer-packages.js';
import { cpuMicros } from './three-nodes.js';

const rounds = 5;
const bytes = 100;
const names = ['a', 'b', 'c'];
const receivers = ['b', 'c'];
const ourName = 'antecedent';
const retryMs = 20;

interface System {
  readonly name: string;
  readonly program: MemberProgram;
  readonly settings?: Readonly<Record<string, number>>;
  /** Messages in a round: about a second of work. */
  readonly count: number;
  /** npm packages that it needs, and whether the NATS server must run. */
  readonly packages: readonly string[];
  readonly needsNats?: boolean;
}

const systems: readonly System[] = [
  { name: ourName, program: 'tls-member', count: 200_000, packages: [] },
  {
    name: 'NATS JetStream',
    program: 'jetstream-member',
    count: 20_000,
    packages: ['@nats-io/transport-node', '@nats-io/jetstream'],
    needsNats: true,
  },
  { name: 'hypercore', program: 'hypercore-member', count: 1_500, packages: ['hypercore'] },
  {
    name: 'hypercore, 64 messages an append',
    program: 'hypercore-member',
    settings: { perAppend: 64 },
    count: 6_400,
    packages: ['hypercore'],
  },
  { name: 'grpc-js, nothing stored', program: 'grpc-member', count: 30_000, packages: ['@grpc/grpc-js'] },
];

/** `keys` holds ca.pem and the certificates and keys of a, b and c. */
export async function benchPeers(keys: string): Promise<readonly BenchResult[]> {
  const reasons = systems.map(reasonToSkip);
  const installed = systems.filter((_, index) => reasons[index] === undefined);
  const notes = reasons.filter((reason) => reason !== undefined);
  for (const note of notes) process.stderr.write(`  ${note}\n`);
  await using stack = new AsyncStack();
  const nats = installed.some(({ needsNats }) => needsNats === true) ? stack.use(await NatsServer.start()) : undefined;
  const runs = new Map<string, Throughput[]>();
  const tasks: Record<string, () => Promise<number>> = {};
  for (const { name, program, count, settings } of installed) {
    const all = { ...settings, ...(nats === undefined ? {} : { nats: nats.port }) };
    const cluster = stack.use(await Cluster.open(keys, names, program, all));
    const load = { senders: ['a'], receivers, bytes };
    await cluster.throughput({ ...load, count: count >> 2 });
    tasks[`${name}, messages/s`] = async () => {
      const run = await cluster.throughput({ ...load, count });
      runs.set(name, [...(runs.get(name) ?? []), run]);
      return run.messagesPerSecond;
    };
  }
  const figures = await alternate(rounds, tasks);
  const row = (name: string, unit: string, figureOf: (system: string) => number): BenchResult => ({
    case: name,
    unit,
    ours: figureOf(ourName),
    peers: Object.fromEntries(
      installed.filter((system) => system.name !== ourName).map((system) => [system.name, figureOf(system.name)]),
    ),
  });
  return [
    { ...row('beside others, 100 B', 'messages/s', (name) => figures[`${name}, messages/s`] ?? Number.NaN), notes },
    row('beside others: CPU of the sender', 'µs/message', (name) => cpuMicros(runs.get(name) ?? [], ['a'])),
    row('beside others: CPU of a receiver', 'µs/message', (name) => cpuMicros(runs.get(name) ?? [], receivers)),
  ];
}

function reasonToSkip({ name, packages, needsNats }: System): string | undefined {
  const missing = packages.find((each) => !isPeerPackageInstalled(each));
  if (missing !== undefined) return `${name}: ${missing} is not installed, skipped; npm ci --prefix bench`;
  if (needsNats === true && spawnSync('nats-server', ['--version']).error !== undefined) {
    return `${name}: nats-server is not installed, skipped; apt-get install nats-server`;
  }
  return undefined;
}

/** Disposes of what it was given, the last first. */
class AsyncStack implements AsyncDisposable {
  readonly #resources: AsyncDisposable[] = [];

  use<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#resources.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.reverse()) await resource[Symbol.asyncDispose]();
  }
}

/** A server of our own with file storage in a temporary directory; its settings are the defaults. */
class NatsServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  readonly #child;

  private constructor(port: number) {
    this.port = port;
    this.#directory = mkdtempSync(join(tmpdir(), 'antecedent-bench-nats-'));
    const args = ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', this.#directory];
    this.#child = spawn('nats-server', args, { stdio: 'ignore' });
  }

  static async start(): Promise<NatsServer> {
    const server = new NatsServer(await freePort());
    while (!(await isListening(server.port))) await sleep(retryMs);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
    rmSync(this.#directory, { recursive: true });
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
