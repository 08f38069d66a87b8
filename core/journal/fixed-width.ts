/**
 * 64-bit counters in files: little-endian, kept as JavaScript numbers.
 *
 * A counter above 2⁵³-1 cannot be written by us. Reading one gives a number that is not a safe integer; the decoder that
 * meets it treats the header as damaged.
 */

const two32 = 2 ** 32;

export function readUint64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * two32 + view.getUint32(at, true);
}

/** `value` is a whole number from 0 to 2⁵³-1. */
export function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % two32, true);
  view.setUint32(at + 4, Math.floor(value / two32), true);
}

const counterBytes = 8;

/** A record's body that is one counter. */
export function encodeCounter(value: number): Uint8Array {
  const body = new Uint8Array(counterBytes);
  writeUint64(new DataView(body.buffer), 0, value);
  return body;
}

/** The counter that is the whole body of a record, or 0 for a body that `encodeCounter` cannot have made. */
export function decodeCounter(body: Uint8Array): number {
  if (body.length !== counterBytes) return 0;
  const value = readUint64(new DataView(body.buffer, body.byteOffset, body.byteLength), 0);
  return Number.isSafeInteger(value) ? value : 0;
}
