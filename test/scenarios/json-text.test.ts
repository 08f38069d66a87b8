import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkJsonText, JsonTextError, locateInJson } from '../../scenarios/json-text.js';

function refusal(text: string): string {
  try {
    checkJsonText(text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    return `${error.position.line}:${error.position.column} ${error.message}`;
  }
  return 'accepted';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('a text', () => {
  test('is accepted if it was written as JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 1, 4), (value, indent) => {
        expect(refusal(JSON.stringify(value, undefined, indent))).toBe('accepted');
      }),
    );
  });

  test('with one character changed is accepted if JSON.parse accepts it, unless a key is there twice', () => {
    const text = JSON.stringify({ a: [1, -2.5e3, true, null], 'b\\"c': { d: 'text \u00e9 \n' } });
    fc.assert(
      fc.property(
        fc.nat(text.length),
        fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '\\', '0', '.', 'e', '-', 'x', ' ', '\n', '\0', '/'),
        fc.boolean(),
        (at, character, replaces) => {
          const changed = text.slice(0, at) + character + text.slice(replaces ? at + 1 : at);
          expect(refusal(changed) === 'accepted', changed).toBe(isJson(changed));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

test.each<[text: string, expected: string]>([
  ['', '1:1 the text ends where a value should be; mend it'],
  ['{', '1:2 the text ends where a key in double quotes should be; mend it'],
  ['{"a": 1,\n "b" 2}', '2:6 there is "2" where ":" and the value of the key should be; mend it'],
  ['[1 2]', '1:4 there is "2" where "," or "]" should be; mend it'],
  ['[1,\n 2,\n]', '2:3 a comma before "]"; remove it'],
  ['{"a": NaN}', '1:7 NaN is no value of JSON; write a number, a text in double quotes, true, false or null'],
  ['{"a": -Infinity}', '1:7 -Infinity is no value of JSON; '],
  ['{"a": 01}', '1:7 01 is no value of JSON; '],
  ["{'a': 1}", '1:2 there is "\'" where a key in double quotes should be; mend it'],
  ['[1] // no', '1:5 JSON has no comments; remove it'],
  ['"abc', '1:1 a string that does not end; put a double quote behind it'],
  ['"a\nb"', '1:3 the character U+000A in a string; write it as an escape'],
  ['"C:\\d"', '1:4 no escape of JSON; write \\\\ for a backslash'],
  ['{"a": 1, "b": {"c": 1, "c": 2}}', '1:24 the key "c" is there twice; remove one'],
  ['{"__proto__": 1, "__proto__": 2}', '1:18 the key "__proto__" is there twice; remove one'],
  ['1 2', '1:3 there is "2" where the end of the text should be; mend it'],
  ['['.repeat(100_000), '1:66 nested more than 64 deep; write it flatter'],
])('says where and why: %j', (text, expected) => {
  expect(refusal(text).slice(0, expected.length)).toBe(expected);
});

describe('a place', () => {
  const text = '{\n  "nodes": ["a", "b"],\n  "faults": [\n    {"atMs": 1, "groups": [["a"], ["b", "z"]]}\n  ]\n}';

  test.each<[path: readonly (string | number)[], what: 'key' | 'value', at: string]>([
    [[], 'value', '1:1'],
    [['nodes'], 'key', '2:3'],
    [['nodes'], 'value', '2:12'],
    [['nodes', 1], 'value', '2:18'],
    [['faults', 0, 'groups', 1, 1], 'value', '4:41'],
    [['faults', 0, 'atMs'], 'key', '4:6'],
  ])('%j %s is at %s', (path, what, at) => {
    const { line, column } = locateInJson(text, path, what);
    expect(`${line}:${column}`).toBe(at);
  });

  test('of what is missing is that of what it is missing in', () => {
    expect(locateInJson(text, ['faults', 0, 'kind'], 'value')).toEqual({ line: 4, column: 5 });
    expect(locateInJson(text, ['options', 'link'], 'value')).toEqual({ line: 1, column: 1 });
  });
});
