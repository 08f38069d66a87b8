/**
 * Exactly once, shown by sums: two processes over TLS, each with its own SQLite database, killed again and again.
 *
 *     npx tsx examples/exactly-once.ts
 *
 * Both members broadcast payments and add every payment, their own and the other's, to the balances in their database. An
 * addition done twice, or left out, would be seen for ever. The processes are killed (SIGKILL) in the middle of this, wherever
 * they are by then: between two payments, within a transaction, or just behind it. At the end both databases must hold what
 * all payments come to.
 *
 * How it is done is in `ledger.ts`: the position of each message is stored in the transaction of its effects.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initKeys, issueKeys } from '../transport-tls/index.js';
import { Ledger, paymentOf, type LedgerOptions, type LedgerOrder, type LedgerReport, type Payment } from './ledger.js';

export interface ExactlyOnceOptions {
  /** Where the members listen. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Payments of each member. */
  readonly payments: number;
  /** How many processes are killed, one after the other, in turn. */
  readonly kills: number;
  /** Gives up: the processes are killed and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface ExactlyOnceResult {
  /** What all payments come to. */
  readonly expected: readonly Payment[];
  readonly members: readonly {
    readonly name: string;
    readonly position: number;
    readonly balances: readonly Payment[];
  }[];
  /** Who was killed, and how many messages it had told to have applied by then. */
  readonly kills: readonly { readonly name: string; readonly applied: number }[];
}

/** Runs the whole thing in a temporary directory. Rejects when a process fails. */
export async function exactlyOnce(options: ExactlyOnceOptions): Promise<ExactlyOnceResult> {
  const { addresses, payments, signal } = options;
  const directory = mkdtempSync(join(tmpdir(), 'antecedent-exactly-once-'));
  const names = Object.keys(addresses);
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => (fail = reject));
  const abort = (): void => fail(signal?.reason as Error);
  signal?.addEventListener('abort', abort, { once: true });
  const members = names.map((name) => new Member({ name, directory, addresses }, fail));
  try {
    await initKeys({ cluster: 'bank', dir: join(directory, 'keys') });
    for (const name of names) await issueKeys({ name, dir: join(directory, 'keys'), hosts: ['127.0.0.1'] });
    const kills = await Promise.race([playStory(members, options), failed]);
    return { expected: sumOfPayments(payments, names.length), members: names.map(read), kills };
  } finally {
    signal?.removeEventListener('abort', abort);
    await Promise.all(members.map((member) => member.kill()));
    rmSync(directory, { recursive: true });
  }

  function read(name: string): ExactlyOnceResult['members'][number] {
    const ledger = new Ledger(join(directory, `ledger-${name}.sqlite`));
    const { position, balances } = ledger;
    ledger.close();
    return { name, position, balances };
  }
}

/**
 * Before each kill the members are allowed some more payments, but not all, and the victim is given time for half of what these
 * lead to. So every kill falls into the flow, however fast the machine.
 */
async function playStory(
  members: readonly Member[],
  { payments, kills: count }: ExactlyOnceOptions,
): Promise<ExactlyOnceResult['kills']> {
  const kills: { name: string; applied: number }[] = [];
  const perStage = Math.floor(payments / (count + 1));
  for (const member of members) member.start();
  for (let stage = 0; stage < count; stage++) {
    for (const member of members) member.payUpTo((stage + 1) * perStage);
    const victim = members[stage % members.length];
    if (victim === undefined) break;
    await victim.hasApplied(Math.floor((stage + 0.5) * perStage) * members.length);
    await victim.kill();
    kills.push({ name: victim.name, applied: victim.applied });
    victim.start();
  }
  for (const member of members) member.payUpTo(payments);
  for (const member of members) await member.hasApplied(payments * members.length);
  await Promise.all(members.map((member) => member.close()));
  return kills;
}

/** A member as its parent sees it: a process that comes and goes, and a number that grows. */
class Member {
  readonly name: string;
  applied = 0;
  readonly #options: LedgerOptions;
  readonly #onFailure: (error: Error) => void;
  #process: ChildProcess | undefined;
  #upTo = 0;
  #wake: () => void = () => undefined;

  constructor(options: LedgerOptions, onFailure: (error: Error) => void) {
    this.name = options.name;
    this.#options = options;
    this.#onFailure = onFailure;
  }

  start(): void {
    const program = fileURLToPath(new URL('ledger.ts', import.meta.url));
    const child = fork(program, [JSON.stringify(this.#options)], { execArgv: ['--import', 'tsx'] });
    this.#process = child;
    child.on('message', ({ position }: LedgerReport) => {
      // What a process has told may be read after the next one has been started.
      this.applied = Math.max(this.applied, position);
      this.#wake();
    });
    child.on('exit', (code) => {
      if (this.#process !== child) return;
      this.#onFailure(new Error(`${this.name} ended by itself with ${String(code)}`));
    });
    this.#order({ type: 'pay', upTo: this.#upTo });
  }

  payUpTo(upTo: number): void {
    this.#upTo = upTo;
    this.#order({ type: 'pay', upTo });
  }

  /** Resolves when it has told that so many messages were applied. */
  async hasApplied(count: number): Promise<void> {
    while (this.applied < count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#takeProcess();
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async close(): Promise<void> {
    this.#order({ type: 'close' });
    const child = this.#takeProcess();
    if (child !== undefined) await once(child, 'exit');
  }

  #takeProcess(): ChildProcess | undefined {
    const child = this.#process;
    this.#process = undefined;
    return child;
  }

  #order(order: LedgerOrder): void {
    // Orders to a process that has just died are lost; a new one is told again.
    this.#process?.send(order, () => undefined);
  }
}

function sumOfPayments(payments: number, members: number): readonly Payment[] {
  const sums = new Map<string, number>();
  for (let n = 1; n <= payments; n++) {
    const { account, cents } = paymentOf(n);
    sums.set(account, (sums.get(account) ?? 0) + members * cents);
  }
  return [...sums].map(([account, cents]) => ({ account, cents })).sort((a, b) => (a.account < b.account ? -1 : 1));
}

async function main(): Promise<void> {
  const { expected, members, kills } = await exactlyOnce({
    addresses: { a: '127.0.0.1:7311', b: '127.0.0.1:7312' },
    payments: 1_000,
    kills: 8,
  });
  for (const { name, applied } of kills) process.stdout.write(`${name} was killed behind message ${applied}\n`);
  for (const { name, position, balances } of members) {
    const isRight = JSON.stringify(balances) === JSON.stringify(expected);
    process.stdout.write(`${name} has applied ${position} payments; the balances are ${isRight ? 'right' : 'WRONG'}\n`);
    for (const { account, cents } of balances) process.stdout.write(`  ${account}  ${cents}\n`);
    if (!isRight) process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
