/**
 * Random histories of members that broadcast, come and go, are removed, or lose everything and begin anew. Beside them a model that
 * knows what has really happened before what: once a message was called stable, everybody has applied it, and nothing that is
 * delivered later is concurrent with it.
 */
import { describe, expect, test } from 'vitest';
import { AntecedentError, type VectorClock } from '../../../core/index.js';
import { Simulation } from '../../../transport-sim/index.js';
import type { JournalEntry } from '../../../core/journal/journal.js';
import { connect, exchange, ReplicaUnderTest } from '../../support/replicas.js';

const names = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof names)[number];
const stepsPerSeed = 300;

interface State {
  member: ReplicaUnderTest;
  /** Applied in this life of the application, in order. */
  applied: string[];
  incarnation: number;
  /** What was called stable here, and when: number of deliveries by then. */
  stable: Set<string>;
  eventsSeen: number;
}

class Histories {
  readonly #random;
  readonly #states = new Map<Name, State>();
  readonly #links = new Map<string, number>();
  readonly #pasts = new Map<string, ReadonlySet<string>>();
  /** Who has applied a message in any life. */
  readonly #appliers = new Map<string, Set<Name>>();
  readonly #removed = new Set<Name>();
  #isRemovedGone = false;
  #nextLink = 1;
  #nonce = 1;
  #nowMs = 0;
  stableCount = 0;

  constructor(seed: number) {
    this.#random = new Simulation({ seed: `stability ${seed}` }).random('histories');
    for (const name of names) this.#start(name, [], [], 1);
  }

  #start(name: Name, journal: readonly JournalEntry[], applied: string[], incarnation: number): void {
    const peers = names.filter((other) => other !== name);
    const member = new ReplicaUnderTest({
      ...{ name, peers, journal, incarnation, position: applied.length, nonce: this.#nonce++, nowMs: this.#nowMs },
      limits: { batchBytesTarget: 40 },
    });
    this.#states.set(name, { member, applied, incarnation, stable: new Set(), eventsSeen: 0 });
  }

