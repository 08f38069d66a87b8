/** Carries lines between a replica and the Lines port: for members that speak pluto v0.4. Part of `Node`. */
import type { AntecedentError } from './errors.js';
import type { NodeName } from './names.js';
import type { Cancel, Lines, Result } from './ports.js';
import type { PlutoInputs } from './replica/pluto-gateway.js';
import type { LineAction } from './replica/ready.js';

export interface LineDriverOptions {
  readonly lines: Lines;
  readonly inputs: () => PlutoInputs;
  readonly nowMs: () => number;
  /** False for a node that takes in nothing more. */
  readonly isRunning: () => boolean;
  /** An input was given. */
  readonly onProgress: () => void;
}

export class LineDriver {
  readonly #options: LineDriverOptions;
  #nextId = 1;
  readonly #unanswered = new Map<number, (result: Result<void>) => void>();
  readonly #sending = new Map<NodeName, Cancel>();

  constructor(options: LineDriverOptions) {
    this.#options = options;
  }

  listen(done: (result: Result<void>) => void): void {
    const { inputs, isRunning, lines, onProgress } = this.#options;
    lines.listen((peer, line, answer) => {
      // Its connection ends with the node, unanswered: as if we had been gone before.
      if (!isRunning()) return;
      const id = this.#nextId++;
      this.#unanswered.set(id, answer);
      inputs().handleLine(id, peer, line);
      onProgress();
    }, done);
  }

  carryOut(actions: readonly LineAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'send-line':
          this.#send(action.peer, action.line);
          break;
        case 'cancel-line':
          this.#sending.get(action.peer)?.();
          this.#sending.delete(action.peer);
          break;
        case 'answer-line':
          this.#answer(action.id, action.error);
          break;
      }
    }
  }

  /** Nothing more is sent or answered. */
  close(done: () => void): void {
    for (const cancel of this.#sending.values()) cancel();
    this.#sending.clear();
    this.#unanswered.clear();
    this.#options.lines.close(done);
  }

  #send(peer: NodeName, line: Uint8Array): void {
    const { inputs, isRunning, lines, nowMs, onProgress } = this.#options;
    const cancel = lines.send(peer, line, (outcome) => {
      this.#sending.delete(peer);
      if (!isRunning()) return;
      inputs().handleLineOutcome(peer, outcome, nowMs());
      onProgress();
    });
    this.#sending.set(peer, cancel);
  }

  #answer(id: number, error: AntecedentError | undefined): void {
    const answer = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    answer?.(error === undefined ? { error: undefined, value: undefined } : { error });
  }
}
