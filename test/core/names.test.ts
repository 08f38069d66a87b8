import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AntecedentError } from '../../core/errors.js';
import { clusterName, compareNames, isNodeName, nameLengthMax, nodeName } from '../../core/names.js';

const good = ['a', 'Z', '7', 'node-1', 'a.b', 'a_b', 'eu-west-1.db_3', 'a-', 'a_', 'x'.repeat(nameLengthMax)];

const bad: readonly (readonly [why: string, text: string])[] = [
  ['nothing', ''],
  ['one character too many', 'x'.repeat(nameLengthMax + 1)],
  ['a leading dot', '.a'],
  ['a leading hyphen', '-a'],
  ['a leading underscore', '_a'],
  ['two dots in a row', 'a..b'],
  ['a final dot', 'a.'],
  ['a slash', 'a/b'],
  ['a backslash', 'a\\b'],
  ['a colon, which separates the parts of a dot', 'a:1'],
  ['a tilde, which separates the incarnation', 'a~2'],
  ['a space', 'a b'],
  ['a line feed at the end', 'a\n'],
  ['a zero byte', 'a\0'],
  ['a letter outside ASCII', 'é'],
  ['a look-alike of a letter', 'а'],
];

/** Names as the rule says it, built without the pattern under test. */
const names = fc
  .string({
    unit: fc.constantFrom(...'abcXYZ019._-'.split('')),
    minLength: 1,
    maxLength: nameLengthMax,
  })
  .filter((text) => !/^[._-]/.test(text) && !text.includes('..') && !text.endsWith('.'));

describe('names', () => {
  test.each(good)('accepts %s', (text) => {
    expect(nodeName(text)).toBe(text);
    expect(clusterName(text)).toBe(text);
    expect(isNodeName(text)).toBe(true);
  });

  test('accepts whatever follows the rule', () => {
    fc.assert(fc.property(names, (text) => nodeName(text) === text && clusterName(text) === text));
  });

  test.each(bad)('refuses %s', (_why, text) => {
    expect(isNodeName(text)).toBe(false);
    expect(() => nodeName(text)).toThrow(expect.objectContaining({ code: 'E_NAME' }) as Error);
    expect(() => clusterName(text)).toThrow(expect.objectContaining({ code: 'E_NAME' }) as Error);
  });

  test('says which name it refused and what a name may be', () => {
    expect(() => nodeName('a/b')).toThrow(AntecedentError);
    expect(() => nodeName('a/b')).toThrow(/^"a\/b" is no node name: a name has 1 to 64 characters/);
    expect(() => clusterName('')).toThrow(/^"" is no cluster name/);
  });

  test('keeps upper and lower case apart', () => {
    expect(nodeName('A')).not.toBe(nodeName('a'));
  });
});

describe('compareNames', () => {
  test('orders by bytes: digits, upper case, lower case', () => {
    expect(['b', 'a', 'B', '1', 'a-b', 'ab', 'a'].sort(compareNames)).toEqual(['1', 'B', 'a', 'a', 'a-b', 'ab', 'b']);
  });

  test('agrees with a comparison of the bytes', () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        expect(compareNames(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});
