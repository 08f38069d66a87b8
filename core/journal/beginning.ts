/**
 * Where a log begins, found before it is read: segments that were given up may still be there, damaged or not, and nobody needs
 * to read them.
 *
 * - The newest floor stands in the last segment, or at the beginning of it: every segment repeats it (see `retention.ts`). Only
 *   where the last one has no whole record the one before tells.
 * - Nothing is believed that the reading of the log does not prove afterwards: the floor must be a record of the log that
 *   begins there.
 */
import type { Digests, Disk, DiskFile } from '../ports.js';
import { afterClosing, onValue, success, type Done } from './callbacks.js';
import { recordTypes } from './record.js';
import { recoverSegment } from './recovery.js';
import { floorOf } from './retention.js';
import { readSegment } from './segment-file.js';
import { decodeSegmentHeader, segmentHeaderBytes, segmentName, type SegmentHeader } from './segment.js';

export interface Beginning {
  /** Highest lsn that is not needed any more, as the end of the log says; 0 when all are. */
  readonly floor: number;
  /** Position among the segments of the first that is needed. */
  readonly first: number;
}

export interface BeginningPorts {
  /** Only read. */
  readonly disk: Pick<Disk, 'open'>;
  readonly digests: Digests;
}

/** Finds the beginning of the log in the segments with these indexes, of which there is at least one. */
export function findBeginning(ports: BeginningPorts, indexes: readonly number[], done: Done<Beginning>): void {
  const goOn = (found: FoundFloor | undefined): void => {
    if (found === undefined) done(success({ floor: 0, first: 0 }));
    else findFirst(ports, indexes, found, done);
  };
  // Of a single segment nothing can be given up.
  findFloor(ports, indexes, indexes.length === 1 ? 0 : indexes.length, onValue(done, goOn));
}

interface FoundFloor {
  readonly floor: number;
  /** The segment that says so. */
  readonly segment: SegmentHeader;
}

/** The newest floor in the last of the first `count` segments that has a whole record; undefined when there is none. */
function findFloor(
  ports: BeginningPorts,
  indexes: readonly number[],
  count: number,
  done: Done<FoundFloor | undefined>,
): void {
  const index = indexes[count - 1];
  if (index === undefined) {
    done(success(undefined));
    return;
  }
  const look = (bytes: Uint8Array): void => {
    let found: FoundFloor | undefined;
    const context = { index, previous: undefined, isLast: true };
    const { records } = recoverSegment(bytes, context, ports.digests, ({ type, lsn, body }, segment) => {
      if (type !== recordTypes.floor) return;
      found = { floor: Math.max(found?.floor ?? 0, floorOf(lsn, body)), segment };
    });
    if (records > 0) done(success(found));
    else findFloor(ports, indexes, count - 1, done);
  };
  readSegment(
    ports.disk,
    index,
    onValue(done, ({ file, bytes }) => file.close(() => look(bytes))),
  );
}

/** The last segment that begins at the floor or below it. One whose header cannot be read begins nothing. */
function findFirst(
  ports: BeginningPorts,
  indexes: readonly number[],
  { floor, segment }: FoundFloor,
  done: Done<Beginning>,
): void {
  let first = 0;
  const lookAt = (position: number): void => {
    const index = indexes[position];
    if (index === undefined) {
      done(success({ floor, first }));
      return;
    }
    const judgeHeader = (header: SegmentHeader | undefined): void => judge(position, index, header);
    readHeader(ports, index, onValue(done, judgeHeader));
  };
  const judge = (position: number, index: number, header: SegmentHeader | undefined): void => {
    if (header?.logId.some((byte, at) => byte !== segment.logId[at]) === true) {
      // Two logs in one directory: this floor may be the other's, and gives up nothing.
      done(success({ floor: 0, first: 0 }));
    } else if (header?.index === index && header.firstLsn > floor + 1) done(success({ floor, first }));
    else {
      if (header?.index === index) first = position;
      lookAt(position + 1);
    }
  };
  lookAt(0);
}

/** The header of segment `index`; undefined when it is cut or damaged. */
function readHeader({ disk, digests }: BeginningPorts, index: number, done: Done<SegmentHeader | undefined>): void {
  const read = (file: DiskFile): void => {
    const end = afterClosing(file, done);
    const decode = (bytes: Uint8Array): void => end(success(decodeSegmentHeader(bytes, digests)?.header));
    file.read(0, segmentHeaderBytes, onValue(end, decode));
  };
  disk.open(segmentName(index), { create: false }, onValue(done, read));
}
