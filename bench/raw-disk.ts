/** The limit that the disk sets: appends of one size, each followed by fdatasync, by nobody else. */
import { median } from './case.js';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const durationMs = 1_500;

/** Synced appends of `bytes` a second, in a temporary directory below `parent`. */
export function rawSyncsPerSecond(bytes: number, parent: string = tmpdir()): number {
  const timesMs = syncTimesMs(bytes, parent);
  return (timesMs.length * 1000) / timesMs.reduce((sum, timeMs) => sum + timeMs, 0);
}

/** How long a synced append of `bytes` takes: the median. */
export function rawSyncMs(bytes: number, parent: string = tmpdir()): number {
  return median(syncTimesMs(bytes, parent));
}

function syncTimesMs(bytes: number, parent: string): readonly number[] {
  const directory = mkdtempSync(join(parent, 'antecedent-bench-'));
  const fd = openSync(join(directory, 'raw'), 'wx');
  try {
    const block = new Uint8Array(bytes).fill(7);
    const timesMs: number[] = [];
    const startedAtMs = performance.now();
    for (let nowMs = startedAtMs; nowMs - startedAtMs < durationMs;) {
      writeSync(fd, block);
      fdatasyncSync(fd);
      const doneAtMs = performance.now();
      timesMs.push(doneAtMs - nowMs);
      nowMs = doneAtMs;
    }
    return timesMs;
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}
