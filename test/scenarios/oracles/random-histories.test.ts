/**
 * The oracles against a naive causal broadcast that shares nothing with them: it keeps, for every message, the plain set
 * of everything that happened before it, and delivers any message whose set is contained in what a node has.
 *
 * Correct histories never raise an alarm. A history with one fault planted raises one exactly when the fault matters,
 * as the plain sets say.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeName, type NodeName } from '../../../core/index.js';
import type { HistoryEvent } from '../../../scenarios/history.js';
import { Judge } from '../../../scenarios/oracles/judge.js';
import type { Violation } from '../../../scenarios/oracles/violation.js';
import { bytes, dot } from './history-builder.js';

const nodes: readonly NodeName[] = ['a', 'b', 'c', 'd'].map(nodeName);
const newcomer = nodeName('e');
type Deliver = Extract<HistoryEvent, { type: 'deliver' }>;
type Stable = Extract<HistoryEvent, { type: 'stable' }>;

/** What one node was seen to do, as the model sees it. */
interface ModelNode {
  readonly name: NodeName;
  readonly given: string[];
  own: number;
  /** Up to here nothing may come again: the application held one more when a broadcast was accepted. */
  marked: number;
}

interface Execution {
  readonly events: readonly HistoryEvent[];
  /** Everything that happened before each message. */
  readonly before: ReadonlyMap<string, ReadonlySet<string>>;
  /** The members at the end. */
  readonly members: readonly NodeName[];
}

/** A choice is (who, what, which): read modulo what is possible, so every list of numbers is an execution. */
const choices = fc.array(fc.tuple(fc.nat(3), fc.nat(9), fc.nat(1000)), { minLength: 5, maxLength: 60 });

/** With `changes` one node joins in the middle, with the state of another, and one is removed in the end. */
function execute(steps: readonly (readonly [number, number, number])[], changes = false): Execution {
  const events: HistoryEvent[] = [];
  const before = new Map<string, ReadonlySet<string>>();
  const cluster: ModelNode[] = nodes.map((name) => ({ name, given: [], own: 0, marked: 0 }));
  for (const { name } of cluster) events.push({ type: 'start', atMs: 0, node: name, position: 0 });

  const broadcast = (node: ModelNode): void => {
    const past = new Set(node.given);
    for (let seq = 1; seq <= node.own; seq++) past.add(`${node.name}:${seq}`);
    for (const message of [...past]) for (const cause of before.get(message) ?? []) past.add(cause);
    node.own += 1;
    const text = `${node.name}:${node.own}`;
    before.set(text, past);
    events.push({ type: 'broadcast', atMs: events.length, node: node.name, dot: dot(text), payload: bytes(text) });
    events.push({ type: 'accepted', atMs: events.length, node: node.name, dot: dot(text) });
    node.marked = Math.max(0, node.given.length - 1);
  };
  const give = (node: ModelNode, text: string): void => {
    node.given.push(text);
    const stateDigest = digest(node.given);
    const event = { node: node.name, dot: dot(text), position: node.given.length, payload: bytes(text), stateDigest };
    events.push({ type: 'deliver', atMs: events.length, ...event });
  };
  const deliverable = (node: ModelNode): string[] =>
    [...before].flatMap(([text, past]) =>
      !node.given.includes(text) && [...past].every((cause) => node.given.includes(cause)) ? [text] : [],
    );
  /** The application kept its state. Where the node keeps the mark, the last messages may come again, some a little late. */
  const restart = (node: ModelNode, which: number): void => {
    const stored = which % 2 === 0 ? node.given.length : undefined;
    events.push({ type: 'crash', atMs: events.length, node: node.name });
    events.push({ type: 'start', atMs: events.length, node: node.name, position: stored });
    const from = stored ?? node.marked + (which % (node.given.length - node.marked + 1));
    if (which % 3 === 0) broadcast(node);
    node.given.forEach((text, index) => {
      if (index < from) return;
      const event = { node: node.name, dot: dot(text), position: index + 1, payload: bytes(text) };
      events.push({ type: 'deliver', atMs: events.length, ...event });
    });
  };

  /** The longest part of each log that all have been given, and that all will have been given who are still to be heard. */
  const claim = (node: ModelNode): void => {
    const unheard = [...before].flatMap(([text, past]) => (node.given.includes(text) ? [] : [past]));
    const isStable = (text: string): boolean =>
      cluster.every(({ given }) => given.includes(text)) && unheard.every((past) => past.has(text));
    const clock = cluster.map(({ name, own }) => {
      const seqs = Array.from({ length: own }, (_, index) => index + 1);
      const firstOther = seqs.find((seq) => !isStable(`${name}:${seq}`));
      return [name, firstOther === undefined ? own : firstOther - 1] as const;
    });
    const said = clock.filter(([, seq]) => seq > 0);
    events.push({ type: 'stable', atMs: events.length, node: node.name, clock: said });
  };
  const join = (donor: ModelNode): void => {
    const state = { node: donor.name, position: donor.given.length };
    events.push({ type: 'joined', atMs: events.length, node: newcomer, state, stateDigest: digest(donor.given) });
    events.push({ type: 'start', atMs: events.length, node: newcomer, position: donor.given.length });
    cluster.push({ name: newcomer, given: [...donor.given], own: 0, marked: donor.given.length });
  };

  for (const [step, [who, what, which]] of steps.entries()) {
    const node = cluster[who === 3 ? cluster.length - 1 : who];
    if (node === undefined) continue;
    if (changes && step === Math.floor(steps.length / 2)) join(node);
    const ready = deliverable(node);
    const text = ready[which % Math.max(1, ready.length)];
    if (what < 3) broadcast(node);
    else if (what === 8) claim(node);
    else if (what === 9) restart(node, which);
    else if (text !== undefined) give(node, text);
  }
  if (changes) {
    const [leaving] = cluster.splice(1, 1);
    if (leaving !== undefined) events.push({ type: 'removed', atMs: events.length, node: leaving.name });
  }
  for (const node of cluster) {
    for (let ready = deliverable(node); ready.length > 0; ready = deliverable(node)) give(node, ready[0] ?? '');
  }
  return { events, before, members: cluster.map(({ name }) => name) };
}

