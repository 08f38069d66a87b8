/**
 * The record that says how far our log may have been sent to a peer that speaks pluto v0.4:
 *
 *     line begun := name of the peer | seq varint
 */
import { RemoteProtocolError } from '../errors.js';
import { ByteReader, type ByteWriter } from '../message/bytes.js';
import type { NodeName } from '../names.js';

export interface LineBegun {
  readonly peer: NodeName;
  /** This message of ours is about to be sent, and all before it have been. */
  readonly seq: number;
}

export function writeLineBegun(writer: ByteWriter, { peer, seq }: LineBegun): void {
  writer.text(peer);
  writer.varint(seq);
}

/** Throws `RemoteProtocolError` for what is no such record. */
export function readLineBegun(body: Uint8Array): LineBegun {
  const reader = new ByteReader(body);
  const begun = { peer: reader.name(), seq: reader.varint() };
  reader.end();
  if (begun.seq === 0) throw new RemoteProtocolError('E_COUNTER_RANGE', `no message 0 can be sent to ${begun.peer}`);
  return begun;
}
