/**
 * A member whose log was damaged and repaired, among others over TLS: it goes on as a new incarnation, and the others give it
 * back what it has forgotten, its own messages included. The history is judged by the oracles of the simulator.
 */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatDot, nodeName, originKey, type Delivery, type Dot, type NodeName } from '../../core/index.js';
import { Judge, type HistoryEvent } from '../../scenarios/index.js';
import {
  inspectLog,
  openNode,
  repairLog,
  type AntecedentNode,
  type OpenNodeOptions,
  type RepairPlan,
} from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { flipBit } from '../support/log-writer.js';
import { quietPorts } from './quiet-port.js';
import { within } from './waiting.js';

const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];
/** Before the damage every member broadcasts so many messages in each round, which ends when they are everywhere. */
const roundMessages = 20;
const rounds = 10;
const messagesEach = rounds * roundMessages;
/** Messages of each of the others while b is down, and of b when it is back. */
const laterEach = 20;

let authority: TestAuthority;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', names);
});
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0)) await cleanUp();
});
afterAll(removeTestDirectories);

/** A member and its application, which remembers what it has applied. */
interface Member {
  readonly name: NodeName;
  readonly dataDir: string;
  /** What was applied, in order; what comes again after a repair stands in it twice. */
  readonly applied: Delivery[];
  /** Names of the messages in it. */
  readonly dots: Set<string>;
  node: AntecedentNode | undefined;
  /** Of its last message in this life. */
  seq: number;
}

class Cluster {
  /** Whether applications store their position, or leave it to the node. */
  readonly #memory: 'position' | 'mark';
  readonly #members: ReadonlyMap<Name, Member>;
  readonly #ports: readonly number[];
  readonly #onEvent: (event: HistoryEvent) => void;
  #wake: () => void = () => undefined;

  private constructor(memory: 'position' | 'mark', ports: readonly number[], onEvent: (event: HistoryEvent) => void) {
    this.#memory = memory;
    this.#ports = ports;
    this.#onEvent = onEvent;
    const directory = makeTestDirectory('repaired');
    this.#members = new Map(
      names.map((name) => [
        name,
        { name: nodeName(name), dataDir: join(directory, name), applied: [], dots: new Set(), node: undefined, seq: 0 },
      ]),
    );
    cleanups.push(async () => {
      for (const { node } of this.#members.values()) await node?.close();
    });
  }

  /** Three members that have broadcast and delivered a few hundred messages. */
  static async make(
    memory: 'position' | 'mark',
    onEvent: (event: HistoryEvent) => void = () => undefined,
  ): Promise<Cluster> {
    const cluster = new Cluster(memory, await quietPorts(names.length), onEvent);
    await Promise.all(names.map((name) => cluster.open(name)));
    // In rounds, so that the messages of all lie on both sides of the middle of every log.
    for (let round = 1; round <= rounds; round++) {
      await Promise.all(names.map((name) => cluster.broadcast(name, roundMessages)));
      await cluster.untilAllHave(round * roundMessages * names.length);
    }
    return cluster;
  }

  member(name: Name): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`no member ${name}`);
    return member;
  }

  options(name: Name): OpenNodeOptions {
    const member = this.member(name);
    const address = (of: Name): string => `127.0.0.1:${this.#ports[names.indexOf(of)] ?? 0}`;
    return {
      ...{ name, cluster: 'demo', dataDir: member.dataDir, listen: address(name), tls: authority.files(name) },
      peers: Object.fromEntries(names.filter((other) => other !== name).map((other) => [other, address(other)])),
      ...(this.#memory === 'position' ? { position: member.applied.length } : {}),
      limits: { segmentBytesMax: 4 << 10 },
      timings: { backoffMs: 20, backoffMaxMs: 100 },
      logger: { log: () => undefined },
      apply: (delivery) => this.#apply(member, delivery),
      onAlarm: ({ code, message, peer }) =>
        this.#onEvent({ type: 'alarm', ...this.#at(member), code, message, peer: nodeName(peer) }),
    };
  }

  async open(name: Name): Promise<AntecedentNode> {
    const member = this.member(name);
    const options = this.options(name);
    this.#onEvent({ type: 'start', ...this.#at(member), position: options.position });
    member.node = await within(`node ${name}`, openNode(options));
    member.seq = member.node.recoveredSeq;
    return member.node;
  }

  async close(name: Name): Promise<void> {
    const member = this.member(name);
    await member.node?.close();
    member.node = undefined;
    this.#onEvent({ type: 'closed', ...this.#at(member), confirmed: member.applied.length });
  }

  /** One message after the other. */
  async broadcast(name: Name, count: number): Promise<readonly Dot[]> {
    const member = this.member(name);
    const { node } = member;
    if (node === undefined) throw new Error(`${name} is down`);
    const receipts: Dot[] = [];
    while (receipts.length < count) {
      const dot: Dot = { origin: member.name, incarnation: node.incarnation, seq: ++member.seq };
      const payload = new TextEncoder().encode(`message ${formatDot(dot)}`);
      this.#onEvent({ type: 'broadcast', ...this.#at(member), dot, payload });
      const receipt = await within(`the receipt of ${formatDot(dot)}`, node.broadcast(payload));
      this.#onEvent({ type: 'accepted', ...this.#at(member), dot: receipt });
      receipts.push(receipt);
    }
    return receipts;
  }

  /** Turns a bit over in the middle of the log of a member that is down. */
  async damage(name: Name): Promise<void> {
    const member = this.member(name);
    const { segments } = await inspectLog(member.dataDir);
    const middle = segments[segments.length >> 1];
    if (middle === undefined) throw new Error('there is no log');
    flipBit(member.dataDir, middle.file, middle.bytes >> 1);
    this.#onEvent({ type: 'disk-damaged', ...this.#at(member) });
  }

  async repair(name: Name): Promise<RepairPlan> {
    const result = await repairLog(this.member(name).dataDir, { confirm: () => Promise.resolve(true) });
    if (result.outcome !== 'repaired') throw new Error(`the repair came out as ${result.outcome}`);
    return result.plan;
  }

  /** The application of a member that is down begins anew, with nothing. */
  rebuild(name: Name): void {
    const member = this.member(name);
    member.applied.length = 0;
    member.dots.clear();
    this.#onEvent({ type: 'rebuilt', ...this.#at(member) });
  }

  /** Resolves when so many different messages have been applied everywhere. */
  async untilAllHave(messages: number): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      this.#wake = () => {
        if (names.every((name) => this.member(name).dots.size >= messages)) resolve();
      };
    });
    this.#wake();
    await within(`${messages} messages everywhere`, reached);
  }

  #apply(member: Member, delivery: Delivery): void {
    member.applied.push(delivery);
    member.dots.add(formatDot(delivery));
    const { origin, incarnation, seq, position, payload } = delivery;
    this.#onEvent({ type: 'deliver', ...this.#at(member), dot: { origin, incarnation, seq }, position, payload });
    this.#wake();
  }

  #at({ name }: Member): { readonly atMs: number; readonly node: NodeName } {
    return { atMs: performance.now(), node: name };
  }
}

