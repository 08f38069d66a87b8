/**
 * CRC-32 (IEEE 802.3, as in zlib) without native code: table-driven, eight bytes a step (Kounavis, Berry, "A Systematic
 * Approach to Building High Performance Software-Based CRC Generators", 2005). For some dozens of bytes it is faster than
 * a call into native code; for more it is several times slower.
 */

const tables: Int32Array = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ ((remainder & 1) === 1 ? 0xedb88320 : 0);
    made[byte] = remainder;
  }
  for (let index = 256; index < made.length; index += 1) {
    const shorter = made[index - 256] as number;
    made[index] = (shorter >>> 8) ^ (made[shorter & 0xff] as number);
  }
  return made;
}

/** The checksum of `bytes`, continued from `seed` (0 at the beginning): a whole number from 0 to 2³²-1. */
export function crc32(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = crc ^ wordAt(bytes, at);
    const high = wordAt(bytes, at + 4);
    crc =
      (tables[0x700 + (low & 0xff)] as number) ^
      (tables[0x600 + ((low >>> 8) & 0xff)] as number) ^
      (tables[0x500 + ((low >>> 16) & 0xff)] as number) ^
      (tables[0x400 + (low >>> 24)] as number) ^
      (tables[0x300 + (high & 0xff)] as number) ^
      (tables[0x200 + ((high >>> 8) & 0xff)] as number) ^
      (tables[0x100 + ((high >>> 16) & 0xff)] as number) ^
      (tables[high >>> 24] as number);
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}

/** Little-endian, on every machine. */
function wordAt(bytes: Uint8Array, position: number): number {
  return (
    (bytes[position] as number) |
    ((bytes[position + 1] as number) << 8) |
    ((bytes[position + 2] as number) << 16) |
    ((bytes[position + 3] as number) << 24)
  );
}
