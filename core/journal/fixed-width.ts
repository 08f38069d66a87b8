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
