import { expect, test } from 'vitest';
import { startProgress } from '../../cli/progress.js';
import { fakeStream } from './fake-terminal.js';

test('writes at most one line in five seconds where nobody looks', () => {
  const stream = fakeStream();
  let nowMs = 0;
  const progress = startProgress(stream, () => nowMs);
  for (; nowMs <= 12_000; nowMs += 100) progress.update(nowMs / 20_000, `at ${nowMs}`);
  progress.stop();
  expect(stream.text).toBe('25 %  at 5000\n50 %  at 10000\n');
});

test('a short task writes nothing', () => {
  const stream = fakeStream();
  const progress = startProgress(stream, () => 0);
  progress.update(1, 'done');
  progress.stop();
  expect(stream.text).toBe('');
});
