/**
 * One member of a simulated cluster, whatever system its node is of: what a cluster needs of it to start and kill it, to bring
 * it what users ask for, and to know when it is at rest.
 *
 * What only the nodes of Antecedent can do (change the members, repair a log, go on with another directory) is not here:
 * a plan for another system has no such faults (see `pluto-plan.ts`).
 */
import type { NodeName } from '../core/index.js';
import type { Process, RandomStream } from '../transport-sim/index.js';
import type { HistoryEvent } from './history.js';
import type { MemoryLook } from './oracles/resources.js';
import type { ApplicationMode, NumberedOperation } from './plan.js';
import type { StoredApplication } from './stored-application.js';
import type { SelfStop } from './supervisor.js';
import type { Program } from './workloads/workload.js';

/** What a member of any system is made of. */
export interface CommonMemberOptions {
  readonly name: NodeName;
  readonly application: StoredApplication;
  /** The others that are members at the start. */
  readonly peers: readonly NodeName[];
  readonly mode: ApplicationMode;
  readonly program: Program;
  /** Draws the time an application takes. */
  readonly random: RandomStream;
  readonly nowMs: () => number;
  readonly observe: (event: HistoryEvent) => void;
  /** The process has ended by itself: the node was closed and has taken its leave, or has stopped with an error. */
  readonly onEnded: (stop: SelfStop | undefined) => void;
  /** See `LineClient`. */
  readonly settleMs: number;
}

export interface Member extends Process {
  readonly name: NodeName;
  /** Operations that came to nothing: the node was not there, had no room, or they did not apply. */
  readonly skipped: number;
  /** Nobody hears it any more, and it acknowledges nothing. */
  readonly isFenced: boolean;
  readonly isPaused: boolean;
  /** False while it is down, and while another program works on its directory, such as a repair. */
  readonly isNodeRunning: boolean;
  /** True while its node works without a pause at something that does not get on. */
  readonly isSpinning: boolean;
  /** False when the process has no end but being killed. */
  readonly canBeClosed: boolean;
  /** What its node keeps in memory; undefined while that is not ready, and for a node that cannot be asked. */
  readonly memory: MemoryLook | undefined;
  /** What it still has to do when so many nodes are live, in words; undefined when it is at rest. */
  unfinished(live: number): string | undefined;
  /** Asks the node to finish what it has begun and to end. False when it is down, hears nothing, or was asked before. */
  close(): boolean;
  /** The process has died. */
  handleCrash(): void;
  handlePause(): void;
  handleResume(): void;
  /** A user asks for something. */
  perform(operation: NumberedOperation): void;
}
