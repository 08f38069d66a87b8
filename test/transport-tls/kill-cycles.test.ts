/** Twenty kills of processes under load; `kill-cycles.long.test.ts` has many more. */
import { afterAll, expect, onTestFailed, test } from 'vitest';
import { removeTestDirectories } from '../support/certificates.js';
import { killCycles } from './kill-cycles.js';

afterAll(removeTestDirectories);

test('a cluster of processes killed 20 times under load loses and repeats nothing it should not', async () => {
  const result = await killCycles({ seed: 'twenty', cycles: 20 });
  onTestFailed(() => console.error(result.log.join('\n')));
  expect(result.problems).toEqual([]);
  expect(result.exitCodes).toEqual([0, 0, 0]);
  // What the claim is worth: kills of running and of recovering processes, and all that was promised.
  expect(result.kills).toBeGreaterThanOrEqual(20);
  expect(result.killsWhileStarting).toBeGreaterThan(0);
  expect(result.killsWhileStarting).toBeLessThan(result.kills);
  expect(result.messages).toBe(20 * 3 * 40);
});
