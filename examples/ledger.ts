/**
 * An application that applies every message exactly once, however often it is killed: accounts in an SQLite database.
 * `exactly-once.ts` starts two of these processes and kills them.
 *
 * - What comes in: the position of a delivery is stored in the transaction of its effects, so a crash leaves both or neither.
 *   It is given back to `openNode`, which goes on behind it.
 * - What goes out: payment number n of this member is its message number n. After a crash `recoveredSeq` tells how many of
 *   them the journal of the node has kept, and the next one is broadcast. There is no second counter that could disagree.
 *
 * `@photostructure/sqlite` has the interface of `node:sqlite`, for versions of Node that do not have it (before 22.13); with
 * it, only the import changes.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { openNode, type AntecedentNode, type Delivery } from '../transport-tls/index.js';

type Database = InstanceType<typeof DatabaseSync>;
type Statement = ReturnType<Database['prepare']>;

export interface Payment {
  readonly account: string;
  readonly cents: number;
}

/** Payment number `n`, from 1 on, of every member. */
export function paymentOf(n: number): Payment {
  return { account: `account ${n % 5}`, cents: n };
}

export class Ledger {
  readonly #database: Database;
  readonly #add: Statement;
  readonly #move: Statement;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    // FULL: what was applied must outlive a loss of power, because the node may then forget the message.
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS balance (account TEXT PRIMARY KEY, cents INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS applied (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL);
      INSERT OR IGNORE INTO applied VALUES (1, 0);
    `);
    this.#add = this.#database.prepare(
      'INSERT INTO balance VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents',
    );
    this.#move = this.#database.prepare('UPDATE applied SET position = ?');
  }

  /** Position of the last message in the balances. */
  get position(): number {
    const { position } = this.#database.prepare('SELECT position FROM applied').get() as { position: number };
    return position;
  }

  get balances(): readonly Payment[] {
    return this.#database.prepare('SELECT account, cents FROM balance ORDER BY account').all() as Payment[];
  }

  apply(delivery: Pick<Delivery, 'payload' | 'position'>): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const { account, cents } = JSON.parse(new TextDecoder().decode(delivery.payload)) as Payment;
      this.#add.run(account, cents);
      this.#move.run(delivery.position);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

export interface LedgerOptions {
  readonly name: string;
  /** Holds `keys`, and the data of this member. */
  readonly directory: string;
  /** All members. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** From the program that has started this one. */
export type LedgerOrder =
  /** Broadcast the payments up to this number. */
  { readonly type: 'pay'; readonly upTo: number } | { readonly type: 'close' };

/** To the program that has started this one: the position of the last message that was applied. */
export interface LedgerReport {
  readonly position: number;
}

async function main({ name, directory, addresses }: LedgerOptions): Promise<void> {
  const ledger = new Ledger(join(directory, `ledger-${name}.sqlite`));
  const report = (): void => {
    process.send?.({ position: ledger.position } satisfies LedgerReport);
  };
  const keys = join(directory, 'keys');
  const node = await openNode({
    name,
    cluster: 'bank',
    dataDir: join(directory, `data-${name}`),
    listen: addresses[name] ?? '',
    peers: Object.fromEntries(Object.entries(addresses).filter(([peer]) => peer !== name)),
    tls: { ca: join(keys, 'ca.pem'), cert: join(keys, `${name}.pem`), key: join(keys, `${name}.key`) },
    position: ledger.position,
    apply: (delivery) => {
      ledger.apply(delivery);
      report();
    },
    // A peer that is killed on purpose is no news.
    logLevel: 'error',
  });
  const allowance = new Allowance();
  process.on('message', (order: LedgerOrder) => {
    if (order.type === 'pay') {
      allowance.raise(order.upTo);
      return;
    }
    void node.close().then(() => {
      ledger.close();
      process.disconnect();
    });
  });
  report();
  await pay(node, allowance);
}

/** Broadcasts one payment after the other, each when it is allowed. */
async function pay(node: AntecedentNode, allowance: Allowance): Promise<never> {
  // A new incarnation, after a loss of the data directory, counts its messages from 1 again: somebody has to look then.
  if (node.incarnation !== 1) throw new Error(`${node.name} has lost its journal`);
  for (let n = node.recoveredSeq + 1; ; n++) {
    await allowance.covers(n);
    await node.broadcast(new TextEncoder().encode(JSON.stringify(paymentOf(n))));
  }
}

/** Up to which payment a member may go; grows. */
class Allowance {
  #upTo = 0;
  #wake: () => void = () => undefined;

  raise(upTo: number): void {
    this.#upTo = upTo;
    this.#wake();
  }

  /** Resolves when payment `n` is allowed. For one caller at a time. */
  async covers(n: number): Promise<void> {
    while (this.#upTo < n) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(JSON.parse(process.argv[2] ?? '{}') as LedgerOptions);
}
