/**
 * Reading pieces of segments while the journal appends to the last one.
 *
 * Invariants:
 * - One read at a time, in the order asked. So each file has one call under way, and reads leave the disk to appends.
 * - Handles are our own, never those of the writer; at most `handlesMax` stay open, those used last.
 */
import { AntecedentError } from '../errors.js';
import type { Disk, DiskFile } from '../ports.js';
import { inOrder, onValue, success, type Done } from './callbacks.js';

const handlesMax = 8;

/** Does something with the disk, then calls `finish` with what is to be called when the next job has begun. */
type Carry = (finish: (report: () => void) => void) => void;

interface Job {
  readonly carryOut: Carry;
  /** The reader is closed first. */
  readonly refuse: () => void;
}

export class RecordReader {
  readonly #disk: Disk;
  /** Open files by name; the one used last is at the end. */
  readonly #handles = new Map<string, DiskFile>();
  #waiting: Job[] = [];
  #isReading = false;
  #onClosed: Done<void> | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Up to `length` bytes of the file `name`; fewer only at its end. The bytes belong to the caller. */
  read(name: string, position: number, length: number, done: Done<Uint8Array>): void {
    const carryOut: Carry = (finish) => {
      const answer: Done<Uint8Array> = (result) => finish(() => done(result));
      this.#withHandle(
        name,
        onValue(answer, (file) => file.read(position, length, answer)),
      );
    };
    const refuse = (): void => done({ error: new AntecedentError('E_CLOSED', 'the journal is closed') });
    this.#waiting.push({ carryOut, refuse });
    this.#startNext();
  }

  /** Closes the handle of a file that goes, after the reads that were asked for before; `done` follows in any case. */
  forget(name: string, done: () => void): void {
    const close: Carry = (finish) => {
      const handle = this.#handles.get(name);
      this.#handles.delete(name);
      if (handle === undefined) finish(done);
      else handle.close(() => finish(done));
    };
    this.#waiting.push({ carryOut: close, refuse: done });
    this.#startNext();
  }

  /** Lets the read under way end, refuses those that wait, and closes the handles. Nothing may be asked afterwards. */
  close(done: Done<void>): void {
    this.#onClosed = done;
    const refused = this.#waiting;
    this.#waiting = [];
    if (!this.#isReading) this.#closeHandles(done);
    for (const job of refused) job.refuse();
  }

  #startNext(): void {
    if (this.#isReading) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#isReading = true;
    job.carryOut((report) => {
      this.#isReading = false;
      if (this.#onClosed !== undefined) this.#closeHandles(this.#onClosed);
      else this.#startNext();
      report();
    });
  }

  #withHandle(name: string, done: Done<DiskFile>): void {
    const handle = this.#handles.get(name);
    if (handle !== undefined) {
      this.#handles.delete(name);
      this.#handles.set(name, handle);
      done(success(handle));
      return;
    }
    const open = (): void => {
      this.#disk.open(
        name,
        { create: false },
        onValue(done, (file) => {
          this.#handles.set(name, file);
          done(success(file));
        }),
      );
    };
    const [oldest] = this.#handles;
    if (this.#handles.size < handlesMax || oldest === undefined) {
      open();
    } else {
      this.#handles.delete(oldest[0]);
      oldest[1].close(onValue(done, open));
    }
  }

  #closeHandles(done: Done<void>): void {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    inOrder(
      handles.map((handle) => (next) => handle.close(next)),
      done,
    );
  }
}
