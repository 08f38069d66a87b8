import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatPlan, readPlan } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { hopelessPlan } from './hopeless-plan.js';
import { temporaryDirectory } from './temporary-directory.js';

interface RunDocument {
  readonly [key: string]: unknown;
  readonly traceHash: string;
}

function writeHopelessPlan(): string {
  const path = join(temporaryDirectory(), 'hopeless.json');
  writeFileSync(path, formatPlan(hopelessPlan()));
  return path;
}

test('a run that holds says so, with its numbers, and what to try next', async () => {
  const { exitCode, out, err } = await antecedent('run', 'calm', '--seed', '2');
  expect([exitCode, err]).toEqual([0, '']);
  expect(out).toContain('HELD  calm, seed 2: every property held.');
  expect(out).toMatch(/^  simulated +3 nodes for /m);
  expect(out).toMatch(/^  network +\d+\.\d messages and \d+ bytes per broadcast/m);
  expect(out).toMatch(/^  delivery +within \d+ ms for half of them, \d+ ms for 99 %, \d+ ms for all$/m);
  expect(out).toMatch(/^  disks +\d+\.\d syncs per broadcast, at most [\d,]+ bytes on one disk$/m);
  expect(out).toMatch(/^  waiting +at most 0 bytes in the links of one node$/m);
  expect(out).toMatch(/^  memory +at most [\d,]+ bytes counted in one node: [\d,]+ in messages, /m);
  expect(out).toContain('antecedent run calm --seed 3');
});

test('prints exactly one JSON document, the same for the same seed', async () => {
  const documents: RunDocument[] = [];
  for (const seed of ['4', '4', '5']) {
    const { exitCode, out, err } = await antecedent('run', 'calm', '--seed', seed, '--json');
    expect([exitCode, err]).toEqual([0, '']);
    documents.push(JSON.parse(out) as RunDocument);
  }
  const [first, second, third] = documents;
  expect(first).toMatchObject({
    scenario: 'calm',
    seed: 4,
    system: 'antecedent',
    on: 'sim',
    verdict: 'pass',
    violations: [],
    planPath: null,
  });
  expect(Object.keys(first ?? {})).toEqual([
    'scenario', 'seed', 'system', 'on', 'verdict', 'violations', 'traceHash', 'events', 'broadcasts', 'deliveries',
    'simulatedMs', 'wallMs', 'faults', 'metrics', 'goals', 'planPath',
  ]); // prettier-ignore
  expect({ ...second, wallMs: 0 }).toEqual({ ...first, wallMs: 0 });
  expect(third?.traceHash).not.toBe(first?.traceHash);
});

test('keeps the plan of a run that held where it is asked to', async () => {
  const directory = join(temporaryDirectory(), 'deep', 'plans');
  const { out } = await antecedent('run', 'calm', '--seed', '6', '--out', directory, '--json');
  const path = join(directory, 'calm-6.json');
  expect(JSON.parse(out)).toMatchObject({ planPath: path });
  expect(readPlan(readFileSync(path, 'utf8'), path)).toMatchObject({ scenario: 'calm', seed: '6' });
});

test('a plan file runs as its scenario and seed did', async () => {
  const directory = temporaryDirectory();
  const first = JSON.parse(
    (await antecedent('run', 'lossy', '--seed', '7', '--out', directory, '--json')).out,
  ) as RunDocument;
  const again = await antecedent('run', join(directory, 'lossy-7.json'), '--json');
  expect(again.exitCode).toBe(0);
  expect(JSON.parse(again.out)).toMatchObject({ traceHash: first.traceHash, seed: 7 });
});

test('a violation exits with 1 and fits on a screen', async () => {
  const path = writeHopelessPlan();
  const { exitCode, out } = await antecedent('run', path);
  expect(exitCode).toBe(1);
  expect(out).toMatch(/^VIOLATED {2}partition-heal, seed 3: \w+ violated/);
  expect(out).toContain(`antecedent replay ${path}`);
  expect(out.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
});

test('a violation in JSON names property, nodes and messages', async () => {
  const { exitCode, out } = await antecedent('run', writeHopelessPlan(), '--json');
  expect(exitCode).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    verdict: 'liveness',
    violations: [{ kind: 'liveness', sentence: expect.stringContaining('was never given') as string }],
  });
});

