/**
 * Hands deliveries to the application, one at a time: the next one only when the one before is confirmed, or was given up.
 *
 * Between two of them the application may be asked for its state as a whole, and may be given another member's.
 */
import { AntecedentError } from './errors.js';
import type { NodeHandlers } from './node-options.js';
import type { Replica } from './replica/replica.js';

export interface HandingOverOptions {
  readonly replica: Replica;
  readonly handlers: Pick<NodeHandlers, 'onDeliver' | 'snapshots'>;
  readonly nowMs: () => number;
  /** False before the node is ready, and once it closes. */
  readonly isRunning: () => boolean;
  /** The replica has news. */
  readonly onProgress: () => void;
}

export class HandingOver {
  readonly #options: HandingOverOptions;
  /** What the application says when it has applied the delivery in its hands; undefined when it has none. */
  #applying: (() => void) | undefined;
  /** Of that delivery. */
  #position = 0;
  #isSnapshot = false;
  /** The application is asked for its state. */
  #isMakingSnapshot = false;
  #isEnded = false;

  constructor(options: HandingOverOptions) {
    this.#options = options;
  }

  /** Hands over what there is, until the application takes its time. */
  goOn(): void {
    const { handlers, isRunning, replica } = this.#options;
    while (this.#applying === undefined && !this.#isMakingSnapshot && isRunning()) {
      if (replica.isSnapshotWanted) {
        this.#makeSnapshot();
        continue;
      }
      const snapshot = replica.takeSnapshot();
      const next = snapshot ?? replica.takeDelivery();
      if (next === undefined) return;
      const applied = (): void => {
        // Said twice, or after it was given up, it must not count for the next one.
        if (this.#applying === applied) this.#handleApplied();
      };
      this.#applying = applied;
      this.#position = next.position;
      this.#isSnapshot = snapshot !== undefined;
      if ('state' in next) handlers.snapshots?.install(next.state, next.position, applied);
      else handlers.onDeliver(next, applied);
    }
  }

  /** What gives up the delivery at `position`. Throws `E_POSITION` unless the application is applying it, and for a snapshot. */
  givingUp(position: number): () => void {
    const applying = this.#applying;
    if (applying !== undefined && this.#isSnapshot) {
      throw new AntecedentError('E_POSITION', 'a snapshot is being installed: nothing can be delivered without it');
    }
    if (applying !== undefined && this.#position === position) return applying;
    const now = applying === undefined ? 'none is being applied' : `the one being applied is at ${this.#position}`;
    throw new AntecedentError('E_POSITION', `the delivery at position ${position} cannot be skipped: ${now}`);
  }

  /** The node has stopped: nothing that the application says counts any more. */
  end(): void {
    this.#isEnded = true;
  }

  #handleApplied(): void {
    if (this.#isEnded) return;
    this.#applying = undefined;
    this.#options.replica.handleApplied(this.#position);
    this.#options.onProgress();
  }

  #makeSnapshot(): void {
    const { handlers, nowMs, onProgress, replica } = this.#options;
    const provide = (state: Uint8Array | undefined): void => {
      if (!this.#isMakingSnapshot || this.#isEnded) return;
      this.#isMakingSnapshot = false;
      replica.provideSnapshot(state, nowMs());
      onProgress();
    };
    this.#isMakingSnapshot = true;
    if (handlers.snapshots === undefined) provide(undefined);
    else handlers.snapshots.make(provide);
  }
}
