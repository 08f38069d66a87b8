/**
 * Scenarios: what may happen to a cluster, with what is left to chance open. A seed makes a plan of it.
 *
 * A scenario is a value that a file exports:
 *
 *   export default scenario('partition-heal', {
 *     about: 'Two halves go on writing through a partition, then heal.',
 *     nodes: 5,
 *     workload: mailboxes({ perSecond: 10, for: seconds(3) }),
 *     faults: [at(seconds(1), partition('halves', { for: seconds(1) })), at(seconds(2), crash('any'))],
 *   });
 *
 * With `vary` in place of the rest, the whole body is drawn from the seed, as the swarm does.
 */
import {
  AntecedentError,
  nodeName,
  unknownName,
  type Limits,
  type NodeName,
  type NodeOptions,
  type Timings,
} from '../core/index.js';
import type { RandomStream } from '../transport-sim/index.js';
import type { Milliseconds } from './duration.js';
import { goalNames, type Goal } from './goals.js';
import type { ApplicationMode, DiskSettings, LinkSettings } from './plan.js';
import type { ScheduledFault } from './schedule.js';
import type { Workload } from './workloads/workload.js';

/** Most members of a cluster. */
const nodesMax = 256;

export interface ScenarioBody {
  /** How many (they are called a, b, c, ...), or their names. */
  readonly nodes: number | readonly string[];
  /** Further nodes that are no members at the start: they are started when somebody has added them. */
  readonly joiners?: readonly string[];
  readonly workload: Workload;
  readonly faults?: readonly ScheduledFault[];
  /** What differs from the usual world: links of 1 to 5 ms without faults, disks that sync in 0.5 to 2 ms. */
  readonly link?: Partial<LinkSettings>;
  readonly disk?: Partial<DiskSettings>;
  /** What differs from the core's defaults. */
  readonly limits?: Partial<Limits>;
  readonly timings?: Partial<Timings>;
  /** How applications work: all alike, or chosen for each node. Every application stores its position when absent. */
  readonly application?: ApplicationMode | ((random: RandomStream, node: NodeName) => ApplicationMode);
  /** Starts nodes again that stop by themselves; without it they are down until the faults end. */
  readonly supervisor?: { readonly restartAfterMs: Milliseconds };
  /** How long journals wait for members that are away; when absent, they wait and raise an alarm. */
  readonly retention?: NonNullable<NodeOptions['retention']>;
  readonly expect?: {
    /** Time after the end of the faults in which everything must be delivered everywhere; a minute when absent. */
    readonly convergeWithin?: Milliseconds;
    /** Budgets: what the whole run may cost, and how slow it may be, at most. See `RunMetrics`. */
    readonly messagesPerBroadcast?: number;
    readonly bytesPerBroadcast?: number;
    readonly deliveryP99?: Milliseconds;
    readonly diskBytesMax?: number;
  };
}

/** A stream of the seed for one concern, so that drawing more for one does not shift another. */
export type Streams = (concern: string) => RandomStream;

interface Description {
  /** One sentence for people. */
  readonly about: string;
  /**
   * What a scenario exists for: rare moments that its runs must come to now and then. A sweep that has made a hundred runs of it
   * or more, none of which came there, fails.
   */
  readonly goals?: readonly Goal[];
}

export type ScenarioDefinition =
  (Description & ScenarioBody) | (Description & { readonly vary: (streams: Streams) => ScenarioBody });

export interface Scenario extends Description {
  readonly name: string;
  /** What it is for one seed. */
  readonly body: (streams: Streams) => ScenarioBody;
  /** The file that it was loaded from, see `loadScenarios`; absent for one of the catalogue, or of a running program. */
  readonly file?: string;
}

/** Throws `E_CONFIG` for a name that is not of a-z 0-9 and `-`, and for a goal that there is not. */
export function scenario(name: string, definition: ScenarioDefinition): Scenario {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new AntecedentError('E_CONFIG', `${JSON.stringify(name)} is no scenario name; use a-z, 0-9 and "-"`);
  }
  const { about, goals } = definition;
  const stranger = goals?.find((goal) => !goalNames.includes(goal));
  if (stranger !== undefined) {
    throw new AntecedentError('E_CONFIG', `${name}: ${unknownName('goal', stranger, goalNames)}`);
  }
  const described = { name, about, ...(goals === undefined ? {} : { goals }) };
  return { ...described, body: 'vary' in definition ? definition.vary : (): ScenarioBody => definition };
}

/** True for what `scenario` made, also in another copy of this module. */
export function isScenario(value: unknown): value is Scenario {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'name' in value &&
    'about' in value &&
    'body' in value &&
    typeof value.name === 'string' &&
    typeof value.body === 'function'
  );
}

/** The names of a scenario's nodes: a, b, c, ..., or n001, n002, ... when there are more than letters. */
export function namesOfNodes(nodes: number | readonly string[]): readonly NodeName[] {
  const count = typeof nodes === 'number' ? nodes : nodes.length;
  if (!Number.isSafeInteger(count) || count < 1 || count > nodesMax) {
    throw new AntecedentError(
      'E_CONFIG',
      `a scenario with ${count} nodes; it needs a whole number from 1 to ${nodesMax}`,
    );
  }
  if (typeof nodes !== 'number') {
    const names = nodes.map((name) => nodeName(name));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      throw new AntecedentError('E_CONFIG', `a scenario names the node ${twice} twice; remove one`);
    }
    return names;
  }
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  return Array.from({ length: count }, (_, index) =>
    nodeName(count <= letters.length ? letters.charAt(index) : `n${String(index + 1).padStart(3, '0')}`),
  );
}
