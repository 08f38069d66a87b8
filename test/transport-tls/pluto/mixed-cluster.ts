/**
 * Three nodes of ours and two of pluto v0.4 in this process, over real TLS sockets, each with the mailboxes of all users. Connections
 * of ours go through relays that can be cut. Those between two of v0.4 do not: what is cut there is lost for good, and both know of nothing.
 */
import {
  Mailboxes,
  formatOp,
  parseOp,
  toAppend,
  toCopy,
  toCreate,
  toDelete,
  toExpunge,
  toRename,
  toStore,
  type Operation,
} from '../../../core/index.js';
import { openNode, showCertificate, type AntecedentNode, type OpenNodeOptions } from '../../../transport-tls/index.js';
import { makeTestDirectory, type TestAuthority } from '../../support/certificates.js';
import { PlutoNode } from '../../support/pluto-node.js';
import type { LogLine } from '../link-party.js';
import { quietPorts } from '../quiet-port.js';
import { within } from '../waiting.js';
import { Relay } from './relay.js';

export const ours = ['a', 'b', 'c'] as const;
export const theirs = ['old', 'older'] as const;
const all = [...ours, ...theirs];

export type OperationKind = Operation['kind'];

/** What one node has applied. */
interface Applied {
  readonly mailboxes: Mailboxes;
  readonly payloads: string[];
  /** How many messages of each node. */
  readonly counts: Map<string, number>;
}

export class MixedCluster {
  /** Violations of causal order, and alarms. */
  readonly problems: string[] = [];
  readonly pluto = new Map<string, PlutoNode>();
  readonly #nodes = new Map<string, AntecedentNode>();
  readonly #applied = new Map<string, Applied>();
  readonly #relays = new Map<string, Relay>();
  readonly #watchers = new Set<() => void>();
  readonly #authority: TestAuthority;
  readonly #directory = makeTestDirectory('mixed');
  #broadcasts = 0;
  #tags = 0;

  private constructor(authority: TestAuthority) {
    this.#authority = authority;
  }

  static async open(authority: TestAuthority): Promise<MixedCluster> {
    const cluster = new MixedCluster(authority);
    const ports = [...(await quietPorts(60))];
    const next = (): number => ports.shift() ?? 0;
    const own = new Map(all.map((name) => [name, next()]));
    const plutoPorts = new Map(ours.map((name) => [name, next()]));
    for (const from of all) {
      for (const to of all.filter((name) => name !== from && !(isPluto(name) && isPluto(from)))) {
        const isLine = isPluto(from) && !isPluto(to);
        const relay = new Relay(next(), (isLine ? plutoPorts.get(to as (typeof ours)[number]) : own.get(to)) ?? 0);
        cluster.#relays.set(`${from} ${to}`, relay);
        await relay.join();
      }
    }
    for (const name of all) cluster.#applied.set(name, { mailboxes: new Mailboxes(), payloads: [], counts: new Map() });
    for (const name of all) {
      const pluto = isPluto(name) ? 0 : (plutoPorts.get(name as (typeof ours)[number]) ?? 0);
      cluster.#listen.set(name, { own: own.get(name) ?? 0, pluto });
    }
    for (const name of theirs) await cluster.#startPluto(name, own.get(name) ?? 0);
    await Promise.all(ours.map((name) => cluster.openNode(name)));
    return cluster;
  }

  readonly #listen = new Map<string, { readonly own: number; readonly pluto: number }>();

  // --- nodes ---

