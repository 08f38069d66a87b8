import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMessage, parseMessage, type PlutoMessage } from '../../../core/pluto/message.js';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !/[|;:\r\n]/.test(text));
const payload = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom('|', ';', ':', 'a', '0', '\0') }))
  .filter((text) => !/[\r\n]/.test(text));
const count = fc.oneof(fc.nat({ max: 12 }), fc.maxSafeNat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
const message: fc.Arbitrary<PlutoMessage> = fc.record({
  sender: name,
  clock: fc.uniqueArray(fc.tuple(name, count), { minLength: 1, maxLength: 8, selector: ([node]) => node }),
  payload,
});

const refused = (code: string, text: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as unknown });

describe('a message', () => {
  test('comes back from its line as it was, and the line from the message', () => {
    fc.assert(
      fc.property(message, (written) => {
        const line = formatMessage(written);
        expect(parseMessage(line)).toEqual(written);
        expect(formatMessage(parseMessage(line))).toBe(line);
      }),
    );
  });

  test('is read with the line break of either world, and written without', () => {
    const bare = 'worker-1|A:5;B:3|create|user|x';
    for (const end of ['', '\n', '\r\n']) expect(formatMessage(parseMessage(bare + end))).toBe(bare);
  });

  test.each<[line: string, expected: PlutoMessage]>([
    ['sender|A:5|abc', { sender: 'sender', clock: [['A', 5]], payload: 'abc' }],
    [
      'storage|worker-2:10;worker-1:3;worker-3:0|works',
      {
        sender: 'storage',
        clock: [
          ['worker-2', 10],
          ['worker-1', 3],
          ['worker-3', 0],
        ],
        payload: 'works',
      },
    ],
    ['a|a:1|', { sender: 'a', clock: [['a', 1]], payload: '' }],
    ['a|a:1|x|y||z;1:2', { sender: 'a', clock: [['a', 1]], payload: 'x|y||z;1:2' }],
    ['ö|__proto__:9007199254740991|ü', { sender: 'ö', clock: [['__proto__', 2 ** 53 - 1]], payload: 'ü' }],
  ])('%s', (line, expected) => {
    expect(parseMessage(line)).toEqual(expected);
    expect(formatMessage(expected)).toBe(line);
  });
});

