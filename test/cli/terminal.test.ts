import { expect, test } from 'vitest';
import { paint, printable, wantsColor } from '../../cli/terminal.js';
import { fakeStream } from './fake-terminal.js';

test.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
  [false, { FORCE_COLOR: '1' }, true],
  [true, { FORCE_COLOR: '0' }, false],
  [true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
])('a terminal (%s) in the environment %j shows colours: %s', (isTty, environment, expected) => {
  expect(wantsColor(isTty, environment)).toBe(expected);
});

test('leaves text alone where no colours are shown', () => {
  expect(paint(fakeStream(), 'red', 'text')).toBe('text');
  expect(paint(fakeStream({ hasColor: true }), 'red', 'text')).toContain('\u001b[31m');
});

test('writes as escapes what could move the cursor or turn the text around', () => {
  expect(printable('a\u001b[2Jb\rc\u202Ed\ne')).toBe('a\\u001b[2Jb\\u000dc\\u202ed\ne');
});