  async openNode(name: string): Promise<void> {
    const node = await within(`node ${name}`, openNode(this.#options(name)));
    this.#nodes.set(name, node);
  }

  async closeNode(name: string): Promise<void> {
    await this.#nodes.get(name)?.close();
  }

  async close(): Promise<void> {
    for (const node of this.pluto.values()) await node.stop();
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
    await Promise.all([...this.#relays.values()].map((relay) => relay.cut()));
  }

  /** Parts some nodes from all others, in both directions. */
  async part(names: readonly string[]): Promise<void> {
    await Promise.all(this.#between(names).map((relay) => relay.cut()));
  }

  async heal(names: readonly string[]): Promise<void> {
    await Promise.all(this.#between(names).map((relay) => relay.join()));
  }

  #between(names: readonly string[]): readonly Relay[] {
    return [...this.#relays].flatMap(([pair, relay]) => {
      const [from = '', to = ''] = pair.split(' ');
      return names.includes(from) === names.includes(to) ? [] : [relay];
    });
  }

  #options(name: string): OpenNodeOptions {
    const address = (to: string): string => `127.0.0.1:${this.#relays.get(`${name} ${to}`)?.port ?? 0}`;
    const own = ours.filter((other) => other !== name).map((other) => [other, address(other)]);
    const pluto = theirs.map((other) => {
      const { sha256 } = showCertificate(this.#authority.files(other).cert);
      return [other, { address: address(other), protocol: 'pluto-0.4', fingerprint: `sha256:${sha256}` }];
    });
    const listen = this.#listen.get(name);
    return {
      name,
      cluster: 'demo',
      dataDir: `${this.#directory}/${name}`,
      listen: `127.0.0.1:${listen?.own ?? 0}`,
      pluto: { listen: `127.0.0.1:${listen?.pluto ?? 0}` },
      peers: Object.fromEntries([...own, ...pluto]) as OpenNodeOptions['peers'],
      tls: this.#authority.files(name),
      timings: { backoffMs: 10, backoffMaxMs: 50, heartbeatMs: 200, probeMs: 50, wantRetryMs: 100 },
      logger: { log: (level, event, fields) => this.#note(name, { level, event, ...fields }) },
      apply: ({ origin, clock, payload }) => {
        this.#apply(name, origin, new Map(Object.entries(clock.toJSON())), new TextDecoder().decode(payload));
      },
    };
  }

  async #startPluto(name: string, port: number): Promise<void> {
    const nodes = all.filter((other) => other !== name);
    const node = new PlutoNode({
      ...{ name, port, files: this.#authority.files(name), endsConnections: name === 'old' },
      nodes: Object.fromEntries(nodes.map((other) => [other, this.#portFor(name, other)])),
      onApply: ({ sender, clock, payload }) => this.#apply(name, sender, clock, payload),
    });
    this.pluto.set(name, node);
    await node.start();
  }

  /** Where `to` is reached from `from`. */
  #portFor(from: string, to: string): number {
    return this.#relays.get(`${from} ${to}`)?.port ?? this.#listen.get(to)?.own ?? 0;
  }

  #note(name: string, line: LogLine): void {
    if (line.event === 'alarm' || line.event === 'refused') this.problems.push(`${name}: ${JSON.stringify(line)}`);
  }

  // --- operations ---

  /** An operation of this kind at a node, made from what it sees; an append instead where there is nothing to do it with. */
  async operate(name: string, kind: OperationKind, pick: number): Promise<void> {
    const { mailboxes } = this.#appliedOf(name);
    const operation = operationOf(mailboxes, kind, pick, `${name}-${++this.#tags}`);
    this.#broadcasts++;
    const node = this.pluto.get(name);
    if (node === undefined) await this.#nodes.get(name)?.broadcast(new TextEncoder().encode(formatOp(operation)));
    else node.send(formatOp(operation));
  }

  #apply(name: string, origin: string, clock: ReadonlyMap<string, number>, payload: string): void {
    const { mailboxes, payloads, counts } = this.#appliedOf(name);
    for (const [other, count] of clock) {
      const expected = other === origin ? count - 1 : count;
      const applied = counts.get(other) ?? 0;
      const isRight = other === origin ? applied === expected : applied >= expected;
      if (isRight) continue;
      this.problems.push(`${name} applied ${origin}:${clock.get(origin) ?? 0} behind ${applied} of ${other}`);
    }
    counts.set(origin, (counts.get(origin) ?? 0) + 1);
    payloads.push(payload);
    mailboxes.apply(parseOp(payload));
    for (const watcher of [...this.#watchers]) watcher();
  }

  #appliedOf(name: string): Applied {
    const applied = this.#applied.get(name);
    if (applied === undefined) throw new Error(`no node ${name}`);
    return applied;
  }

  /** Resolves when all five have applied everything, and theirs have sent everything to everybody. */
  async converge(): Promise<void> {
    await this.#allApplied();
    const isIdle = (): boolean => [...this.pluto.values()].every((node) => node.isIdle && node.waiting === 0);
    const look = (done: () => void): void => {
      if (isIdle()) done();
      else setImmediate(look, done);
    };
    await within('the end of sending', new Promise<void>(look));
  }

  async #allApplied(): Promise<void> {
    const isDone = (): boolean =>
      [...this.#applied.values()].every(({ payloads }) => payloads.length >= this.#broadcasts);
    const done = new Promise<void>((resolve) => {
      const watcher = (): void => {
        if (!isDone()) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
    await within(`${this.#broadcasts} messages at all five nodes`, done).catch((error: unknown) => {
      const counts = [...this.#applied].map(([name, { payloads }]) => `${name} ${payloads.length}`);
      throw new Error(`${String(error)}: ${counts.join(', ')}`);
    });
  }

  /** The payloads that each node has applied, sorted, by name. */
  get payloads(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#applied].map(([name, { payloads }]) => [name, payloads.toSorted()]));
  }

  /** The mailboxes of each node as text, by name. */
  get states(): ReadonlyMap<string, readonly string[]> {
    return new Map(
      [...this.#applied].map(([name, { mailboxes }]) => [name, [...mailboxes.operations()].map(formatOp)]),
    );
  }

  get broadcasts(): number {
    return this.#broadcasts;
  }
}

function isPluto(name: string): boolean {
  return theirs.some((other) => other === name);
}

function operationOf(state: Mailboxes, kind: OperationKind, pick: number, tag: string): Operation {
  const user = `user${pick % 2}`;
  const mailbox = `box${pick % 3}`;
  const names = state.mails(user, mailbox).map(({ value }) => value);
  const name = names[pick % Math.max(1, names.length)] ?? '';
  const made = {
    create: () => toCreate(user, mailbox, tag),
    delete: () => toDelete(state, user, mailbox),
    rename: () => toRename(state, user, mailbox, `box${(pick + 1) % 3}`, tag),
    append: () => undefined,
    expunge: () => toExpunge(state, user, mailbox, [name]),
    store: () => toStore(state, user, mailbox, name, `mail ${tag}`, tag),
    copy: () => toCopy(state, user, mailbox, [name], `box${(pick + 1) % 3}`, tag),
  }[kind]();
  return made ?? toAppend(user, mailbox, `mail ${tag}`, new TextEncoder().encode(`contents of ${tag}`), tag);
}
