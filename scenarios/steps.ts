/**
 * Steps: what happens in a run one by one, while the rest of the world waits.
 *
 * When the first operation is due, everything that is written to links is held from then on, and a stepper says what happens next: an
 * operation is performed, a write arrives, is lost, doubled or overtaken, a process dies or comes back. What a node does in answer (its
 * disk, its application) is done before the next step. Dials, their answers and farewells are no choice: they go on at once.
 *
 * Invariants:
 * - Time all but stands still: a step takes one microsecond, so no timer comes between two of them.
 * - Nodes are deterministic. Where all of them have taken in the same things in the same order, and the same was lost on the way, the
 *   world is in the same state (but for the time), however it came to it.
 */
import type { NodeName } from '../core/index.js';
import type { Simulation } from '../transport-sim/index.js';
import { numbered, type NumberedOperation, type Plan, type PlannedStep } from './plan.js';
import type { SimCluster } from './sim-cluster.js';

/** Decides what happens next. */
export interface Stepper {
  /**
   * One of `enabled`; undefined to let everything go on by itself; `stop` to end the run here, without a verdict. `stateAfter` tells
   * the state that a step leads to from all others.
   */
  next(enabled: readonly PlannedStep[], stateAfter: (step: PlannedStep) => string): PlannedStep | 'stop' | undefined;
}

