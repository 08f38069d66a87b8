import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter, varintLength } from '../../../core/message/bytes.js';

const anyCounter = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
);

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1);
  write(writer);
  return writer.view();
}

describe('varints', () => {
  test('come back as written, in the length that is announced', () => {
    fc.assert(
      fc.property(anyCounter, (value) => {
        const bytes = written((writer) => writer.varint(value));
        expect(bytes.length).toBe(varintLength(value));
        const reader = new ByteReader(bytes);
        expect(reader.varint()).toBe(value);
        reader.end();
      }),
    );
  });

  test.each([
    ['a longer form of 0', [0x80, 0x00], 'E_FRAME'],
    ['a longer form of 1', [0x81, 0x80, 0x00], 'E_FRAME'],
    ['2^53', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], 'E_COUNTER_RANGE'],
    ['more than eight bytes', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 'E_COUNTER_RANGE'],
    ['an end in the middle', [0x80], 'E_FRAME'],
  ])('refuse %s', (_what, bytes, code) => {
    expect(() => new ByteReader(Uint8Array.from(bytes)).varint()).toThrow(expect.objectContaining({ code }));
  });
});

describe('ByteReader', () => {
  test('refuses to read past its end, whatever is asked for', () => {
    const reader = (): ByteReader => new ByteReader(Uint8Array.of(3, 65, 66), 0);
    expect(() => reader().bytes(4)).toThrow('4 bytes needed, 3 left');
    expect(() => reader().text()).toThrow('3 bytes needed, 2 left');
    expect(() => reader().uint32()).toThrow('1 bytes needed, 0 left');
  });

  test.each(['', '.a', 'a..b', 'a/b', 'é', 'a b'])('refuses %j as a name', (name) => {
    const bytes = Uint8Array.from([name.length, ...Array.from(name, (char) => char.charCodeAt(0))]);
    expect(() => new ByteReader(bytes).name()).toThrow(expect.objectContaining({ code: 'E_FRAME' }));
  });

  test('refuses a name of 65 characters before reading it', () => {
    expect(() => new ByteReader(Uint8Array.of(65)).name()).toThrow('a name of 65 bytes exceeds 64');
  });

  test('refuses bytes that are left over', () => {
    expect(() => new ByteReader(Uint8Array.of(1)).end()).toThrow('1 bytes too many');
  });
});

test('text that is not ASCII is written as question marks', () => {
  const bytes = written((writer) => writer.text('a\né'));
  expect(new ByteReader(bytes).text()).toBe('a??');
});