  step(): void {
    const random = this.#random;
    const name = random.pick(names);
    const other = random.pick(names.filter((each) => each !== name));
    const state = this.#state(name);
    this.#nowMs += 100;
    for (const each of names) this.#state(each).member.nowMs = this.#nowMs;
    const draw = random.below(1000);
    if (draw < 180) this.#broadcast(state, name);
    else if (draw < 400) {
      if (state.member.unsynced > 0) state.member.sync();
    } else if (draw < 450) this.#connect(name, other);
    else if (draw < 470) this.#cut(name, other);
    else if (draw < 650) this.#exchange(name, other);
    else if (draw < 850) for (let count = random.below(5); count > 0; count--) this.#apply(name);
    else if (draw < 950) for (const each of names) this.#state(each).member.wake(this.#nowMs);
    else if (draw < 960) this.#restart(name, false);
    else if (draw < 968) this.#restart(name, true);
    else if (draw < 972 && this.#removed.size === 0) this.#remove(name, other);
    else state.member.answerReads();
    for (const each of names) this.#look(each);
  }

  comeToRest(): void {
    for (let round = 0; round < 5 || (round < 150 && this.missing.length > 0); round++) {
      this.#nowMs += 1500;
      for (const one of names) {
        const { member } = this.#state(one);
        member.wake(this.#nowMs);
        for (const other of names) if (one < other) this.#connect(one, other);
      }
      for (const one of names) for (const other of names) if (one < other) this.#exchange(one, other);
      for (const one of names) {
        const { member } = this.#state(one);
        member.syncAll();
        member.answerReads();
        while (this.#apply(one));
        this.#look(one);
      }
    }
  }

  /** What some remaining member has applied and another one has not, although nothing that it depends on was lost with a disk. */
  get missing(): readonly string[] {
    const remaining = names.filter((name) => !this.#removed.has(name));
    const applied = new Map(remaining.map((name) => [name, new Set(this.#state(name).applied)]));
    const all = new Set([...applied.values()].flatMap((dots) => [...dots]));
    const isWhole = (dot: string): boolean => {
      const [log = '', seq = ''] = dot.split(':');
      const before = Array.from({ length: Number(seq) - 1 }, (_, index) => `${log}:${index + 1}`);
      return [...before, ...(this.#pasts.get(dot) ?? [])].every((cause) => all.has(cause));
    };
    return [...all].flatMap((dot) => {
      const without = remaining.filter((name) => applied.get(name)?.has(dot) !== true);
      return isWhole(dot) ? without.map((name) => `${dot} at ${name}`) : [];
    });
  }

  #broadcast({ member, applied, incarnation }: State, name: Name): void {
    try {
      const past = new Set<string>();
      for (const dot of applied) {
        past.add(dot);
        for (const before of this.#pasts.get(dot) ?? []) past.add(before);
      }
      const seq = member.broadcast('m');
      this.#pasts.set(`${name}.${incarnation}:${seq}`, past);
    } catch (error) {
      if (!(error instanceof AntecedentError)) throw error;
      expect(['E_CATCHING_UP', 'E_REMOVED', 'E_ROLLED_BACK']).toContain(error.code);
    }
  }

  #apply(name: Name): boolean {
    const state = this.#state(name);
    const { member, applied, stable } = state;
    const delivery = member.replica.takeDelivery();
    if (delivery !== undefined) {
      const { origin, incarnation, seq, position } = delivery;
      const dot = `${origin}.${incarnation}:${seq}`;
      const past = this.#pasts.get(dot) ?? new Set();
      for (const known of stable) {
        // A removed member hears nothing any more, and is told nothing.
        if (past.has(known) || isSameLog(known, dot) || this.#removed.has(name)) continue;
        throw new Error(`${dot} is delivered at ${name}, concurrent with ${known}, which was stable`);
      }
      applied.push(dot);
      (this.#appliers.get(dot) ?? this.#newAppliers(dot)).add(name);
      member.replica.handleApplied(position);
    }
    member.step();
    return delivery !== undefined;
  }

  #newAppliers(dot: string): Set<Name> {
    const appliers = new Set<Name>();
    this.#appliers.set(dot, appliers);
    return appliers;
  }

  /** Looks at what was called stable since. */
  #look(name: Name): void {
    const state = this.#state(name);
    const { member, stable } = state;
    for (const event of member.events.slice(state.eventsSeen)) {
      if (event.type !== 'stable') continue;
      const before = stable.size;
      for (const dot of this.#dotsIn(event.clock)) {
        stable.add(dot);
        for (const each of names) {
          if (this.#removed.has(each) || this.#removed.has(name)) continue;
          expect(this.#appliers.get(dot)?.has(each), `${each} has applied ${dot}, stable at ${name}`).toBe(true);
        }
      }
      expect(stable.size, 'stable only grows').toBeGreaterThan(before);
      this.stableCount++;
    }
    state.eventsSeen = member.events.length;
  }

  #dotsIn(clock: VectorClock): string[] {
    return [...clock].flatMap(([key, seq]) => {
      const [origin, incarnation = '1'] = key.split('~');
      return Array.from({ length: seq }, (_, index) => `${origin}.${incarnation}:${index + 1}`);
    });
  }

  #restart(name: Name, isWiped: boolean): void {
    if (this.#removed.has(name)) return;
    const state = this.#state(name);
    for (const other of names) this.#cut(name, other);
    if (!isWiped) {
      state.member.syncAll();
      const { incarnation, stable } = state;
      this.#start(name, state.member.journal, state.applied, incarnation);
      // The application goes on, and has dropped what it could.
      for (const dot of stable) this.#state(name).stable.add(dot);
      return;
    }
    this.#start(name, [], [], state.incarnation + 1);
    // Who has forgotten that somebody was removed would take more from it.
    for (const removed of this.#removed) for (const other of names) this.#cut(removed, other);
    this.#isRemovedGone = this.#removed.size > 0;
  }

  #remove(by: Name, name: Name): void {
    this.#removed.add(name);
    try {
      this.#state(by).member.replica.removeMember(this.#state(name).member.name);
      this.#state(by).member.step();
    } catch (error) {
      this.#removed.delete(name);
      if (!(error instanceof AntecedentError)) throw error;
    }
  }

  #connect(one: Name, other: Name): void {
    if (one === other || this.#links.has(pairOf(one, other))) return;
    if (this.#isRemovedGone && (this.#removed.has(one) || this.#removed.has(other))) return;
    const link = this.#nextLink++;
    this.#links.set(pairOf(one, other), link);
    connect(this.#state(one).member, this.#state(other).member, link);
    this.#cutIfClosed(one, other);
  }

  #cut(one: Name, other: Name): void {
    const link = this.#links.get(pairOf(one, other));
    if (link === undefined) return;
    this.#links.delete(pairOf(one, other));
    for (const name of [one, other]) {
      const { member } = this.#state(name);
      member.replica.handleLinkClosed(link, 'cut', this.#nowMs);
      member.step();
    }
  }

  #exchange(one: Name, other: Name): void {
    const link = this.#links.get(pairOf(one, other));
    if (link === undefined) return;
    exchange(this.#state(one).member, this.#state(other).member, link);
    this.#cutIfClosed(one, other);
  }

  #cutIfClosed(one: Name, other: Name): void {
    const link = this.#links.get(pairOf(one, other)) ?? 0;
    if (this.#state(one).member.isClosed(link) || this.#state(other).member.isClosed(link)) this.#cut(one, other);
  }

  #state(name: Name): State {
    const state = this.#states.get(name);
    if (state === undefined) throw new Error(`no member ${name}`);
    return state;
  }
}

function pairOf(one: string, other: string): string {
  return [one, other].toSorted().join('');
}

function isSameLog(one: string, other: string): boolean {
  return one.split(':')[0] === other.split(':')[0];
}

describe('what is stable stays alone', () => {
  let stableCount = 0;

  // The last ones have once been counterexamples.
  test.each([...Array.from({ length: 15 }, (_, index) => index + 1), 49, 200, 391, 430, 483])('seed %i', (seed) => {
    const histories = new Histories(seed);
    for (let step = 0; step < stepsPerSeed; step++) histories.step();
    histories.comeToRest();
    stableCount += histories.stableCount;
    expect(histories.missing).toEqual([]);
  });

  test('and much of it was', () => {
    expect(stableCount).toBeGreaterThan(30);
  });
});
