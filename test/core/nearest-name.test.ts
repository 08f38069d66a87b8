import { describe, expect, test } from 'vitest';
import { nearestName, unknownName } from '../../core/index.js';

test.each([
  ['nme', ['name', 'cluster'], 'name'],
  ['Peers', ['peers', 'tls'], 'peers'],
  ['datadir', ['data', 'dataDir'], 'dataDir'],
  ['xyz', ['name', 'cluster'], undefined],
  ['x'.repeat(1_000_000), ['name'], undefined],
  ['x', [], undefined],
])('the name nearest to %.20j of %j is %j', (name, known, nearest) => {
  expect(nearestName(name, known)).toBe(nearest);
});

describe('a message about an unknown name', () => {
  test('says what was probably meant', () => {
    expect(unknownName('key', 'nme', ['name', 'data'])).toBe('unknown key "nme": did you mean "name"?');
  });

  test('says all there is when nothing is near', () => {
    expect(unknownName('key', 'xyz', ['name', 'data'])).toBe('unknown key "xyz". There are: name, data');
    expect(unknownName('key', 'xyz', [])).toBe('unknown key "xyz": none is valid here');
  });

  test('is one short line, whatever the name', () => {
    expect(unknownName('key', `a\n${'x'.repeat(1000)}`, ['name'])).toBe(
      `unknown key "a\\n${'x'.repeat(98)}". There are: name`,
    );
  });
});