/** Takes the steps of a plan, in order; those that do not fit are left out. */
export function plannedStepper(steps: readonly PlannedStep[]): Stepper {
  const left = [...steps];
  return {
    next: (enabled): PlannedStep | undefined => {
      for (let step = left.shift(); step !== undefined; step = left.shift()) {
        const wanted = nameOf(step);
        const found = enabled.find((one) => nameOf(one) === wanted);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

function nameOf(step: PlannedStep): string {
  return 'node' in step ? `${step.kind} ${step.node}` : `${step.kind} ${step.from} ${step.to}`;
}

type LinkStep = Extract<PlannedStep, { readonly from: NodeName }>;

/** What waits between two nodes, as numbers in the order in which it was written. */
interface Lane {
  readonly from: NodeName;
  readonly to: NodeName;
  readonly held: readonly number[];
  /** How much has ever waited here. */
  readonly written: number;
}

export interface SteppingOptions {
  readonly plan: Plan;
  readonly simulation: Simulation;
  readonly cluster: SimCluster;
  readonly stepper: Stepper;
  /** The stepper has ended the run. */
  readonly onStop: () => void;
}

const stepMs = 0.001;

export class Stepping {
  readonly #options: SteppingOptions;
  readonly #lanes = new Map<string, Lane>();
  /** What is still to be performed. */
  readonly #operations = new Map<NodeName, NumberedOperation[]>();
  /** What each node has taken in, in order. */
  readonly #inputs = new Map<NodeName, string>();

  constructor(options: SteppingOptions) {
    const { nodes, operations } = options.plan;
    this.#options = options;
    for (const from of nodes) {
      this.#inputs.set(from, '');
      this.#operations.set(
        from,
        numbered(operations).filter(({ node }) => node === from),
      );
      for (const to of nodes) if (to !== from) this.#lanes.set(laneKey(from, to), { from, to, held: [], written: 0 });
    }
  }

  /** To be called when the run is set up: everything begins when the first operation is due. */
  schedule(): void {
    const { simulation, plan } = this.#options;
    simulation.at(plan.operations[0]?.atMs ?? 0, () => {
      for (const { from, to } of this.#lanes.values()) simulation.network.hold(from, to);
      this.#later();
    });
  }

  #later(): void {
    const { simulation } = this.#options;
    simulation.at(simulation.nowMs + stepMs, () => this.#step());
  }

  #step(): void {
    if (this.#letOthersGo()) {
      this.#later();
      return;
    }
    const step = this.#options.stepper.next(this.#enabled(), (taken) => this.#stateAfter(taken));
    if (step === undefined) this.#end();
    else if (step === 'stop') this.#options.onStop();
    else {
      this.#note(step, this.#lanes, this.#inputs);
      this.#take(step);
      this.#later();
    }
  }

  /** Takes note of what was written, and lets what is no write go where it is the first. True when there was any. */
  #letOthersGo(): boolean {
    const { network } = this.#options.simulation;
    let hasGone = false;
    for (const [key, { from, to, held, written }] of this.#lanes) {
      const waiting = network.held(from, to);
      const more = Array.from({ length: waiting.length - held.length }, (_, index) => written + index);
      this.#lanes.set(key, { from, to, held: [...held, ...more], written: written + more.length });
      if (waiting[0]?.isWrite !== false) continue;
      this.#note({ kind: 'deliver', from, to }, this.#lanes, this.#inputs);
      network.releaseHeld(from, to, 0);
      hasGone = true;
    }
    return hasGone;
  }

  /** In an order that depends on the state alone: what is ordinary first. */
  #enabled(): readonly PlannedStep[] {
    const { plan, simulation, cluster } = this.#options;
    const up = plan.nodes.filter((node) => simulation.isUp(node));
    const down = plan.nodes.filter((node) => !simulation.isUp(node));
    const hasOperation = (node: NodeName): boolean =>
      (this.#operations.get(node)?.length ?? 0) > 0 && cluster.memoryOf(node) !== undefined;
    const full = [...this.#lanes.values()].filter(({ held }) => held.length > 0);
    const onLanes = (kind: LinkStep['kind'], lanes: readonly Lane[]): readonly PlannedStep[] =>
      lanes.map(({ from, to }) => ({ kind, from, to }));
    return [
      ...onLanes('deliver', full),
      ...up.filter(hasOperation).map((node) => ({ kind: 'operation', node }) as const),
      ...down.map((node) => ({ kind: 'restart', node }) as const),
      ...onLanes('drop', full),
      ...onLanes('duplicate', full),
      ...onLanes(
        'overtake',
        full.filter((lane) => this.#hasSecondWrite(lane)),
      ),
      ...up.map((node) => ({ kind: 'crash', node }) as const),
    ];
  }

  #hasSecondWrite({ from, to }: Lane): boolean {
    return this.#options.simulation.network.held(from, to)[1]?.isWrite === true;
  }

  #take(step: PlannedStep): void {
    const { simulation, cluster } = this.#options;
    const { network } = simulation;
    switch (step.kind) {
      case 'operation': {
        const operation = this.#operations.get(step.node)?.shift();
        if (operation !== undefined) cluster.perform(operation);
        return;
      }
      case 'crash':
        cluster.crash(step.node, { power: false });
        return;
      case 'restart':
        cluster.start(step.node);
        return;
      case 'deliver':
        network.releaseHeld(step.from, step.to, 0);
        return;
      case 'overtake':
        network.releaseHeld(step.from, step.to, 1);
        return;
      case 'duplicate':
        network.repeatHeld(step.from, step.to, 0);
        return;
      case 'drop':
        network.loseHeld(step.from, step.to, 0);
        return;
    }
  }

  /** Enters a step in what is known of links and nodes. */
  #note(step: PlannedStep, lanes: Map<string, Lane>, inputs: Map<NodeName, string>): void {
    const take = (node: NodeName, what: string): void => void inputs.set(node, `${inputs.get(node) ?? ''} ${what}`);
    if ('node' in step) {
      take(step.node, step.kind);
      return;
    }
    const key = laneKey(step.from, step.to);
    const lane = lanes.get(key);
    if (lane === undefined) return;
    const index = step.kind === 'overtake' ? 1 : 0;
    if (step.kind !== 'drop') take(step.to, `${step.from}:${lane.held[index] ?? ''}`);
    if (step.kind !== 'duplicate') lanes.set(key, { ...lane, held: lane.held.toSpliced(index, 1) });
  }

  /** What all nodes have taken in, and what of all that was written still waits: the rest was lost. */
  #stateAfter(step: PlannedStep): string {
    const lanes = new Map(this.#lanes);
    const inputs = new Map(this.#inputs);
    this.#note(step, lanes, inputs);
    return [...inputs.values(), ...[...lanes.values()].map(({ held }) => held.join(' '))].join('|');
  }

  /** Everything that waits goes on. */
  #end(): void {
    const { simulation, cluster } = this.#options;
    for (const { from, to } of this.#lanes.values()) simulation.network.release(from, to);
    for (const operation of [...this.#operations.values()].flat()) cluster.perform(operation);
  }
}

function laneKey(from: NodeName, to: NodeName): string {
  return `${from}>${to}`;
}
