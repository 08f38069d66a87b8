import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineReader } from '../../../transport-tls/pluto/line-reader.js';

/** The line in these pieces, and how many of them it took; undefined when there is none. */
function read(pieces: readonly Uint8Array[], lineBytesMax = 100): [string, number] | undefined {
  const reader = new LineReader(lineBytesMax);
  for (const [index, piece] of pieces.entries()) {
    const line = reader.push(piece);
    if (line !== undefined) return [Buffer.from(line).toString('latin1'), index + 1];
  }
  return undefined;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function bytewise(text: string): readonly Uint8Array[] {
  return [...bytesOf(text)].map((byte) => Uint8Array.of(byte));
}

const cases: readonly (readonly [string, string])[] = [
  ['old|old:1|x\r\n', 'old|old:1|x'],
  ['old|old:1|x\n', 'old|old:1|x'],
  ['\r\n', ''],
  ['\n', ''],
  ['> ping <\r\nline\r\n', 'line'],
  ['> ping <\r\n> ping <\n> ping <\r\nline\r\n', 'line'],
  ['> ping < \r\nline\r\n', '> ping < '],
  ['> ping\r\nline\r\n', '> ping'],
  ['a\rb\r\n', 'a\rb'],
  ['\x00\xff\r\n', '\x00\xff'],
  ['first\r\nsecond\r\n', 'first'],
];

describe('the first line that is no ping', () => {
  test.each(cases)('of %j', (text, line) => {
    expect(read([bytesOf(text)])).toEqual([line, 1]);
    expect(read(bytewise(text))?.[0]).toBe(line);
  });

  test('is the same in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.array(fc.nat(40)), ([text, line], cuts) => {
        const bytes = bytesOf(text);
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(read(pieces)?.[0]).toBe(line);
      }),
    );
  });

  test('is not there before its end is', () => {
    expect(read(bytewise('> ping <\r\nhalf a line\r'))).toBeUndefined();
    expect(read([])).toBeUndefined();
  });

  test('is refused as soon as it is too long, with its end or without', () => {
    const tooLong = expect.objectContaining({ code: 'E_PLUTO' }) as Error;
    expect(read([bytesOf(`${'x'.repeat(99)}\r\n`)])?.[0]).toHaveLength(99);
    expect(() => read([bytesOf('x'.repeat(101))])).toThrow(tooLong);
    expect(() => read(bytewise('x'.repeat(101)))).toThrow(tooLong);
    expect(() => read([bytesOf(`${'x'.repeat(101)}\r\n`)])).toThrow(tooLong);
  });

  test('does not count the pings in front of it', () => {
    expect(read(bytewise(`${'> ping <\r\n'.repeat(50)}line\r\n`), 10)?.[0]).toBe('line');
  });
});

test('keeps nothing of the chunks, and no more than a line', () => {
  const reader = new LineReader(1 << 20);
  const chunk = Buffer.from('x');
  for (let count = 0; count < 10_000; count++) expect(reader.push(chunk)).toBeUndefined();
  chunk.fill('y');
  const line = reader.push(Buffer.from('\n'));
  expect(Buffer.from(line ?? []).toString()).toBe('x'.repeat(10_000));
});
