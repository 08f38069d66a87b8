/** Batches put together byte by byte, so that no encoder of ours can keep a test from writing nonsense into them. */
import { crc32 } from 'node:zlib';
import { batchVersion, emptyChain } from '../../core/message/batch.js';
import { encodeBatchFrame } from '../../core/message/frame.js';
import { nodeDigests } from '../support/digests.js';
import { text, varint } from '../transport-tls/stray-member.js';

export interface ForgedBatch {
  readonly version?: number;
  readonly flags?: number;
  readonly origin?: string;
  /** As varints, unless a test wants numbers that no varint of ours can hold. */
  readonly incarnation?: readonly number[];
  readonly firstSeq?: readonly number[];
  readonly count?: readonly number[];
  /** Everything between the header and the chain. */
  readonly body: readonly number[];
  readonly previousChain?: Uint8Array;
}

/** A frame whose chain and checksums are right, whatever it says. Without more it is the first batch of d. */
export function forgedFrame(batch: ForgedBatch): Uint8Array {
  const content = Uint8Array.from([
    ...[batch.version ?? batchVersion, batch.flags ?? 1],
    ...text(batch.origin ?? 'd'),
    ...(batch.incarnation ?? varint(1)),
    ...(batch.firstSeq ?? varint(1)),
    ...(batch.count ?? varint(1)),
    ...batch.body,
  ]);
  const chained = Buffer.concat([content, nodeDigests.chain(batch.previousChain ?? emptyChain, content)]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(chained));
  return encodeBatchFrame(Buffer.concat([chained, checksum]));
}

/** A clock entry as a log writes it when it names an origin for the first time. */
export function newEntry(index: number, name: string, advance: readonly number[]): readonly number[] {
  return [...varint(index), ...text(name), ...varint(1), ...advance];
}

/** A message: clock entries, then a payload of one byte. */
export function forgedMessage(entryCount: number, entries: readonly (readonly number[])[]): readonly number[] {
  return [...varint(entryCount), ...entries.flat(), ...varint(1), 0x21];
}

/** 2⁶⁴-1 as a varint of ten bytes. */
export const hugeVarint: readonly number[] = [...Array.from({ length: 9 }, () => 0xff), 0x01];
