/**
 * What a replica knows from everything in front of a place in the journal, so that the journal can begin there.
 *
 *     checkpoint := version u8 | changes to the members | origins: count, (name, incarnation) ... | position | skipped positions
 *                   logs: count, log ...
 *                   only in version 2: peers that speak pluto v0.4: count, (name, seq that may have been sent to it) ...
 *     log        := origin | next seq | chain (32 bytes) | dictionary | clock | released seq
 *                   messages from there on, which wait for a cause: count, changes (origin, seq, origin, seq, ...) ...
 *
 * Origins are named once and then by number. What waits for a cause is there without its payload: a journal is cut only where
 * everything in front has been applied, so all of it was released later, and only the order of that release is still needed.
 */
import { RemoteProtocolError } from '../errors.js';
import { chainBytes } from '../message/batch.js';
import { ByteReader, ByteWriter } from '../message/bytes.js';
import type { HeldLog } from '../causal/hold-back-queue.js';
import { readMemberChanges, writeMemberChanges, type MemberChange } from '../message/frame.js';
import type { Origin } from '../message/origin.js';
import { writeLineBegun, type LineBegun } from './line-begun.js';

/** The second one is written only where the first one cannot say it: whoever has no such peers stays readable for older programs. */
const versions = { plain: 1, withLines: 2 } as const;

export interface Checkpoint {
  /** Number of messages released by then. */
  readonly position: number;
  /** Positions behind that which an operator has given up. */
  readonly skipped: readonly number[];
  readonly members: readonly MemberChange[];
  /** By the numbers of whoever writes or reads the checkpoint; those with held messages in the order of their filing. */
  readonly logs: readonly HeldLog[];
  /** How far our log may have been sent to each peer that speaks pluto v0.4. */
  readonly begun: readonly LineBegun[];
}

/** `origins` are named by their indices in the checkpoint. The bytes are the caller's. */
export function encodeCheckpoint(checkpoint: Checkpoint, origins: readonly Origin[]): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.byte(checkpoint.begun.length === 0 ? versions.plain : versions.withLines);
  writeMemberChanges(writer, checkpoint.members);
  writer.varint(origins.length);
  for (const { name, incarnation } of origins) {
    writer.text(name);
    writer.varint(incarnation);
  }
  writer.varint(checkpoint.position);
  writeNumbers(writer, checkpoint.skipped);
  writer.varint(checkpoint.logs.length);
  for (const { origin, state, releasedSeq, held } of checkpoint.logs) {
    writer.varint(origin);
    writer.varint(state.nextSeq);
    writer.bytes(state.chain);
    writeNumbers(writer, state.dictionary);
    writeNumbers(writer, state.clock);
    writer.varint(releasedSeq);
    writer.varint(held.length);
    for (const changes of held) writeNumbers(writer, changes);
  }
  if (checkpoint.begun.length > 0) {
    writer.varint(checkpoint.begun.length);
    for (const begun of checkpoint.begun) writeLineBegun(writer, begun);
  }
  return writer.view();
}

/**
 * Reads a checkpoint into the numbers of the reader: `adopt` is called with the changes to the members first, then `resolve` for every
 * origin. Throws `RemoteProtocolError` for what is no checkpoint.
 */
export function decodeCheckpoint(
  body: Uint8Array,
  adopt: (changes: readonly MemberChange[]) => void,
  resolve: (name: Origin['name'], incarnation: number) => number,
): Checkpoint {
  const reader = new ByteReader(body);
  const found = reader.byte();
  if (found !== versions.plain && found !== versions.withLines) {
    throw new RemoteProtocolError('E_VERSION', `checkpoint version ${found} is not known`);
  }
  const members = readMemberChanges(reader);
  adopt(members);
  const origins = readList(reader, () => resolve(reader.name(), reader.varint()));
  const at = (index: number): number => {
    const origin = origins[index];
    if (origin === undefined) throw new RemoteProtocolError('E_BATCH', `origin ${index} of ${origins.length}`);
    return origin;
  };
  const position = reader.varint();
  const skipped = readNumbers(reader);
  const logs = readList(reader, () => {
    const origin = at(reader.varint());
    const nextSeq = reader.varint();
    // A copy: a view would keep the whole segment in memory.
    const chain = reader.bytes(chainBytes).slice();
    const dictionary = readNumbers(reader).map(at);
    const clock = readNumbers(reader);
    const releasedSeq = reader.varint();
    const held = readList(reader, () =>
      readNumbers(reader).map((value, index) => (index % 2 === 0 ? at(value) : value)),
    );
    return { origin, state: { nextSeq, chain, dictionary, clock }, releasedSeq, held };
  });
  const begun = found === versions.plain ? [] : readList(reader, () => ({ peer: reader.name(), seq: reader.varint() }));
  reader.end();
  return { position, skipped, members, logs, begun };
}

function writeNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  writer.varint(numbers.length);
  for (const value of numbers) writer.varint(value);
}

function readNumbers(reader: ByteReader): readonly number[] {
  return readList(reader, () => reader.varint());
}

function readList<T>(reader: ByteReader, readItem: () => T): readonly T[] {
  const count = reader.varint();
  // Each item takes bytes, so a lying count fails at the end; nothing is allocated for it before.
  const items: T[] = [];
  for (let index = 0; index < count; index++) items.push(readItem());
  return items;
}
