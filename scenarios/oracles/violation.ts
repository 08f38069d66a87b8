/**
 * Properties, and what it means to break one.
 *
 * A violation names one property, the nodes and the messages involved, in one sentence a person can check against the
 * history. Safety violations are final at the event that shows them; liveness violations exist only at the end of a run.
 */

/** What a run is judged by. The names are stable: failure signatures and reports are built from them. */
export type Property =
  | 'causal-order'
  | 'no-creation'
  | 'no-duplication'
  | 'integrity'
  | 'durability'
  | 'convergence'
  | 'state-convergence'
  | 'livelock'
  | 'deadlock'
  | 'position-order'
  | 'no-unexpected-stop'
  | 'durable-copies'
  | 'stability'
  | 'retention'
  | 'bounded-memory'
  | 'idle'
  | 'budget';

export type ViolationKind = 'safety' | 'liveness' | 'budget';

export interface Violation {
  readonly property: Property;
  readonly kind: ViolationKind;
  readonly atMs: number;
  /** One sentence that names messages and nodes. */
  readonly sentence: string;
  readonly nodes: readonly string[];
  /** Dots, as `formatDot` writes them. */
  readonly messages: readonly string[];
}

/** What each property promises, one line each, in the order in which reports list them. */
export const propertyMeanings: Readonly<Record<Property, string>> = {
  'causal-order': 'nothing is delivered before what its sender had seen',
  'no-creation': 'only what was broadcast is delivered or accepted',
  'no-duplication': 'a node is given each message once',
  integrity: 'a message has one body, and it arrives unchanged',
  'position-order': 'positions have no gaps and always hold the same message',
  durability: 'what was accepted survives crashes',
  'durable-copies': 'what was accepted is on as many disks as was asked for',
  stability: 'every member has what is called stable, and nothing concurrent comes later',
  retention: 'a journal drops only what no member may still need',
  'state-convergence': 'nodes that were given the same messages have the same state',
  convergence: 'in the end every live node has every message',
  livelock: 'no node is busy for ever without progress',
  deadlock: 'no node waits for ever for what nobody sends',
  'no-unexpected-stop': 'no node gives up by itself',
  'bounded-memory': 'what waits in memory keeps to the limits, and in the end nothing waits',
  idle: 'a node that has nothing to do sends heartbeats and does nothing else',
  budget: 'a run costs no more than its scenario allows',
};

/** What stays the same when a failing plan is made smaller: the scenario and the property, not times, nodes or dots. */
export function signatureOf(scenario: string, violation: Pick<Violation, 'property'>): string {
  return `${scenario}/${violation.property}`;
}
