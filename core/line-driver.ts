/** Carries lines between a replica and the Lines port: for members that speak pluto v0.4. Part of `Node`. */
import type { AntecedentError } from './errors.js';
import type { NodeName } from './names.js';
import type { Cancel, LineConnection, LineOutcome, Lines, Result } from './ports.js';
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
  /** Ends what is under way to a peer: an attempt to connect, or its connection. */
  readonly #sending = new Map<NodeName, Cancel>();
  readonly #connections = new Map<NodeName, LineConnection>();

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
        case 'connect-line':
          this.#connect(action.peer);
          break;
        case 'send-line':
          this.#send(action.peer, action.line);
          break;
        case 'cancel-line':
          this.#sending.get(action.peer)?.();
          this.#forget(action.peer);
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
    this.#connections.clear();
    this.#unanswered.clear();
    this.#options.lines.close(done);
  }

  #connect(peer: NodeName): void {
    const { inputs, isRunning, lines, onProgress } = this.#options;
    const cancel = lines.connect(peer, ({ error, value: connection }) => {
      if (connection === undefined) return this.#conclude(peer, { type: 'failed', error, mayHaveArrived: false });
      this.#sending.set(peer, () => connection.close());
      this.#connections.set(peer, connection);
      if (!isRunning()) return;
      inputs().handleLineConnected(peer);
      onProgress();
    });
    this.#sending.set(peer, cancel);
  }

  #send(peer: NodeName, line: Uint8Array): void {
    this.#connections.get(peer)?.send(line, (outcome) => this.#conclude(peer, outcome));
  }

  #conclude(peer: NodeName, outcome: LineOutcome): void {
    const { inputs, isRunning, nowMs, onProgress } = this.#options;
    this.#forget(peer);
    if (!isRunning()) return;
    inputs().handleLineOutcome(peer, outcome, nowMs());
    onProgress();
  }

  #forget(peer: NodeName): void {
    this.#sending.delete(peer);
    this.#connections.delete(peer);
  }

  #answer(id: number, error: AntecedentError | undefined): void {
    const answer = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    answer?.(error === undefined ? { error: undefined, value: undefined } : { error });
  }
}
