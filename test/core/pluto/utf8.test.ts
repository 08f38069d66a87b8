import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../../core/pluto/utf8.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeAsPlatform(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    // Not UTF-8.
    return undefined;
  }
}

test('any text comes back as it was, in the bytes that the platform makes of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = encodeUtf8(text);
      expect(bytes).toEqual(new TextEncoder().encode(text));
      expect(decodeUtf8(bytes ?? new Uint8Array())).toBe(text);
    }),
  );
});

test('every character comes back, and no surrogate is one', () => {
  for (let point = 0; point <= 0x10ffff; point += 61) {
    const text = String.fromCodePoint(point);
    const isSurrogate = point >= 0xd800 && point <= 0xdfff;
    const bytes = encodeUtf8(text);
    if (bytes === undefined) expect(isSurrogate).toBe(true);
    else if (decodeUtf8(bytes) !== text) throw new Error(`U+${point.toString(16)} does not come back`);
  }
});

test('takes the bytes that the platform takes, as the same text', () => {
  const start = fc.constantFrom(
    0x00,
    0x41,
    0x7f,
    0x80,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
  );
  const next = fc.constantFrom(0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0);
  const bytes = fc.array(fc.oneof(start, next), { maxLength: 6 }).map((array) => Uint8Array.from(array));
  fc.assert(
    fc.property(bytes, (array) => {
      expect(decodeUtf8(array)).toBe(decodeAsPlatform(array));
    }),
    { numRuns: 3000 },
  );
});

test('long text comes back as it was', () => {
  const text = 'aé😀'.repeat(5000);
  expect(decodeUtf8(encodeUtf8(text) ?? new Uint8Array())).toBe(text);
});

test('half a surrogate pair has no bytes', () => {
  for (const text of ['\ud800', 'a\udc00', '\udc00\ud800', '\ud800a']) expect(encodeUtf8(text)).toBeUndefined();
});
