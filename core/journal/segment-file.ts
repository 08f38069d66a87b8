/**
 * Segments on disk: making an empty one and reading a whole one.
 */
import type { Digests, Disk, DiskFile } from '../ports.js';
import { afterClosing, onValue, success, type Done } from './callbacks.js';
import { createDurably } from './durable-file.js';
import { encodeSegmentHeader, segmentName, tailOfEmptySegment, type LogTail, type SegmentHeader } from './segment.js';

/** A segment that is open for appending, and where it ends. */
export interface OpenSegment {
  readonly file: DiskFile;
  readonly tail: LogTail;
}

/** Makes a segment without records, durable under its name. */
export function createSegment(disk: Disk, header: SegmentHeader, digests: Digests, done: Done<OpenSegment>): void {
  const { bytes, checksum } = encodeSegmentHeader(header, digests);
  const onCreated = (file: DiskFile): void => done(success({ file, tail: tailOfEmptySegment(header, checksum) }));
  createDurably(disk, segmentName(header.index), bytes, onValue(done, onCreated));
}

export interface SegmentContents {
  readonly name: string;
  /** Stays open; whoever asked closes it. */
  readonly file: DiskFile;
  readonly bytes: Uint8Array;
}

/** Opens a segment and reads all of it. */
export function readSegment(disk: Disk, index: number, done: Done<SegmentContents>): void {
  const name = segmentName(index);
  const read = (file: DiskFile): void => {
    const fail = afterClosing(file, done);
    const onBytes = (bytes: Uint8Array): void => done(success({ name, file, bytes }));
    file.size(onValue(fail, (size) => file.read(0, size, onValue(fail, onBytes))));
  };
  disk.open(name, { create: false }, onValue(done, read));
}
