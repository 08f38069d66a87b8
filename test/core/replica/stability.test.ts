/** Rows that count and rows that wait: one claim each. Random histories are in stability-fuzz. */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { viewBytes, type AdvertFrame, type AdvertRow } from '../../../core/message/frame.js';
import { OriginTable } from '../../../core/replica/origin-table.js';
import { Stability } from '../../../core/replica/stability.js';

const [a, b, c] = [nodeName('a'), nodeName('b'), nodeName('c')];
const view = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1);
const otherView = new Uint8Array(viewBytes);

/** We are a, and know b and c. Logs are numbered in that order. */
class Looking {
  readonly stability;
  readonly #origins = new OriginTable([a, b, c]);
  members = [b, c];
  ownSeq = 0;
  view = view;
  closedLogs: number[] = [];
  /** What we have applied, and what we have received, by log. */
  applied: number[] = [0, 0, 0];
  received: number[] = [0, 0, 0];
  #version = 0;

  constructor() {
    for (const name of [a, b, c]) this.#origins.resolve(name, 1);
    this.stability = new Stability(this.#origins);
  }

  /** `member` has applied so much of the three logs, and synced at least as much. */
  say(
    member: typeof a,
    applied: readonly number[],
    options: {
      readonly ownSeq?: number;
      readonly view?: Uint8Array;
      readonly durable?: readonly number[];
      readonly since?: number;
    } = {},
  ): void {
    const own = [a, b, c].indexOf(member);
    const rows: AdvertRow[] = applied.map((appliedSeq, origin) => ({
      origin: [a, b, c][origin] ?? a,
      incarnation: 1,
      durableSeq: options.durable?.[origin] ?? appliedSeq,
      appliedSeq,
    }));
    const advert: AdvertFrame = {
      type: 'advert',
      since: options.since ?? 0,
      version: ++this.#version,
      view: options.view ?? view,
      ownSeq: options.ownSeq ?? applied[own] ?? 0,
      rows,
    };
    this.stability.handleAdvert(member, own, advert);
  }

  /** What is stable now, by log. */
  look(): readonly number[] {
    this.stability.advance({
      ...{ name: a, own: 0, ownSeq: this.ownSeq, view: this.view, members: this.members, closedLogs: this.closedLogs },
      appliedSeq: (origin) => this.applied[origin] ?? 0,
      receivedSeq: (origin) => Math.max(this.received[origin] ?? 0, this.applied[origin] ?? 0),
    });
    return [0, 1, 2].map((origin) => this.stability.stableSeq(origin));
  }
}

describe('a message is stable', () => {
  test('once every member has said that it has applied it, and not before', () => {
    const at = new Looking();
    at.applied = [3, 2, 1];
    at.ownSeq = 3;
    expect(at.look()).toEqual([0, 0, 0]);
    at.say(b, [2, 2, 1]);
    expect(at.look()).toEqual([0, 0, 0]);
    at.say(c, [3, 1, 1]);
    expect(at.look()).toEqual([2, 1, 1]);
  });

  test('not while an own message of ours waits that may be concurrent with it', () => {
    const at = new Looking();
    at.applied = [3, 2, 1];
    at.ownSeq = 4;
    at.say(b, [2, 2, 1]);
    at.say(c, [3, 1, 1]);
    expect(at.look()).toEqual([0, 0, 0]);
    at.applied = [4, 2, 1];
    expect(at.look()).toEqual([2, 1, 1]);
  });

  test('not while messages of a member are on their way that it had broadcast before it applied it', () => {
    const at = new Looking();
    at.applied = [1, 1, 1];
    at.ownSeq = 1;
    at.say(b, [1, 1, 1]);
    at.say(c, [1, 1, 1], { ownSeq: 2 });
    expect(at.look()).toEqual([0, 0, 0]);
    at.applied = [1, 1, 2];
    expect(at.look()).toEqual([1, 1, 1]);
  });

  test('for as long as we know: what a row says later, which is less, takes nothing back', () => {
    const at = new Looking();
    at.applied = [2, 2, 2];
    at.ownSeq = 2;
    at.say(b, [2, 2, 2]);
    at.say(c, [2, 2, 2]);
    expect(at.look()).toEqual([2, 2, 2]);
    at.say(c, [1, 1, 1], { ownSeq: 2 });
    expect(at.look()).toEqual([2, 2, 2]);
    at.stability.forget(c);
    expect(at.look()).toEqual([2, 2, 2]);
  });
});

test('under steady load a row that waits is not pushed aside by newer ones', () => {
  const at = new Looking();
  at.members = [b];
  let stable = 0;
  for (let seq = 1; seq <= 50; seq++) {
    // Whenever b speaks it has broadcast more than we have applied, and so have we.
    at.ownSeq = seq + 2;
    at.say(b, [seq - 1, seq, 0], { ownSeq: seq + 2 });
    at.applied = [seq, seq, 0];
    stable = at.look()[0] ?? 0;
  }
  expect(stable).toBeGreaterThan(40);
});

test('a row of a member that knows other members does not count, and one under the present view takes its place', () => {
  const at = new Looking();
  at.members = [b];
  at.applied = [2, 2, 0];
  at.ownSeq = 2;
  at.say(b, [1, 1, 0], { view: otherView, ownSeq: 9 });
  expect(at.look()).toEqual([0, 0, 0]);
  at.say(b, [2, 1, 0]);
  expect(at.look()).toEqual([2, 1, 0]);
  at.view = otherView;
  at.say(b, [2, 2, 0]);
  expect(at.look()).toEqual([2, 1, 0]);
});

describe('with a log that nobody writes any more', () => {
  test('a row waits until we have applied all that its maker held of it', () => {
    const at = new Looking();
    at.members = [b];
    at.closedLogs = [2];
    at.applied = [1, 1, 3];
    at.ownSeq = 1;
    at.say(b, [1, 1, 2], { durable: [1, 1, 5] });
    expect(at.look()).toEqual([0, 0, 0]);
    at.applied = [1, 1, 5];
    expect(at.look()).toEqual([1, 1, 2]);
  });

  test('our own row waits until we have applied all that we have of it, synced or not', () => {
    const at = new Looking();
    at.members = [b];
    at.closedLogs = [2];
    at.applied = [1, 1, 2];
    at.received = [1, 1, 4];
    at.ownSeq = 1;
    at.say(b, [1, 1, 2]);
    expect(at.look()).toEqual([0, 0, 0]);
    at.applied = [1, 1, 4];
    expect(at.look()).toEqual([1, 1, 2]);
  });
});

test('a member that is none any more is not waited for', () => {
  const at = new Looking();
  at.applied = [1, 1, 0];
  at.ownSeq = 1;
  at.say(b, [1, 1, 0]);
  expect(at.look()).toEqual([0, 0, 0]);
  at.members = [b];
  expect(at.look()).toEqual([1, 1, 0]);
});

test('a member that comes back as a new incarnation says anew what it has', () => {
  const at = new Looking();
  at.members = [b];
  at.applied = [2, 1, 0];
  at.ownSeq = 2;
  at.say(b, [2, 1, 0]);
  at.view = otherView;
  expect(at.look()).toEqual([0, 0, 0]);
  at.stability.handleAdvert(b, 2, { type: 'advert', since: 7, version: 8, view: otherView, ownSeq: 0, rows: [] });
  expect(at.look(), 'a row of another log builds on nothing').toEqual([0, 0, 0]);
  expect(at.stability.syncedSeqs(b)).toEqual([]);
});

test('an advert adds to the one before, and a whole one replaces it', () => {
  const at = new Looking();
  at.say(b, [3, 3, 3]);
  at.stability.handleAdvert(b, 1, {
    ...{ type: 'advert', since: 1, version: 2, view, ownSeq: 4 },
    rows: [{ origin: b, incarnation: 1, durableSeq: 4, appliedSeq: 4 }],
  });
  expect(at.stability.syncedSeqs(b)).toEqual([3, 4, 3]);
  at.say(b, [1]);
  expect(at.stability.syncedSeqs(b)).toEqual([1]);
});
