/**
 * Reading pieces of segments while the journal appends to the last one.
 *
 * Invariants:
 * - One read at a time, in the order asked. So each file has one call under way, and reads leave the disk to appends.
 * - A read may bring along what follows (see `ReadAhead`): only bytes that were written by then and so never change.
 * - Handles are our own, never those of the writer; at most `handlesMax` stay open, those used last.
 */
import { AntecedentError } from '../errors.js';
import { Fifo } from '../fifo.js';
import type { Disk, DiskFile } from '../ports.js';
import { inOrder, onValue, success, type Done } from './callbacks.js';
import { ReadAhead } from './read-ahead.js';

const handlesMax = 8;

/** Does something with the disk, then calls `finish` with what tells the outcome. */
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
  readonly #ahead = new ReadAhead();
  readonly #waiting = new Fifo<Job>();
  #isReading = false;
  #isStarting = false;
  #onClosed: Done<void> | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /**
   * Up to `length` bytes of the file `name`; fewer only at its end. Up to `readableEnd` its bytes do not change any more. What is
   * given belongs to the caller. May answer before the call returns.
   */
  read(name: string, position: number, length: number, readableEnd: number, done: Done<Uint8Array>): void {
    const carryOut: Carry = (finish) => {
      const answer: Done<Uint8Array> = (result) => finish(() => done(result));
      const known = this.#ahead.take(name, position, length);
      if (known !== undefined) {
        answer(success(known));
        return;
      }
      const lengthToRead = this.#ahead.lengthToRead(name, position, length, readableEnd);
      const keep = (bytes: Uint8Array): void => {
        this.#ahead.keep(name, position, length, bytes);
        answer(success(bytes.length > length ? bytes.slice(0, length) : bytes));
      };
      this.#withHandle(
        name,
        onValue(answer, (file) => file.read(position, lengthToRead, onValue(answer, keep))),
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
    const refused: Job[] = [];
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) refused.push(job);
    if (!this.#isReading) this.#closeHandles(done);
    for (const job of refused) job.refuse();
  }

  /** Carries out what waits, one after the other: in a loop, because what is in memory is answered at once. */
  #startNext(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (!this.#isReading) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      this.#isReading = true;
      job.carryOut((report) => {
        this.#isReading = false;
        if (this.#onClosed !== undefined) this.#closeHandles(this.#onClosed);
        report();
        this.#startNext();
      });
    }
    this.#isStarting = false;
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
