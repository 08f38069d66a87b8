import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  firstLineLength,
  formatClock,
  formatMessage,
  parseClockFile,
  parseMessage,
  textOf,
  trimLineEnd,
  trimSpace,
} from '../../../../core/pluto/model/text.js';

const message = (sender: string, clock: Readonly<Record<string, number>>, payload: string) => ({
  sender,
  clock: new Map(Object.entries(clock)),
  payload,
});

describe('a message is read as v0.4 reads it', () => {
  test.each([
    ['a|a:1;b:0|create|x', message('a', { a: 1, b: 0 }, 'create|x')],
    ['a|a:1|', message('a', { a: 1 }, '')],
    ['a|a:1|payload\n', message('a', { a: 1 }, 'payload')],
    // What the strict rules refuse.
    ['a|a:-3|x', message('a', { a: -3 }, 'x')],
    ['a|a:+07|x', message('a', { a: 7 }, 'x')],
    ['a|a:2:99|x', message('a', { a: 2 }, 'x')],
    ['a|a:1;a:5|x', message('a', { a: 5 }, 'x')],
    ['a|:1|x', message('a', { '': 1 }, 'x')],
  ])('%j', (line, parsed) => {
    expect(parseMessage(line)).toEqual(parsed);
  });

  test.each([
    ['', /^invalid sync message: ""/],
    ['a|a:1', /^invalid sync message: "a\|a:1"/],
    ['|a:1|x', /^invalid sync message because sender node name is missing/],
    ['a||x', /^invalid vector clock element/],
    ['a|a:1;b|x', /^invalid vector clock element/],
    ['a|a:|x', /^invalid number as element in vector clock/],
    ['a|a:1.5|x', /^invalid number as element in vector clock/],
    ['a|a:9223372036854775808|x', /^invalid number as element in vector clock/],
  ])('%j is refused', (line, words) => {
    expect(() => parseMessage(line)).toThrow(expect.objectContaining({ code: 'E_LOG_CORRUPT' }));
    expect(() => parseMessage(line)).toThrow(words);
  });
});

test('what is written is read again', () => {
  const written = message('a', { b: 0, a: 12 }, 'create|ann|SQ==|SQ==;t1');
  expect(formatMessage(written)).toBe('a|b:0;a:12|create|ann|SQ==|SQ==;t1');
  expect(parseMessage(formatMessage(written))).toEqual(written);
});

describe('the file of the clock', () => {
  test('is read, also when it is empty', () => {
    expect([...parseClockFile(formatClock([['b', 7], ['a', 0]]))]).toEqual([['b', 7], ['a', 0]]); // prettier-ignore
    expect([...parseClockFile('')]).toEqual([]);
  });

  test.each(['a:1;', 'a:1;b', 'a:', 'a:1;b:\0', '\0\0\0', 'a:1;b:3b:4'])('torn as %j it stops the start', (text) => {
    expect(() => parseClockFile(text)).toThrow(expect.objectContaining({ code: 'E_LOG_CORRUPT' }));
  });

  test('torn between two digits it goes unnoticed', () => {
    expect([...parseClockFile('a:1')]).toEqual([...parseClockFile('a:12'.slice(0, 3))]);
  });
});

test('a character is a byte', () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index % 256);
  expect(bytesOf(textOf(bytes))).toEqual(bytes);
});

test('lines end where Go says', () => {
  expect(['', 'ab', 'ab\n', 'a\nb\n'].map((text) => firstLineLength(bytesOf(text)))).toEqual([0, 2, 3, 2]);
  expect(trimLineEnd('> ping <\r\n\r\n')).toBe('> ping <');
  expect(trimSpace(' \t1 x y\r\n')).toBe('1 x y');
});
