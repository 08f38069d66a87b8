/**
 * Reading pieces of segments while the journal appends to the last one.
 *
 * Invariants:
 * - One read at a time, in the order asked. So each file has one call under way, and reads leave the disk to appends.
 * - A read brings along what follows, for whoever reads on: lagging peers and replays do. Only bytes that were written by then
 *   and so never change.
 * - Handles are our own, never those of the writer; at most `handlesMax` stay open, those used last.
 */
import { AntecedentError } from '../errors.js';
import type { Disk, DiskFile } from '../ports.js';
import { inOrder, onValue, success, type Done } from './callbacks.js';

const handlesMax = 8;
/** Read at a time, when as much can be read. */
const aheadBytes = 256 << 10;

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
  /** What the last read from the disk has brought. */
  #ahead: { readonly name: string; readonly position: number; readonly bytes: Uint8Array } | undefined;
  #waiting: Job[] = [];
  #isReading = false;
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
      const ahead = this.#takeAhead(name, position, length);
      if (ahead !== undefined) {
        answer(success(ahead));
        return;
      }
      const wanted = Math.max(length, Math.min(aheadBytes, readableEnd - position));
      const keep = (bytes: Uint8Array): void => {
        if (bytes.length > length) this.#ahead = { name, position, bytes };
        answer(success(bytes.slice(0, length)));
      };
      this.#withHandle(
        name,
        onValue(answer, (file) => file.read(position, wanted, onValue(answer, keep))),
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

  /** A copy of what an earlier read has brought along. */
  #takeAhead(name: string, position: number, length: number): Uint8Array | undefined {
    const ahead = this.#ahead;
    if (ahead?.name !== name || position < ahead.position) return undefined;
    const from = position - ahead.position;
    return from + length <= ahead.bytes.length ? ahead.bytes.slice(from, from + length) : undefined;
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
