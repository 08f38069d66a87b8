/**
 * Starts nodes again that have stopped by themselves with an error, as the init system of a machine does.
 *
 * Rules:
 * - A node that refused its own log when it started is left alone: the log will be the same, and an operator must look at it.
 * - Without power nothing is started: a loss of power takes with it the start that was due.
 * - At the end of the faults every node that is down is started, whatever it stopped with (see `FaultInjector.endAll`). One
 *   that was just about to stop is started when it has ended, with a supervisor or without.
 */
import type { ErrorCode, NodeName } from '../core/index.js';
import type { Simulation } from '../transport-sim/index.js';
import type { StopPhase } from './history.js';

/** How a node stopped by itself. */
export interface SelfStop {
  readonly code: ErrorCode;
  readonly phase: StopPhase;
}

/** What a node says of a log that it will not work with, today or tomorrow. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_LOG_CORRUPT',
  'E_LOG_FOREIGN',
  'E_LOG_VERSION',
  'E_POSITION',
]);

export class Supervisor {
  readonly #simulation: Simulation;
  readonly #restartAfterMs: number | undefined;
  readonly #start: (node: NodeName) => void;
  /** The starts to come. A crash makes a start come to nothing by taking its entry away. */
  readonly #due = new Map<NodeName, object>();
  /** Nodes that have had their start behind the end of the faults. */
  readonly #lastStarts = new Set<NodeName>();
  #hasEnded = false;

  /** Without `restartAfterMs` nobody is started before the end of the faults. */
  constructor(simulation: Simulation, restartAfterMs: number | undefined, start: (node: NodeName) => void) {
    this.#simulation = simulation;
    this.#restartAfterMs = restartAfterMs;
    this.#start = start;
  }

  handleStopped(node: NodeName, stop: SelfStop): void {
    const delayMs = this.#delayOf(node, stop);
    if (delayMs === undefined) return;
    const due = {};
    this.#due.set(node, due);
    this.#simulation.at(this.#simulation.nowMs + delayMs, () => {
      if (this.#due.get(node) !== due) return;
      this.#due.delete(node);
      this.#start(node);
    });
  }

  handlePowerLoss(node: NodeName): void {
    this.#due.delete(node);
  }

  /** From here on every node is up, or will be started by somebody else now. */
  endFaults(): void {
    this.#hasEnded = true;
    this.#due.clear();
  }

  #delayOf(node: NodeName, { code, phase }: SelfStop): number | undefined {
    if (phase === 'starting' && refusals.has(code)) return undefined;
    if (this.#restartAfterMs !== undefined) return this.#restartAfterMs;
    if (!this.#hasEnded || this.#lastStarts.has(node)) return undefined;
    this.#lastStarts.add(node);
    return 0;
  }
}