/** Equal for equal sets, whatever the order. */
function digest(given: readonly string[]): number {
  return given.reduce((sum, text) => sum + (text.charCodeAt(0) * 1009 + Number(text.slice(2))) ** 2, 0);
}

function judge(events: readonly HistoryEvent[], members: readonly NodeName[] = nodes): Violation | undefined {
  const judged = new Judge({ nodes });
  for (const event of events) judged.observe(event);
  return judged.finish({ atMs: events.length, live: members, busy: false });
}

interface Broken {
  readonly events: readonly HistoryEvent[];
  /** The delivery that was chosen, and the one that followed it at the same node. */
  readonly at: Deliver;
  readonly next: Deliver | undefined;
}

/**
 * Plants a fault at one delivery, chosen among those of each node's last life that are not repeated from an earlier one.
 * `change` gets that delivery and all later ones of the node, one per slot, and says what happens in each slot instead.
 */
function mutate(
  { events: all }: Execution,
  pick: number,
  change: (own: readonly Deliver[]) => readonly (readonly Deliver[])[],
): Broken | undefined {
  // What nodes call stable would be wrong as well, and be noticed first.
  const events = all.filter(({ type }) => type !== 'stable');
  const latest = new Map<string, { start: number; position: number }>();
  const fresh: number[] = [];
  for (const [i, event] of events.entries()) {
    const last = latest.get(event.node) ?? { start: 0, position: 0 };
    latest.set(event.node, last);
    if (event.type === 'start') last.start = i;
    if (event.type !== 'deliver' || event.position <= last.position) continue;
    last.position = event.position;
    fresh.push(i);
  }
  const candidates = fresh.filter((i) => i > (latest.get(events[i]?.node ?? '')?.start ?? 0));
  const index = candidates[pick % Math.max(1, candidates.length)] ?? -1;
  const at = events[index];
  if (at?.type !== 'deliver') return undefined;

  const own = events.slice(index).filter((event) => event.type === 'deliver' && event.node === at.node);
  const slots = change(own as Deliver[]).values();
  let { position } = at;
  const changed = events.flatMap((event, i): HistoryEvent[] => {
    if (i < index || event.type !== 'deliver' || event.node !== at.node) return [event];
    return (slots.next().value ?? []).map((delivery) => ({ ...delivery, position: position++ }));
  });
  return { events: changed, at, next: own[1] as Deliver | undefined };
}

