/**
 * Two nodes in one process: the library, from keys to messages that are applied exactly once.
 *
 *     npx tsx examples/two-nodes.ts DIRECTORY
 *
 * Node a asks, b answers once it has seen the question; so nobody is ever given the answer first. Keys, journals and the
 * state of both applications stay in DIRECTORY: a second run goes on behind what the first one has stored.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  formatDot,
  initKeys,
  issueKeys,
  openNode,
  type AntecedentNode,
  type Delivery,
  type Receipt,
} from '../transport-tls/index.js';

const addresses = { a: '127.0.0.1:7301', b: '127.0.0.1:7302' };
type Name = keyof typeof addresses;

interface Stored {
  readonly position: number;
  /** Applied messages: dot, payload. */
  readonly messages: readonly (readonly [dot: string, text: string])[];
}

/**
 * An application's state, and the position of the last message in it, replaced in one step. A database does the same in
 * one transaction. State and position may be lost together (they are then delivered again), but never one of them alone.
 */
class Application {
  readonly #path: string;
  readonly #waiters = new Set<() => void>();
  #stored: Stored = { position: 0, messages: [] };

  constructor(path: string) {
    this.#path = path;
    if (existsSync(path)) this.#stored = JSON.parse(readFileSync(path, 'utf8')) as Stored;
  }

  get stored(): Stored {
    return this.#stored;
  }

  apply(delivery: Delivery): void {
    const message = [formatDot(delivery), new TextDecoder().decode(delivery.payload)] as const;
    this.#stored = { position: delivery.position, messages: [...this.#stored.messages, message] };
    writeFileSync(`${this.#path}.tmp`, JSON.stringify(this.#stored), { flush: true });
    renameSync(`${this.#path}.tmp`, this.#path);
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  /** Resolves when the message has been applied. */
  async applied(receipt: Receipt): Promise<void> {
    const wanted = formatDot(receipt);
    while (!this.#stored.messages.some(([dot]) => dot === wanted)) {
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }
}

async function makeKeys(keys: string): Promise<void> {
  if (existsSync(keys)) return;
  await initKeys({ cluster: 'demo', dir: keys });
  for (const name of ['a', 'b']) await issueKeys({ name, dir: keys });
}

function open(directory: string, name: Name, peer: Name, application: Application): Promise<AntecedentNode> {
  const keys = join(directory, 'keys');
  return openNode({
    name,
    cluster: 'demo',
    dataDir: join(directory, `data-${name}`),
    listen: addresses[name],
    peers: { [peer]: addresses[peer] },
    tls: { ca: join(keys, 'ca.pem'), cert: join(keys, `${name}.pem`), key: join(keys, `${name}.key`) },
    position: application.stored.position,
    apply: (delivery) => application.apply(delivery),
  });
}

async function main(directory: string): Promise<void> {
  await makeKeys(join(directory, 'keys'));
  const atA = new Application(join(directory, 'state-a.json'));
  const atB = new Application(join(directory, 'state-b.json'));
  await using a = await open(directory, 'a', 'b', atA);
  await using b = await open(directory, 'b', 'a', atB);

  const text = new TextEncoder();
  const question = await a.broadcast(text.encode('Is anybody there?'), { durable: 'all' });
  process.stdout.write(`${formatDot(question)} is on the disks of both nodes\n`);
  await atB.applied(question);
  const answer = await b.broadcast(text.encode('I am.'));
  await Promise.all([atA.applied(answer), atB.applied(answer)]);

  for (const [name, { stored }] of [['a', atA] as const, ['b', atB] as const]) {
    process.stdout.write(`${name} has applied ${stored.position} messages:\n`);
    for (const [dot, payload] of stored.messages) process.stdout.write(`  ${dot}  ${payload}\n`);
  }
}

const [, , directory] = process.argv;
if (directory === undefined) {
  process.stderr.write('usage: npx tsx examples/two-nodes.ts DIRECTORY\n');
  process.exitCode = 2;
} else {
  await main(directory);
}
