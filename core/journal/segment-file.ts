/**
 * Segments on disk: making an empty one and reading a whole one.
 */
import { AntecedentError } from '../errors.js';
import type { Digests, Disk, DiskFile } from '../ports.js';
import { afterClosing, onValue, success, type Done, type Failure } from './callbacks.js';
import { createDurably, type CreationFailure } from './durable-file.js';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  segmentHeaderBytes,
  segmentName,
  tailOfEmptySegment,
  type LogTail,
  type SegmentHeader,
} from './segment.js';

/** A segment that is open for appending, and where it ends. */
export interface OpenSegment {
  readonly file: DiskFile;
  readonly tail: LogTail;
}

/** Makes a segment without records, durable under its name. Either `done` or `fail` is called. */
export function createSegment(
  disk: Disk,
  header: SegmentHeader,
  digests: Digests,
  fail: (failure: CreationFailure) => void,
  done: (segment: OpenSegment) => void,
): void {
  const { bytes, checksum } = encodeSegmentHeader(header, digests);
  const onCreated = (file: DiskFile): void => done({ file, tail: tailOfEmptySegment(header, checksum) });
  createDurably(disk, segmentName(header.index), bytes, fail, onCreated);
}

/**
 * Makes the segment with this header behind `tail`, after a look whether the segment that ends there is still the one under
 * its name (`E_LOG_VANISHED`). Either `done` or `fail` is called.
 */
export function beginNextSegment(
  disk: Disk,
  tail: LogTail,
  header: SegmentHeader,
  digests: Digests,
  fail: (failure: CreationFailure) => void,
  done: (segment: OpenSegment) => void,
): void {
  const create = (vanished: string | undefined): void => {
    if (vanished === undefined) {
      createSegment(disk, header, digests, fail, done);
      return;
    }
    const message = `${vanished}; somebody else changes the data directory. What was written since is only in this process`;
    fail({ error: new AntecedentError('E_LOG_VANISHED', message), step: 'sync' });
  };
  const expected = { index: tail.index, logId: tail.logId, length: tail.end };
  const failLooking = ({ error }: Failure): void => fail({ error, step: 'write' });
  findVanished(disk, expected, digests, onValue(failLooking, create));
}

export interface SegmentContents {
  readonly name: string;
  /** Stays open; whoever asked closes it. */
  readonly file: DiskFile;
  readonly bytes: Uint8Array;
}

/** Opens a segment and reads all of it. */
export function readSegment(disk: Pick<Disk, 'open'>, index: number, done: Done<SegmentContents>): void {
  const name = segmentName(index);
  const read = (file: DiskFile): void => {
    const fail = afterClosing(file, done);
    const onBytes = (bytes: Uint8Array): void => done(success({ name, file, bytes }));
    file.size(onValue(fail, (size) => file.read(0, size, onValue(fail, onBytes))));
  };
  disk.open(name, { create: false }, onValue(done, read));
}

/**
 * Why the segment that we write is not the one that its name leads to any more; undefined when it is. A file that was
 * deleted or replaced takes writes and syncs as if nothing had happened, and is gone when it is closed.
 */
export function findVanished(
  disk: Disk,
  expected: { readonly index: number; readonly logId: Uint8Array; readonly length: number },
  digests: Digests,
  done: Done<string | undefined>,
): void {
  const name = segmentName(expected.index);
  const onNames = (names: readonly string[]): void => {
    if (names.includes(name)) disk.open(name, { create: false }, onValue(done, look));
    else done(success(`${name} was deleted or renamed while it was written`));
  };
  const look = (file: DiskFile): void => {
    const end = afterClosing(file, done);
    const onHeader = (size: number, bytes: Uint8Array): void => {
      const header = decodeSegmentHeader(bytes, digests)?.header;
      const isOurs = header?.index === expected.index && header.logId.every((byte, at) => byte === expected.logId[at]);
      if (!isOurs) end(success(`${name} was replaced by another file while it was written`));
      else if (size === expected.length) end(success(undefined));
      else end(success(`${name} has ${size} bytes, we have written ${expected.length}`));
    };
    const onSize = (size: number): void =>
      file.read(
        0,
        segmentHeaderBytes,
        onValue(end, (bytes) => onHeader(size, bytes)),
      );
    file.size(onValue(end, onSize));
  };
  disk.list(onValue(done, onNames));
}
