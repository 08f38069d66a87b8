/** Whether a record that is read back is the one that was written. */
import { AntecedentError } from '../errors.js';
import type { Digests, Result } from '../ports.js';
import type { RecordPlace } from './append-encoder.js';
import { success } from './callbacks.js';
import { decodeRecordHeader, recordHeaderBytes, segmentChecksum, viewOf } from './record.js';
import { segmentName, type SegmentHeader } from './segment.js';

/** The body of the record at `place`, of which `bytes` are header and body as they were read: a view. Or `E_LOG_CORRUPT`. */
export function checkRecord(
  bytes: Uint8Array,
  { logId, index, baseAddress }: SegmentHeader,
  place: Pick<RecordPlace, 'address' | 'length'>,
  digests: Digests,
): Result<Uint8Array> {
  const checksum = segmentChecksum(digests, logId, index);
  const header = decodeRecordHeader(bytes, viewOf(bytes), 0, checksum);
  const body = bytes.subarray(recordHeaderBytes);
  if (header?.bodyLength === place.length && checksum(body) === header.bodyChecksum) return success(body);
  const at = `${segmentName(index)}:${place.address - baseAddress}`;
  const message = `${at}: the record of ${place.length} bytes that was written here is damaged`;
  return { error: new AntecedentError('E_LOG_CORRUPT', `${message}; restart the node to have the log judged`) };
}
