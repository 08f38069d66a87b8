/**
 * How fast a log is read: recovery alone, beside the checksum of the same bytes; and the start of a node on a log of a
 * million messages, beside reading the same files.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { alternate, type BenchResult } from './case.js';
import { recoverLog, writeLog, type LogShape } from './log-writer.js';

const rounds = 5;
const messages = 1_000_000;
const payloadBytes = 100;

/** Messages in one record: one is the worst case, a node that syncs each message by itself; 64 is a moderate load. */
const shapes: readonly LogShape[] = [
  { messages, payloadBytes, perBatch: 64 },
  { messages, payloadBytes, perBatch: 1 },
];

export async function benchJournal(): Promise<readonly BenchResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'antecedent-bench-log-'));
  try {
    const results: BenchResult[] = [];
    for (const shape of shapes) {
      const log = join(directory, String(shape.perBatch));
      mkdirSync(log);
      await writeLog(log, shape);
      results.push(...(await benchScan(log, shape)), ...(await benchReopen(log, shape)));
      rmSync(log, { recursive: true });
    }
    return results;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function benchScan(log: string, { perBatch }: LogShape): Promise<readonly BenchResult[]> {
  const segments = readSegments(log);
  const bytes = segments.reduce((sum, segment) => sum + segment.length, 0);
  const inMebibytes = (ms: number): number => bytes / (1 << 20) / (ms / 1000);
  const name = `scan, ${perBatch} messages a record`;
  const figures = await alternate(rounds, {
    [`${name}, MiB/s`]: () => inMebibytes(timed(() => recoverLog(segments))),
    'CRC-32 of the same bytes, MiB/s': () =>
      inMebibytes(timed(() => segments.reduce((sum, segment) => crc32(segment, sum), 0))),
  });
  const [ours = Number.NaN, checksum = Number.NaN] = Object.values(figures);
  return [{ case: `journal: ${name}`, unit: 'MiB/s', ours, peers: { 'CRC-32': checksum } }];
}

async function benchReopen(log: string, { perBatch }: LogShape): Promise<readonly BenchResult[]> {
  const name = `reopen 10^6 messages, ${perBatch} a record`;
  const grownMiB: number[] = [];
  const figures = await alternate(rounds, {
    [`${name}, ms`]: () => {
      const { openedMs, grownBytes } = reopen(log);
      grownMiB.push(grownBytes / (1 << 20));
      return openedMs;
    },
    'reading the same files, ms': () => timed(() => readSegments(log)),
  });
  const [ours = Number.NaN, reading = Number.NaN] = Object.values(figures);
  return [
    { case: `journal: ${name}`, unit: 'ms', ours, peers: { 'reading the files': reading } },
    {
      case: `journal: memory above an empty log, ${perBatch} a record`,
      unit: 'MiB',
      ours: Math.max(...grownMiB),
      peers: {},
    },
  ];
}

/** In a process of its own: how long until the node is ready, and by how much that has made the process grow. */
function reopen(log: string): { readonly openedMs: number; readonly grownBytes: number } {
  const program = fileURLToPath(new URL('reopen-member.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, log, String(messages)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`reopening failed: ${stderr}`);
  return JSON.parse(stdout) as { openedMs: number; grownBytes: number };
}

function readSegments(log: string): readonly Uint8Array[] {
  const names = readdirSync(log).filter((name) => name.endsWith('.log'));
  return names.sort().map((name) => readFileSync(join(log, name)));
}

function timed(work: () => unknown): number {
  const startedAtMs = performance.now();
  work();
  return performance.now() - startedAtMs;
}
