/** Five hundred kills of processes under load. */
import { afterAll, expect, onTestFailed, test } from 'vitest';
import { removeTestDirectories } from '../support/certificates.js';
import { killCycles } from './kill-cycles.js';

afterAll(removeTestDirectories);

test('a cluster of processes killed 500 times under load loses and repeats nothing it should not', async () => {
  const result = await killCycles({ seed: 'five hundred', cycles: 500 });
  onTestFailed(() => console.error(result.log.join('\n')));
  expect(result.problems).toEqual([]);
  expect(result.exitCodes).toEqual([0, 0, 0]);
  expect(result.kills).toBeGreaterThanOrEqual(500);
  expect(result.killsWhileStarting).toBeGreaterThan(50);
});
