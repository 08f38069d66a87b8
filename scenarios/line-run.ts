/**
 * The lines of a file, broadcast under faults: does every node get every line exactly once?
 *
 * The comparison knows nothing of dots or causes. It counts payloads as a person would, with sort and SHA-256: what
 * `LC_ALL=C sort FILE | sha256sum` prints is what every node must come to.
 */
import { createHash } from 'node:crypto';
import { quickTimings } from './catalogue/timings.js';
import { ms, seconds } from './duration.js';
import { crash, cut, partition, powerLoss } from './faults.js';
import { makePlan } from './make-plan.js';
import type { HistoryEvent } from './history.js';
import type { Plan } from './plan.js';
import { namesOfNodes, scenario, type Scenario } from './scenario.js';
import { at, randomly } from './schedule.js';
import { lines, splitLines } from './workloads/lines.js';

/** Lines a second that every node is asked to broadcast, at most: a client waits for a disk sync at each. */
const perSecondAndNodeMax = 200;
/** A short file is spread over this time, so that it meets the faults. */
const spreadSeconds = 2;

const whileWriting = { from: ms(200), until: seconds(2) };

/** A bit of everything, for those who name no scenario. */
export const linesUnderFaults: Scenario = scenario('lines', {
  about: 'Lines are broadcast through losses, a partition, crashes and a loss of power.',
  nodes: 5,
  workload: lines({ lines: [], perSecond: 1 }),
  link: { loss: 0.02, duplication: 0.02, reordering: 0.02 },
  faults: [
    at(ms(500), partition('halves', { for: ms(800) })),
    at(ms(1500), powerLoss('any', { for: ms(200) })),
    randomly(1, crash('any', { for: ms(100) }), whileWriting),
    randomly(1, cut('any'), whileWriting),
  ],
  timings: quickTimings,
});

export interface LineComparison {
  readonly lines: number;
  /** Of the sorted lines, each with a newline. */
  readonly sha256: string;
  readonly nodes: readonly NodeLines[];
}

export interface NodeLines {
  readonly node: string;
  readonly lines: number;
  readonly sha256: string;
  readonly isEqual: boolean;
}

/** The plan of `base` for `seed`, with the lines of `text` in place of its workload. Throws `E_CONFIG`. */
export function planLines(base: Scenario, seed: string, text: Uint8Array): Plan {
  const all = splitLines(text);
  const planned = scenario(base.name, {
    about: base.about,
    vary: (streams) => {
      const body = base.body(streams);
      const nodes = namesOfNodes(body.nodes).length;
      const perSecond = Math.min(Math.max(1, all.length / spreadSeconds), perSecondAndNodeMax * nodes);
      // The text may be of any length, so the time that the scenario's own workload is given says nothing.
      return { ...body, workload: lines({ lines: all, perSecond }), expect: {} };
    },
  });
  return makePlan(planned, seed);
}

/** What every node was given, against the lines of `text`. */
export function compareLines(
  text: Uint8Array,
  nodes: readonly string[],
  history: readonly HistoryEvent[],
): LineComparison {
  const given = new Map<string, Uint8Array[]>(nodes.map((node) => [node, []]));
  for (const event of history) {
    // What is given again after a crash has the position it had before, and counts once.
    if (event.type === 'deliver') given.get(event.node)?.splice(event.position - 1, 1, event.payload);
    if (event.type === 'joined' && event.state !== undefined && given.has(event.node)) {
      const { node, position } = event.state;
      given.set(event.node, given.get(node)?.slice(0, position) ?? []);
    }
  }
  const wanted = splitLines(text);
  const sha256 = digestOf(wanted);
  return {
    lines: wanted.length,
    sha256,
    nodes: [...given].map(([node, payloads]) => {
      const digest = digestOf(payloads);
      return { node, lines: payloads.length, sha256: digest, isEqual: digest === sha256 };
    }),
  };
}

function digestOf(all: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const line of [...all].sort(compareBytes)) hash.update(line).update('\n');
  return hash.digest('hex');
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
