/** The limit that the disk sets: appends of one size, each followed by fdatasync, by nobody else. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const durationMs = 1_500;

/** Synced appends of `bytes` a second, in a temporary directory below `parent`. */
export function rawSyncsPerSecond(bytes: number, parent: string = tmpdir()): number {
  const directory = mkdtempSync(join(parent, 'antecedent-bench-'));
  const fd = openSync(join(directory, 'raw'), 'wx');
  try {
    const block = new Uint8Array(bytes).fill(7);
    let syncs = 0;
    const startedAtMs = performance.now();
    while (performance.now() - startedAtMs < durationMs) {
      writeSync(fd, block);
      fdatasyncSync(fd);
      syncs += 1;
    }
    return (syncs * 1000) / (performance.now() - startedAtMs);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}
