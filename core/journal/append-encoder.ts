/**
 * Turns a group of entries into what is written: each header, then its body.
 */
import { decodeCounter } from './fixed-width.js';
import {
  encodeRecordHeader,
  flagsOf,
  recordHeaderBytes,
  recordTypes,
  viewOf,
  type Checksum,
  type RecordType,
} from './record.js';
import type { LogTail } from './segment.js';

export interface JournalEntry {
  readonly type: RecordType;
  /** Nobody changes it until the append is done. From recovery: a view that is given up when the call returns. */
  readonly body: Uint8Array;
}

/** Where a record lies. It stays valid for as long as the record is kept, across restarts. */
export interface RecordPlace {
  /** Address of the record's first byte: counted through all segments from the beginning of the log. */
  readonly address: number;
  /** Length of the body in bytes. */
  readonly length: number;
  /** Number of the record in the log: 1, 2, 3, ... */
  readonly lsn: number;
}

export interface EncodedAppend {
  /** Headers and bodies in writing order. */
  readonly chunks: readonly Uint8Array[];
  readonly places: readonly RecordPlace[];
  /** The end of the log when all of it is written. */
  readonly tail: LogTail;
}

/** Header bytes kept at the beginning: enough for this many records; grows when there are more. */
const recordsInitially = 64;

export class AppendEncoder {
  #headers: Uint8Array = new Uint8Array(recordsInitially * recordHeaderBytes);
  #view: DataView = viewOf(this.#headers);

  /** The headers lie in one buffer, which lives until the next call; the bodies are those of the entries. */
  encode(entries: readonly JournalEntry[], start: LogTail, durableLsn: number, checksum: Checksum): EncodedAppend {
    const bytesNeeded = entries.length * recordHeaderBytes;
    if (this.#headers.length < bytesNeeded) {
      this.#headers = new Uint8Array(2 * bytesNeeded);
      this.#view = viewOf(this.#headers);
    }
    const headers = this.#headers;
    const view = this.#view;
    const chunks: Uint8Array[] = [];
    const places: RecordPlace[] = [];
    let { end, nextLsn: lsn, chain, incarnation } = start;
    entries.forEach(({ type, body }, position) => {
      const at = position * recordHeaderBytes;
      const bodyChecksum = checksum(body);
      const header = { type, flags: flagsOf(type), bodyLength: body.length, chain, lsn, durableLsn, bodyChecksum };
      chain = encodeRecordHeader(headers, view, at, header, checksum);
      chunks.push(headers.subarray(at, at + recordHeaderBytes));
      if (body.length > 0) chunks.push(body);
      places.push({ address: start.baseAddress + end, length: body.length, lsn });
      if (type === recordTypes.incarnation) incarnation = decodeCounter(body);
      end += recordHeaderBytes + body.length;
      lsn++;
    });
    // Spelled out: a spread here costs more than the rest of the append.
    const { logId, index, baseAddress } = start;
    return { chunks, places, tail: { logId, incarnation, index, baseAddress, end, nextLsn: lsn, chain } };
  }
}
