/**
 * What the nodes of a run do: a program that they all run, and the operations that users perform on it.
 *
 * The two halves meet only in the plan. Planning draws from the seed; performing must not, or a plan would no longer
 * say what happens.
 */
import type { Delivery, NodeName } from '../../core/index.js';
import type { RandomStream } from '../../transport-sim/index.js';
import type { NumberedOperation, PlannedOperation } from '../plan.js';

/** The state that one node keeps, and how it changes. It survives crashes of its node. */
export interface Application {
  /** Payload to broadcast, or undefined when the operation does not apply to the current state. Changes nothing. */
  perform(operation: NumberedOperation): Uint8Array | undefined;
  /** Applies a message. Never called twice for one position. Must not change or keep the payload. */
  deliver(delivery: Delivery): void;
  /**
   * The state as bytes, and the way back. Without it journals keep everything, and faults that copy a state (backups, twins) are
   * refused.
   */
  readonly saving?: { save(): Uint8Array; load(state: Uint8Array): void };
  /** A whole number below 2⁵³ that changes with the state; equal states have equal digests. Costs O(1). */
  stateDigest(): number;
}

/** What a run needs to know to carry out the operations of a plan. */
export interface Program {
  readonly name: string;
  /** An operation at a node that is down is skipped, or waits at its client until the node accepts it. */
  readonly whenDown: 'skip' | 'wait';
  readonly createApplication: (node: NodeName) => Application;
}

export interface PlanningContext {
  readonly random: RandomStream;
  readonly nodes: readonly NodeName[];
}

const packageMark = Symbol.for('antecedent: part of the package');

/** Marks a `createApplication` of this package. The mark means the same to another copy of the package, as a file of scenarios may load. */
export function partOfPackage<T extends Program['createApplication']>(createApplication: T): T {
  return Object.defineProperty(createApplication, packageMark, { value: true });
}

/** False for a program of the user's own, whatever it is called. */
export function isPartOfPackage({ createApplication }: Program): boolean {
  return packageMark in createApplication;
}

/** A program with a way to plan operations for it. */
export interface Workload extends Program {
  /** Operations sorted by time. */
  plan(context: PlanningContext): readonly PlannedOperation[];
}
