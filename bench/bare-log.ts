/**
 * The log of the bare pipeline: one file, appended to and synced by groups. What is appended while one group is written and
 * synced makes up the next.
 */
import { fdatasync, openSync, closeSync, writev } from 'node:fs';

/** Limit of writev on Linux. */
const groupBlocksMax = 1024;

/** Calls `onSynced` with the entries of each group, in the order in which they were appended, once they are on the medium. */
export class GroupCommitLog<Entry extends { readonly block: Uint8Array }> {
  readonly #fd: number;
  readonly #onSynced: (entries: readonly Entry[]) => void;
  readonly #waiting: Entry[] = [];
  #isBusy = false;

  constructor(path: string, onSynced: (entries: readonly Entry[]) => void) {
    this.#fd = openSync(path, 'ax');
    this.#onSynced = onSynced;
  }

  /** The block must not change until it is synced. */
  append(entry: Entry): void {
    this.#waiting.push(entry);
    if (!this.#isBusy) this.#writeGroup();
  }

  close(): void {
    closeSync(this.#fd);
  }

  #writeGroup(): void {
    const group = this.#waiting.splice(0, groupBlocksMax);
    const bytes = group.reduce((sum, { block }) => sum + block.length, 0);
    this.#isBusy = true;
    writev(
      this.#fd,
      group.map(({ block }) => block),
      (error, written) => {
        if (error !== null) throw error;
        if (written !== bytes) throw new Error(`${written} of ${bytes} bytes were written`);
        fdatasync(this.#fd, (syncError) => {
          if (syncError !== null) throw syncError;
          this.#isBusy = false;
          // The disk goes on while the application is at work on what it has just got.
          if (this.#waiting.length > 0) this.#writeGroup();
          this.#onSynced(group);
        });
      },
    );
  }
}
