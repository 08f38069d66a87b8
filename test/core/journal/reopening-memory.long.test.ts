/** A log may be much larger than memory: opening it holds one segment at a time. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Journal, recordTypes, type JournalEntry, type Result } from '../../../core/index.js';
import { temporaryDirectory } from '../../cli/temporary-directory.js';
import { realJournalOptions } from '../../support/real-journal.js';
import { valueOf } from './journal-fixture.js';
import type { Reopened } from './reopening-process.js';

const messages = 1_000_000;
/** Enough for a log that, held in memory as a whole, would be noticed. */
const messageBytes = 250;
const messagesPerRecord = 64;
const recordsPerAppend = 125;
const growthMiBMax = 128;

async function answered<T>(call: (done: (result: Result<T>) => void) => void): Promise<T> {
  return valueOf(await new Promise<Result<T>>(call));
}

/** A new log on real files with these records, appended in groups. */
async function write(directory: string, records: number): Promise<void> {
  mkdirSync(directory);
  const journal = await answered<Journal>((done) => Journal.open(realJournalOptions(directory), () => undefined, done));
  const body = new Uint8Array(messageBytes * messagesPerRecord).fill(0x5a);
  const group = Array.from({ length: recordsPerAppend }, (): JournalEntry => ({ type: recordTypes.localBatch, body }));
  for (let written = 0; written < records; written += group.length) {
    await answered((done) => journal.append(group, done));
  }
  await answered((done: (result: Result<void>) => void) => journal.close(done));
}

/** Opens a log in a process of its own. */
function reopen(directory: string): Reopened {
  const script = join(import.meta.dirname, 'reopening-process.ts');
  const output = execFileSync(process.execPath, ['--import', 'tsx', script, directory], { encoding: 'utf8' });
  return JSON.parse(output) as Reopened;
}

test('opening a log of a million messages takes little more memory than opening an empty one', async () => {
  const directory = temporaryDirectory();
  const records = messages / messagesPerRecord;
  await write(join(directory, 'empty'), 0);
  await write(join(directory, 'full'), records);
  const empty = reopen(join(directory, 'empty'));
  const full = reopen(join(directory, 'full'));
  expect(empty).toMatchObject({ records: 0, bodyBytes: 0 });
  expect(full).toMatchObject({ records, bodyBytes: messages * messageBytes });
  expect((full.peakKiB - empty.peakKiB) / 1024).toBeLessThan(growthMiBMax);
});
