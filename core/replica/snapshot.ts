/**
 * A snapshot: the state of a member's application, and what a node must know to go on from there.
 *
 *     snapshot := length of the checkpoint | checkpoint | state of the application
 *
 * It is sent in pieces of `pieceBytes`, the last one shorter. Its id is a chain over the pieces, so pieces of two snapshots never
 * make one, and who has all of them knows that they are right.
 */
import { RemoteProtocolError } from '../errors.js';
import { chainBytes, emptyChain, equalBytes } from '../message/batch.js';
import { ByteReader, ByteWriter } from '../message/bytes.js';
import type { Digests } from '../ports.js';

/** Fits into every frame, whatever the limits are. */
export const pieceBytes: number = 64 << 10;

/** Asks for any snapshot. */
export const anySnapshot: Uint8Array = emptyChain;

export interface Snapshot {
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A piece as it is journalled on its way here. */
export interface SnapshotPiece {
  readonly id: Uint8Array;
  readonly totalBytes: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export function joinSnapshot(checkpoint: Uint8Array, state: Uint8Array, digests: Digests): Snapshot {
  const writer = new ByteWriter(16 + checkpoint.length + state.length);
  writer.varint(checkpoint.length);
  writer.bytes(checkpoint);
  writer.bytes(state);
  const bytes = writer.view();
  return { id: snapshotId(bytes, digests), bytes };
}

/** Throws `RemoteProtocolError` for what is no snapshot. Both parts are views. */
export function splitSnapshot(bytes: Uint8Array): { readonly checkpoint: Uint8Array; readonly state: Uint8Array } {
  const reader = new ByteReader(bytes);
  const checkpoint = reader.bytes(reader.varint());
  return { checkpoint, state: reader.bytes(reader.remaining) };
}

export function snapshotId(bytes: Uint8Array, digests: Digests): Uint8Array {
  let id = emptyChain;
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    id = digests.chain(id, bytes.subarray(offset, offset + pieceBytes));
  }
  return id;
}

/** Collects the pieces of one snapshot after the other. */
export class SnapshotPieces {
  #id: Uint8Array = anySnapshot;
  #totalBytes = 0;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  get id(): Uint8Array {
    return this.#id;
  }

  /** How much is here. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  get isComplete(): boolean {
    return this.#bytes > 0 && this.#bytes === this.#totalBytes;
  }

  clear(): void {
    this.#id = anySnapshot;
    this.#totalBytes = 0;
    this.#pieces = [];
    this.#bytes = 0;
  }

  /** True when a piece is the next one, or the first of another snapshot. */
  fits({ id, totalBytes, offset, bytes }: SnapshotPiece): boolean {
    const expected = Math.min(pieceBytes, totalBytes - offset);
    if (bytes.length === 0 || bytes.length !== expected) return false;
    if (offset === 0) return true;
    return offset === this.#bytes && totalBytes === this.#totalBytes && equalBytes(id, this.#id);
  }

  /** Adds a piece that fits, and keeps its bytes. */
  add({ id, totalBytes, offset, bytes }: SnapshotPiece): void {
    if (offset === 0) this.clear();
    this.#id = id;
    this.#totalBytes = totalBytes;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }

  /** All of it; undefined when the pieces are not what the id says. */
  join(digests: Digests): Uint8Array | undefined {
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return this.isComplete && equalBytes(snapshotId(whole, digests), this.#id) ? whole : undefined;
  }
}

export function writePiece(writer: ByteWriter, { id, totalBytes, offset, bytes }: SnapshotPiece): void {
  writer.bytes(id);
  writer.varint(totalBytes);
  writer.varint(offset);
  writer.bytes(bytes);
}

/** Its bytes are copies: it stays for long. Throws `RemoteProtocolError` for what is no piece. */
export function readPiece(body: Uint8Array): SnapshotPiece {
  const reader = new ByteReader(body);
  const id = reader.bytes(chainBytes).slice();
  const totalBytes = reader.varint();
  const offset = reader.varint();
  const bytes = reader.bytes(reader.remaining).slice();
  if (offset + bytes.length > totalBytes) {
    throw new RemoteProtocolError('E_BATCH', `a piece of a snapshot ends at ${offset + bytes.length} of ${totalBytes}`);
  }
  return { id, totalBytes, offset, bytes };
}