describe('parseMessage refuses', () => {
  const tooMany = Array.from({ length: 257 }, (_, index) => `n${index}:1`).join(';');

  test.each<[what: string, line: string, start: string, part: string]>([
    ['nothing at all', '', 'invalid sync message', '""'],
    ['a line without bars', 'abc', 'invalid sync message', '"abc" has no "|"'],
    ['one bar', 'a|a:1', 'invalid sync message', 'only one "|"'],
    ['a ping', '> ping <', 'invalid sync message', '"> ping <"'],
    ['no sender', '||', 'invalid sync message because sender node name is missing', 'before the first "|"'],
    ['a sender that no clock can name', 'a:b|a:1|x', 'invalid sync message', '"a:b"'],
    ['half a surrogate pair as sender', '\ud800|a:1|x', 'invalid sync message', '"\\ud800"'],
    ['no clock', 'a||x', 'invalid vector clock element', '"" at character 3 has no ":"'],
    ['an entry without number', 'sender|A|abc', 'invalid vector clock element', '"A" at character 8'],
    ['an entry at the end that is empty', 'a|a:1;|x', 'invalid vector clock element', '"" at character 7'],
    ['two separators in a row', 'a|a:1;;b:1|x', 'invalid vector clock element', '"" at character 7'],
    ['an entry with two numbers', 'a|a:2:99|x', 'invalid vector clock element', '"a:2:99" at character 3'],
    ['an entry without name', 'a|:5|x', 'invalid vector clock element', '":5" at character 3 names no node'],
    ['a node named twice', 'a|a:1;b:2;a:3|x', 'invalid vector clock element', '"a:3" at character 11 is the second'],
    ['a carriage return in a name', 'a|a\r:1|x', 'invalid vector clock element', '"a\\r:1"'],
    ['more entries than members', `a|${tooMany}|x`, 'invalid vector clock element', '"n256:1"'],
    ['ten million semicolons', `a|${';'.repeat(1e7)}|x`, 'invalid vector clock element', '"" at character 3'],
    ['a word as number', 'sender|A:string|abc', 'invalid number as element in vector clock', '"A:string"'],
    ['an entry whose number is missing', 'a|a:|x', 'invalid number as element in vector clock', '"a:"'],
    ['a negative number', 'a|a:-1|x', 'invalid number as element in vector clock', '"a:-1"'],
    ['a plus sign', 'a|a:+1|x', 'invalid number as element in vector clock', '"a:+1"'],
    ['a leading zero', 'a|a:07|x', 'invalid number as element in vector clock', '"a:07"'],
    ['a fraction', 'a|a:1.5|x', 'invalid number as element in vector clock', '"a:1.5"'],
    ['an exponent', 'a|a:1e3|x', 'invalid number as element in vector clock', '"a:1e3"'],
    ['a hexadecimal number', 'a|a:0x1|x', 'invalid number as element in vector clock', '"a:0x1"'],
    ['a space before the number', 'a|a: 1|x', 'invalid number as element in vector clock', '"a: 1"'],
    ['digits of another script', 'a|a:٣|x', 'invalid number as element in vector clock', '"a:٣"'],
    ['2^53', 'a|a:9007199254740992|x', 'invalid number as element in vector clock', '"a:9007199254740992"'],
    ['a number of many digits', `a|a:${'9'.repeat(500)}|x`, 'invalid number as element in vector clock', '(502 ch'],
    ['a line break in the payload', 'a|a:1|x\ny', 'invalid sync message', 'line break at character 2'],
    ['a second line end', 'a|a:1|x\n\n', 'invalid sync message', 'line break at character 2'],
    ['a carriage return in the payload', 'a|a:1|\rx', 'invalid sync message', 'line break at character 1'],
  ])('%s', (_what, line, start, part) => {
    const parse = (): unknown => parseMessage(line);
    expect(parse).toThrow(refused('E_PLUTO', part));
    expect(parse).toThrow(new RegExp(`^${start}`));
  });

  test('what it shows of a long part fits a line', () => {
    expect(() => parseMessage('x'.repeat(1e6))).toThrow(/^.{0,300}$/);
  });
});

describe('formatMessage refuses what would come back as something else', () => {
  const valid: PlutoMessage = { sender: 'a', clock: [['a', 1]], payload: 'x' };

  test.each<[what: string, change: Partial<PlutoMessage>, text: string]>([
    ['no sender', { sender: '' }, 'sender node name is missing'],
    ['a bar in the sender', { sender: 'a|b' }, '"a|b"'],
    ['an empty clock', { clock: [] }, 'the clock is empty'],
    ['a name with a semicolon', { clock: [['a;b', 1]] }, '"a;b:1"'],
    ['a name with a colon', { clock: [['a:b', 1]] }, '"a:b:1"'],
    ['no name', { clock: [['', 1]] }, 'names no node'],
    ['a name with half a surrogate pair', { clock: [['\udc00', 1]] }, '"\\udc00:1"'],
    [
      'a node named twice',
      {
        clock: [
          ['a', 1],
          ['a', 1],
        ],
      },
      'is the second entry',
    ],
    ['a negative count', { clock: [['a', -1]] }, '"a:-1"'],
    ['half a message', { clock: [['a', 0.5]] }, '"a:0.5"'],
    ['2^53', { clock: [['a', 2 ** 53]] }, '"a:9007199254740992"'],
    ['no number', { clock: [['a', Number.NaN]] }, '"a:NaN"'],
    ['a line break in the payload', { payload: 'x\n' }, 'line break at character 2'],
  ])('%s', (_what, change, text) => {
    expect(() => formatMessage({ ...valid, ...change })).toThrow(refused('E_PLUTO', text));
  });
});

test.each(['\ud800', 'a\udc00b'])(
  'half of a character is not written, for it would arrive as another one: %j',
  (payload) => {
    expect(() => formatMessage({ sender: 'a', clock: [['a', 1]], payload })).toThrow('half of a character');
  },
);