test('refuses a file that is no plan, and options that a plan already holds', async () => {
  const path = join(temporaryDirectory(), 'broken.json');
  writeFileSync(path, '{ "version": 1, "nodes": [] }');
  const broken = await antecedent('run', path);
  expect([broken.exitCode, broken.out]).toEqual([2, '']);
  expect(broken.err).toContain('nodes');
  expect((await antecedent('run', path, '--seed', '4')).err).toContain('a plan holds its own seed');
  expect((await antecedent('run', path, '--input', path)).err).toContain('a plan holds its own operations');
});

test('writes every event to the trace file', async () => {
  const path = join(temporaryDirectory(), 'trace.txt');
  const { out } = await antecedent('run', 'calm', '--trace', path, '--json');
  const { events } = JSON.parse(out) as { events: number };
  expect(readFileSync(path, 'utf8').trimEnd().split('\n').length).toBeGreaterThanOrEqual(events);
});

test('every node is given every line of a file exactly once, whatever its bytes, under faults', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'lines.txt');
  const lines = [
    ...Array.from({ length: 40 }, (_, i) => Buffer.from(`line ${i % 17}`)),
    Buffer.from(''),
    Buffer.from([0xff, 0x00, 0x0d]),
  ];
  const file = Buffer.concat(lines.map((line) => Buffer.concat([line, Buffer.from('\n')])));
  writeFileSync(path, file);
  const sorted = lines.toSorted(Buffer.compare).flatMap((line) => [line, Buffer.from('\n')]);
  const sha256 = createHash('sha256').update(Buffer.concat(sorted)).digest('hex');

  const { exitCode, out } = await antecedent('run', '--input', path, '--seed', '2', '--json');
  expect(exitCode).toBe(0);
  const equal = (node: string): object => ({ node, lines: 42, sha256, isEqual: true });
  expect(JSON.parse(out)).toMatchObject({
    scenario: 'lines',
    lines: { lines: 42, sha256, isComplete: true, nodes: ['a', 'b', 'c', 'd', 'e'].map(equal) },
  });
  const text = await antecedent('run', 'crash-restart', '--input', path);
  expect(text.out).toContain(sha256);
  expect(text.out.match(/ equal$/gm)).toHaveLength(3);
  expect(readdirSync(directory)).toEqual(['lines.txt']);
});

test('an empty file is no lines, and no failure', async () => {
  const path = join(temporaryDirectory(), 'empty.txt');
  writeFileSync(path, '');
  const { exitCode, out } = await antecedent('run', 'calm', '--input', path, '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ lines: { lines: 0, isComplete: true } });
  expect(existsSync('runs/calm-1.json')).toBe(false);
});

const mine = join(import.meta.dirname, '../support/unruly-scenarios.ts');

test("a scenario of a file of one's own is run, and its plan is replayed with that file", async () => {
  const directory = temporaryDirectory();
  const { exitCode, out } = await antecedent('run', `${mine}#own-workload`, '--seed', '4', '--out', directory);
  expect(exitCode).toBe(0);
  expect(out).toContain('HELD  own-workload, seed 4');
  expect(out).toContain(`Next: antecedent run ${mine}#own-workload --seed 5`);
  const plan = join(directory, 'own-workload-4.json');
  const lost = await antecedent('replay', plan);
  expect(lost.exitCode).toBe(2);
  expect(lost.err).toContain('workload: "my-lines" is unknown');
  expect(lost.err).toContain('--scenario-file');
  expect((await antecedent('replay', plan, '--scenario-file', mine)).exitCode).toBe(0);
  expect((await antecedent('run', plan, '--scenario-file', mine)).exitCode).toBe(0);
  const story = await antecedent('report', plan, '--scenario-file', mine, '--format', 'text');
  expect(story.out).toContain('HELD  own-workload, seed 4');
});

test('a file of several scenarios needs to be told which', async () => {
  const { exitCode, err } = await antecedent('run', mine);
  expect(exitCode).toBe(2);
  expect(err).toMatch(/has several scenarios \(.*\): name one of them, as in .*unruly-scenarios\.ts#/);
});

test('a plan is run without some of its faults, and is not overwritten by what is left', async () => {
  const directory = temporaryDirectory();
  await antecedent('run', 'crash-restart', '--out', directory);
  const plan = join(directory, 'crash-restart-1.json');
  const before = readFileSync(plan, 'utf8');
  const { out } = await antecedent('run', plan, '--no-crash', '--out', directory, '--json');
  expect(JSON.parse(out)).toMatchObject({ planPath: join(directory, 'crash-restart-1-varied.json') });
  expect(readFileSync(plan, 'utf8')).toBe(before);
  expect(readFileSync(join(directory, 'crash-restart-1-varied.json'), 'utf8')).not.toContain('"crash"');
});
