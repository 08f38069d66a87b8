/**
 * Three members that broadcast, come and go, and are restarted at any position, with new incarnations in between, while reads
 * and syncs take their time: what a position held once it holds for ever, and in the end everybody has been given everything once.
 */
import { describe, expect, test } from 'vitest';
import { AntecedentError } from '../../../core/index.js';
import { Simulation } from '../../../transport-sim/index.js';
import type { JournalEntry } from '../../../core/journal/journal.js';
import { connect, exchange, ReplicaUnderTest } from '../../support/replicas.js';

const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];
const pairs: readonly (readonly [Name, Name])[] = [
  ['a', 'b'],
  ['a', 'c'],
  ['b', 'c'],
];
const stepsPerSeed = 120;
const roundsToRest = 60;

class Cluster {
  readonly #random;
  readonly #members = new Map<Name, ReplicaUnderTest>();
  readonly #incarnations: Record<Name, number> = { a: 1, b: 1, c: 1 };
  /** What each application has been given, by position. */
  readonly given: Record<Name, string[]> = { a: [], b: [], c: [] };
  /** What every position of a data directory has held. */
  readonly #held: Record<Name, string[]> = { a: [], b: [], c: [] };
  readonly #links = new Map<string, number>();
  #nextLink = 1;
  #nonce = 1;
  #messages = 0;

  constructor(seed: number) {
    this.#random = new Simulation({ seed: String(seed) }).random('cluster');
    for (const name of names) this.#start(name, 0, []);
  }

  /** Who begins anew may have to catch up first. */
  #broadcast(member: ReplicaUnderTest): void {
    try {
      member.broadcast(`m${this.#messages++}`);
    } catch (error) {
      if (!(error instanceof AntecedentError) || error.code !== 'E_CATCHING_UP') throw error;
    }
  }

  step(): void {
    const random = this.#random;
    const name = random.pick(names);
    const [one, other] = random.pick(pairs);
    const member = this.#member(name);
    for (const each of names) this.#member(each).nowMs += 50;
    const draw = random.below(100);
    if (draw < 30) for (let count = random.between(1, 4); count > 0; count--) this.#broadcast(member);
    else if (draw < 45) {
      if (member.unsynced > 0) member.sync();
    } else if (draw < 55) this.#connect(one, other);
    else if (draw < 62) this.#cut(one, other);
    else if (draw < 75) this.#exchange(one, other);
    else if (draw < 85) for (let count = random.below(4); count > 0; count--) this.#deliver(name);
    else if (draw < 92) {
      const read = member.reads.shift();
      if (read !== undefined) {
        member.replica.handleRead(read.id, member.journal[read.address]?.body ?? new Uint8Array());
      }
      member.step();
    } else this.#restart(name);
  }

  comeToRest(): void {
    for (let round = 0; round < roundsToRest; round++) {
      for (const name of names) {
        const member = this.#member(name);
        member.syncAll();
        member.answerReads();
        member.wake(member.nowMs + 1500);
      }
      for (const [one, other] of pairs) {
        this.#connect(one, other);
        this.#exchange(one, other);
      }
      for (const name of names) while (this.#deliver(name));
    }
  }

  /** Links that one end has closed because of what the other did. */
  get refusals(): readonly string[] {
    return names.flatMap((name) =>
      this.#member(name).events.flatMap((event) =>
        event.type === 'refused' ? [`${event.code} ${event.message}`] : [],
      ),
    );
  }

  #deliver(name: Name): boolean {
    const member = this.#member(name);
    const delivery = member.replica.takeDelivery();
    if (delivery !== undefined) {
      const { origin, incarnation, seq, position } = delivery;
      const dot = `${origin}.${incarnation}:${seq}`;
      expect(position).toBe(this.given[name].length + 1);
      expect(this.#held[name][position - 1] ?? dot).toBe(dot);
      this.#held[name][position - 1] = dot;
      this.given[name].push(dot);
      member.replica.handleApplied(position);
    }
    member.step();
    return delivery !== undefined;
  }

  /** Everything that was written is on the disk; the application goes on anywhere in what it was given. */
  #restart(name: Name): void {
    for (const [one, other] of pairs) if (one === name || other === name) this.#cut(one, other);
    const member = this.#member(name);
    member.syncAll();
    const { given } = this;
    const position = this.#random.chance(0.5) ? given[name].length : this.#random.between(0, given[name].length);
    given[name] = given[name].slice(0, position);
    if (this.#random.chance(0.3)) this.#incarnations[name] += 1;
    this.#start(name, position, member.journal);
  }

  #start(name: Name, position: number, journal: readonly JournalEntry[]): void {
    const peers = names.filter((other) => other !== name);
    const incarnation = this.#incarnations[name];
    const limits = { batchBytesTarget: 64 };
    const nonce = this.#nonce++;
    this.#members.set(name, new ReplicaUnderTest({ name, peers, position, nonce, incarnation, journal, limits }));
  }

  #connect(one: Name, other: Name): void {
    const pair = one + other;
    if (this.#links.has(pair)) return;
    const link = this.#nextLink++;
    this.#links.set(pair, link);
    connect(this.#member(one), this.#member(other), link);
  }

  #cut(one: Name, other: Name): void {
    const link = this.#links.get(one + other);
    if (link === undefined) return;
    this.#links.delete(one + other);
    for (const name of [one, other]) this.#member(name).replica.handleLinkClosed(link, 'cut', this.#member(name).nowMs);
  }

  #exchange(one: Name, other: Name): void {
    const link = this.#links.get(one + other);
    if (link === undefined) return;
    exchange(this.#member(one), this.#member(other), link);
    if (this.#member(one).isClosed(link) || this.#member(other).isClosed(link)) this.#cut(one, other);
  }

  #member(name: Name): ReplicaUnderTest {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`no member ${name}`);
    return member;
  }
}

describe('positions mean the same for ever, and everything comes once', () => {
  test.each(Array.from({ length: 60 }, (_, index) => index + 1))('seed %i', (seed) => {
    const cluster = new Cluster(seed);
    for (let step = 0; step < stepsPerSeed; step++) cluster.step();
    cluster.comeToRest();
    const all = new Set(cluster.given.a);
    for (const name of names) {
      expect(new Set(cluster.given[name])).toEqual(all);
      expect(cluster.given[name]).toHaveLength(all.size);
    }
    expect(cluster.refusals).toEqual([]);
  });
});
