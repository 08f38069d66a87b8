/** A protocol that is not ours, in our simulator: the planted bug is found, and nothing is found without it. */
import { expect, test } from 'vitest';
import { firstLoss, runRegister } from '../../examples/primary-backup/main.js';

test('a write that is done before the backup has stored it is lost with the primary, and a seed shows it', () => {
  const loss = firstLoss('sent', 100);
  expect(loss?.run.violation).toMatch(/^write \d+ \(value \d+\) was done, and the backup has (nothing|write \d+)$/);
  expect(loss?.run.kept.version).toBeLessThan(loss?.run.done.version ?? 0);
});

test('a write that is done when the backup has stored it is never lost', () => {
  expect(firstLoss('stored', 300)).toBeUndefined();
});

test('the writes get through, and the world does its harm', () => {
  const runs = Array.from({ length: 30 }, (_, seed) => runRegister(String(seed), 'stored'));
  expect(runs.filter(({ done }) => done.version > 3).length).toBeGreaterThan(20);
  const kinds = new Set(runs.flatMap(({ faults }) => [...faults.keys()]));
  for (const kind of ['loss', 'cut', 'partition', 'crash', 'power-loss', 'restart', 'splitting']) {
    expect(kinds).toContain(kind);
  }
});

test('a seed is one run', () => {
  expect(runRegister('7', 'sent')).toEqual(runRegister('7', 'sent'));
});
