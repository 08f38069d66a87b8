import { describe, expect, test } from 'vitest';
import type { Logger } from '../../core/index.js';
import { RetriedCalls } from '../../transport-tls/retried-calls.js';
import { snapshotHandlers, type SnapshotHooks } from '../../transport-tls/snapshots.js';
import { ManualClock } from './manual-clock.js';

interface Rig {
  readonly handlers: ReturnType<typeof snapshotHandlers>;
  readonly calls: RetriedCalls;
  readonly clock: ManualClock;
  readonly log: unknown[];
  /** Positions, in the order in which they were told. */
  readonly told: string[];
}

function rig(hooks: Partial<SnapshotHooks>): Rig {
  const clock = new ManualClock();
  const log: unknown[] = [];
  const told: string[] = [];
  const logger: Logger = { log: (level, event, fields) => log.push({ level, event, ...fields }) };
  const calls = new RetriedCalls(clock, logger, () => undefined);
  const all: SnapshotHooks = { snapshot: () => new Uint8Array(), restore: () => undefined, ...hooks };
  const handlers = snapshotHandlers(all, calls, { clock, logger });
  return { handlers, calls, clock, log, told };
}

async function made(hooks: Partial<SnapshotHooks>): Promise<{ readonly state: unknown; readonly log: unknown[] }> {
  const { handlers, log } = rig(hooks);
  return { state: await new Promise((resolve) => handlers.make(resolve)), log };
}

/** Lets every promise that can be settled run its course. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a snapshot that is made', () => {
  test.each([
    ['at once', () => Uint8Array.of(1, 2)],
    ['later', () => Promise.resolve(Uint8Array.of(1, 2))],
    ['as a Buffer', () => Buffer.from([1, 2])],
  ])('%s is handed on', async (_claim, snapshot) => {
    expect((await made({ snapshot })).state).toEqual(Uint8Array.of(1, 2));
  });

  test('is a copy', async () => {
    const own = Uint8Array.of(1, 2);
    const { state } = await made({ snapshot: () => own });
    own.fill(9);
    expect(state).toEqual(Uint8Array.of(1, 2));
  });

  const nothing: () => unknown = () => undefined;
  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
      'Error: no',
    ],
    ['rejects', () => Promise.reject(new Error('no')), 'Error: no'],
    ['gives no bytes', nothing as SnapshotHooks['snapshot'], 'TypeError: snapshot() must give a Uint8Array'],
  ])('by a function that %s is none, and the failure is logged', async (_claim, snapshot, reason) => {
    const { state, log } = await made({ snapshot });
    expect(state).toBeUndefined();
    expect(log).toEqual([{ level: 'error', event: 'snapshot-failed', code: 'E_APP', reason }]);
  });
});

test('a snapshot that takes half a minute is reported once, and still handed on', async () => {
  let settleIt: (state: Uint8Array) => void = () => undefined;
  const { handlers, clock, log, told } = rig({ snapshot: () => new Promise((resolve) => (settleIt = resolve)) });
  handlers.make((state) => told.push(`made ${String(state?.length)}`));
  clock.advance(29_999);
  expect(log).toEqual([]);
  clock.advance(1);
  clock.advance(60_000);
  expect(log).toEqual([{ level: 'warn', event: 'snapshot-slow', code: 'E_APP', waitedMs: 30_000 }]);
  settleIt(new Uint8Array(7));
  await settle();
  expect([told, clock.pending]).toEqual([['made 7'], 0]);
});

describe('a snapshot of another member', () => {
  test('is installed when `restore` has worked, which is tried again until then', async () => {
    const seen: unknown[] = [];
    const { handlers, calls, clock, log, told } = rig({
      restore: (state, position) => {
        seen.push([...state, position]);
        if (seen.length === 1) throw new Error('no');
      },
    });
    handlers.install(Uint8Array.of(7), 40, () => told.push('applied'));
    await settle();
    expect(calls.status).toMatchObject({ message: undefined, position: 40, failures: 1, lastError: 'Error: no' });
    expect(log).toMatchObject([{ event: 'apply-failed', message: 'snapshot for position 40' }]);
    expect(told).toEqual([]);
    clock.advance(100);
    await settle();
    expect(seen).toEqual([
      [7, 40],
      [7, 40],
    ]);
    expect(told).toEqual(['applied']);
  });
});