/** Closes b, lets the others go on, damages and repairs the log of b. */
async function damageAndRepair(cluster: Cluster): Promise<RepairPlan> {
  await cluster.close('b');
  await Promise.all(['a' as const, 'c' as const].map((name) => cluster.broadcast(name, laterEach)));
  await cluster.damage('b');
  await expect(openNode(cluster.options('b'))).rejects.toMatchObject({
    code: 'E_LOG_CORRUPT',
    message: expect.stringContaining('antecedent log repair') as string,
  });
  const plan = await cluster.repair('b');
  expect(plan.incarnation).toBe(2);
  // The damage is worth the test: it took own messages and those of both others.
  expect(plan.kept.records).toBeGreaterThan(messagesEach);
  expect(plan.lost.origins.map(({ origin }) => origin).sort()).toEqual(names);
  return plan;
}

/** Names of all messages that there are in the end. */
function allDots(): readonly string[] {
  const log = (name: Name, incarnation: number, count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${originKey(nodeName(name), incarnation)}:${index + 1}`);
  const others = messagesEach + laterEach;
  return [
    ...[...log('a', 1, others), ...log('b', 1, messagesEach)],
    ...[...log('b', 2, laterEach), ...log('c', 1, others)],
  ].sort();
}

async function expectAllEverywhere(cluster: Cluster): Promise<void> {
  await cluster.untilAllHave(allDots().length);
  for (const name of names) expect([...cluster.member(name).dots].sort()).toEqual(allDots());
}

const receiptsOfSecondLife = Array.from({ length: laterEach }, (_, index) => ({
  origin: 'b',
  incarnation: 2,
  seq: index + 1,
}));

describe('a member whose log was repaired', () => {
  test('gets back all that it has forgotten when its application is rebuilt, in causal order, and is heard again', async () => {
    const judge = new Judge({ nodes: names.map(nodeName) });
    const violations: string[] = [];
    const cluster = await Cluster.make('position', (event) => {
      const violation = judge.observe(event);
      if (violation !== undefined) violations.push(violation.sentence);
    });
    await damageAndRepair(cluster);
    await expect(openNode(cluster.options('b'))).rejects.toMatchObject({ code: 'E_POSITION' });

    cluster.rebuild('b');
    const { incarnation, recoveredSeq } = await cluster.open('b');
    expect([incarnation, recoveredSeq]).toEqual([2, 0]);
    // While it still fetches.
    expect(await cluster.broadcast('b', laterEach)).toEqual(receiptsOfSecondLife);
    await expectAllEverywhere(cluster);
    expect(cluster.member('b').applied).toHaveLength(allDots().length);
    expect(violations).toEqual([]);
    expect(judge.finish({ atMs: performance.now(), live: names.map(nodeName), busy: false })).toBeUndefined();
  });

  test('loses nothing when the node keeps the mark: only what was behind the damage comes again, in causal order', async () => {
    const cluster = await Cluster.make('mark');
    const { kept } = await damageAndRepair(cluster);
    const before = cluster.member('b').applied.length;
    await cluster.open('b');
    expect(await cluster.broadcast('b', laterEach)).toEqual(receiptsOfSecondLife);
    await expectAllEverywhere(cluster);

    const { applied } = cluster.member('b');
    const good = applied.slice(0, kept.applied);
    const again = applied.slice(before);
    expect(kept.applied).toBeGreaterThan(messagesEach);
    expect(again[0]?.position).toBe(kept.applied + 1);
    // Forgetting what lay behind the damage, the application is as if it had applied each message once.
    expect([...good, ...again].map(formatDot).sort()).toEqual(allDots());
    expect(outOfOrder([...good, ...again])).toEqual([]);
  });
});

/** Messages that come before one that caused them, or before an earlier one of their origin. */
function outOfOrder(deliveries: readonly Delivery[]): readonly string[] {
  const seqs = new Map<string, number>();
  return deliveries.flatMap((delivery) => {
    const key = originKey(delivery.origin, delivery.incarnation);
    const isNext = (seqs.get(key) ?? 0) + 1 === delivery.seq;
    seqs.set(key, delivery.seq);
    const hasCauses = [...delivery.clock].every(([origin, seq]) => (seqs.get(origin) ?? 0) >= seq);
    return isNext && hasCauses ? [] : [formatDot(delivery)];
  });
}
