import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAsciiBase64, decodeBase64, encodeAsciiBase64, encodeBase64 } from '../../../core/pluto/base64.js';

function decode(text: string): Uint8Array | undefined {
  return decodeBase64(text, 0, text.length);
}

describe('base64', () => {
  test('is what Node makes of any bytes, and comes back as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(decode(text)).toEqual(bytes);
      }),
    );
  });

  test('of many bytes comes back as they were', () => {
    const bytes = Uint8Array.from({ length: 100_001 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
    expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(Buffer.compare(decode(encodeBase64(bytes)) ?? new Uint8Array(), bytes)).toBe(0);
  });

  test('is read where it stands in a text', () => {
    expect(decodeBase64('|YQ==|', 1, 5)).toEqual(Uint8Array.of(0x61));
    expect(decodeBase64('|YQ==|', 1, 1)).toEqual(new Uint8Array(0));
    expect(decodeAsciiBase64('|YQ==|', 1, 5)).toBe('a');
  });

  test.each([
    ['a length that is no multiple of four', 'YWI'],
    ['one character', 'Y'],
    ['no padding', 'YQ'],
    ['too little padding', 'YQ='],
    ['padding alone', '===='],
    ['half of four characters padding', '=Q=='],
    ['three characters of padding', 'Y==='],
    ['padding before the end', 'YQ==YWJj'],
    ['padding in the middle', 'Y=Q='],
    ['a bit left over behind two characters', 'YR=='],
    ['a bit left over behind three characters', 'YWJ='],
    ['the URL alphabet', '_-8='],
    ['a space', 'YW I'],
    ['a line break', 'YW\nI'],
    ['a letter whose code ends with that of another one', 'YŁ=='],
    ['a letter beyond 16 bits', 'Y😀='],
    ['a zero', 'YQ\0='],
  ])('refuses %s', (_what, text) => {
    expect(decode(text)).toBeUndefined();
    expect(decodeAsciiBase64(text, 0, text.length)).toBeUndefined();
  });

  test('takes of all short texts those that Node makes of some bytes', () => {
    const unit = fc.constantFrom(...'AQgwBR/+=_ ');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 9 }), (text) => {
        const lenient = Buffer.from(text, 'base64');
        const isCanonical = lenient.toString('base64') === text;
        expect(decode(text)).toEqual(isCanonical ? Uint8Array.from(lenient) : undefined);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('base64 of short ASCII', () => {
  test('is the same by the short way as by way of bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 20 }), (text) => {
        const encoded = encodeBase64(Buffer.from(text));
        expect(encodeAsciiBase64(text)).toBe(encoded);
        expect(decodeAsciiBase64(encoded, 0, encoded.length)).toBe(text);
      }),
    );
  });

  test('is left to the long way when a byte is none of ASCII', () => {
    expect(encodeAsciiBase64('aé')).toBeUndefined();
    expect(encodeAsciiBase64('abŁ')).toBeUndefined();
    for (const bytes of [[0x80], [0x61, 0xff], [0x61, 0x61, 0x80], [0x80, 0x61, 0x61, 0x61]]) {
      const encoded = encodeBase64(Uint8Array.from(bytes));
      expect(decodeAsciiBase64(encoded, 0, encoded.length)).toBeUndefined();
    }
  });
});