/** Digests belong to the sets they were taken of; mutations of the order make them meaningless. */
function withoutDigest({ stateDigest: _, ...event }: Deliver): Deliver {
  return event;
}

const textOf = ({ dot: { origin, seq } }: Pick<Deliver, 'dot'>): string => `${origin}:${seq}`;

test('a correct history never raises an alarm', () => {
  fc.assert(
    fc.property(choices, (steps) => {
      expect(judge(execute(steps).events)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('neither does one in which a node joins and another one is removed', () => {
  fc.assert(
    fc.property(choices, (steps) => {
      const { events, members } = execute(steps, true);
      expect(judge(events, members)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('a clock that is called stable and counts one message too many is noticed, at the latest when what it misses comes', () => {
  fc.assert(
    fc.property(choices, fc.nat(), fc.nat(3), (steps, pick, whose) => {
      const { events } = execute(steps);
      const claims = events.filter((event): event is Stable => event.type === 'stable');
      const claimed = claims[pick % Math.max(1, claims.length)];
      fc.pre(claimed !== undefined);
      const clock = new Map(claimed.clock);
      const origin = nodes[whose] ?? '';
      clock.set(origin, (clock.get(origin) ?? 0) + 1);
      const changed = events.map((event) => (event === claimed ? { ...claimed, clock } : event));
      expect(judge(changed)?.property).toBe('stability');
    }),
    { numRuns: 300 },
  );
});

test('as long as there is no alarm, what each node was given of each log is a prefix of it, with its bytes', () => {
  let passed = 0;
  const anything = fc.array(fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.boolean()), { maxLength: 8 });
  fc.assert(
    fc.property(anything, (steps) => {
      const events: HistoryEvent[] = nodes.map((node) => ({ type: 'start', atMs: 0, node, position: 0 }));
      const logs = new Map<string, string[]>(nodes.map((name) => [name, []]));
      const given = new Map<string, string[]>();
      for (const [who, whose, which, isBroadcast] of steps) {
        const node = nodes[who] ?? newcomer;
        const origin = isBroadcast ? node : (nodes[whose] ?? newcomer);
        const log = logs.get(origin) ?? [];
        const seq = isBroadcast ? log.length + 1 : which + 1;
        const at = {
          atMs: events.length,
          node,
          dot: { origin, incarnation: 1, seq },
          payload: bytes(`${origin}:${seq}`),
        };
        if (isBroadcast) {
          log.push(`${origin}:${seq}`);
          events.push({ type: 'broadcast', ...at });
        } else {
          const all = given.get(node) ?? [];
          given.set(node, [...all, `${origin}:${seq}`]);
          events.push({ type: 'deliver', ...at, position: all.length + 1 });
        }
      }
      const judged = new Judge({ nodes });
      if (events.some((event) => judged.observe(event) !== undefined)) return;
      passed += 1;
      for (const all of given.values()) {
        for (const [origin, log] of logs) {
          const own = all.filter((text) => text.startsWith(origin));
          expect(own).toEqual(log.slice(0, own.length));
        }
      }
    }),
    { numRuns: 1000 },
  );
  expect(passed).toBeGreaterThan(100);
});

test('a message that a node never gets is noticed, at the latest at the end', () => {
  fc.assert(
    fc.property(choices, fc.nat(), (steps, pick) => {
      const broken = mutate(execute(steps), pick, ([, ...rest]) => [
        [],
        ...rest.map((event) => [withoutDigest(event)]),
      ]);
      fc.pre(broken !== undefined);
      expect(['causal-order', 'convergence']).toContain(judge(broken.events)?.property);
    }),
    { numRuns: 200 },
  );
});

test('a message that a node gets twice is noticed', () => {
  fc.assert(
    fc.property(choices, fc.nat(), fc.nat(), (steps, pick, later) => {
      const broken = mutate(execute(steps), pick, (own) =>
        own.map((event, slot) => {
          const again = slot === later % own.length ? own.slice(0, 1) : [];
          return [event, ...again].map(withoutDigest);
        }),
      );
      fc.pre(broken !== undefined);
      expect(judge(broken.events)?.property).toBe('no-duplication');
    }),
    { numRuns: 200 },
  );
});

test('two neighbours that change places are noticed exactly when the first caused the second', () => {
  let harmless = 0;
  let harmful = 0;
  fc.assert(
    fc.property(choices, fc.nat(), (steps, pick) => {
      const execution = execute(steps);
      const broken = mutate(execution, pick, ([first, second, ...rest]) =>
        [second, first, ...rest].flatMap((event) => (event === undefined ? [] : [[withoutDigest(event)]])),
      );
      fc.pre(broken?.next !== undefined);
      const between = execution.events.slice(
        execution.events.indexOf(broken.at),
        execution.events.indexOf(broken.next),
      );
      // A broadcast of the node between the two would come to have other causes; one of the other's must come first.
      const { node } = broken.at;
      const later = textOf(broken.next);
      fc.pre(!between.some((event) => event.type === 'broadcast' && (event.node === node || textOf(event) === later)));
      const isCause = execution.before.get(textOf(broken.next))?.has(textOf(broken.at)) === true;
      if (isCause) harmful += 1;
      else harmless += 1;
      expect(judge(broken.events)?.property).toBe(isCause ? 'causal-order' : undefined);
    }),
    { numRuns: 300 },
  );
  expect(Math.min(harmless, harmful)).toBeGreaterThan(0);
});

test('a byte that changes on the way is noticed', () => {
  fc.assert(
    fc.property(choices, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (steps, pick, where, mask) => {
      const broken = mutate(execute(steps), pick, ([first, ...rest]) => {
        if (first === undefined) return [];
        const payload = first.payload.slice();
        const at = where % payload.length;
        payload[at] = (payload[at] ?? 0) ^ mask;
        return [[{ ...first, payload }], ...rest.map((event) => [event])];
      });
      fc.pre(broken !== undefined);
      expect(judge(broken.events)?.property).toBe('integrity');
    }),
    { numRuns: 200 },
  );
});

test('a state that differs is noticed exactly when another node, earlier or later, holds the same set', () => {
  fc.assert(
    fc.property(choices, fc.nat(), (steps, pick) => {
      const execution = execute(steps);
      const broken = mutate(execution, pick, ([first, ...rest]) =>
        first === undefined ? [] : [[{ ...first, stateDigest: -1 }], ...rest.map((event) => [event])],
      );
      fc.pre(broken !== undefined);
      expect(judge(broken.events)?.property).toBe(
        timesHeld(execution, broken.at) > 1 ? 'state-convergence' : undefined,
      );
    }),
    { numRuns: 200 },
  );
});

/** How often, in the whole history, a node holds exactly what the node of `at` holds right after it. */
function timesHeld(execution: Execution, at: Deliver): number {
  const held = new Map<string, string[]>();
  const sets = execution.events.flatMap((event) => {
    if (event.type !== 'deliver' || event.stateDigest === undefined) return [];
    const given = [...(held.get(event.node) ?? []), textOf(event)];
    held.set(event.node, given);
    return [{ event, key: given.toSorted().join(' ') }];
  });
  const key = sets.find(({ event }) => event === at)?.key;
  return sets.filter((set) => set.key === key).length;
}
