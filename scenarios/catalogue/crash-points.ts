/**
 * A run in which every single disk operation counts, made to be cut at each of them (see `../crash-points.ts`).
 *
 * So it is small, and yet holds what a journal does: appends of one page and of many, segments that roll every few
 * messages, a torn tail that is mended, recoveries. All machines lose power near the end, and keep nothing that was not
 * synced: what a node that had crashed before made durable in appearance only is found out then. Nothing is written right
 * before that, so that no later sync covers up for one that was left out; and a little after it, by which everybody sees
 * what the others hold. The longest appends come last, where nobody has to read them again.
 */
import { ms } from '../duration.js';
import { crash, powerLoss, slowDisk } from '../faults.js';
import type { OperationBody, PlannedOperation } from '../plan.js';
import { scenario, type Scenario } from '../scenario.js';
import { at } from '../schedule.js';
import { mailboxesProgram } from '../workloads/mailboxes.js';
import type { Workload } from '../workloads/workload.js';

const box = { user: 'user', mailbox: 'box' };

/** Every few milliseconds one, then a pause. `node` is the number of the node in the plan; `pick` is drawn. */
const operations: readonly (OperationBody & { readonly atMs: number; readonly node: number })[] = [
  { atMs: 20, node: 0, kind: 'create', ...box },
  { atMs: 28, node: 1, kind: 'append', ...box, mail: 'm1', bytes: 4_500 },
  // Three at a time, so that some arrive while a group is being written.
  { atMs: 46, node: 2, kind: 'append', ...box, mail: 'm3', bytes: 2_250 },
  { atMs: 47, node: 0, kind: 'append', ...box, mail: 'm4', bytes: 30 },
  { atMs: 48, node: 1, kind: 'append', ...box, mail: 'm5', bytes: 1_950 },
  { atMs: 60, node: 1, kind: 'expunge', ...box, pick: 0 },
  { atMs: 68, node: 0, kind: 'append', ...box, mail: 'm6', bytes: 3_750 },
  { atMs: 78, node: 2, kind: 'append', ...box, mail: 'm7', bytes: 900 },
  { atMs: 86, node: 0, kind: 'delete', ...box },
  { atMs: 94, node: 1, kind: 'append', ...box, mail: 'm8', bytes: 1_125 },
  { atMs: 200, node: 2, kind: 'append', ...box, mail: 'm9', bytes: 21_000 },
  { atMs: 206, node: 0, kind: 'append', ...box, mail: 'm10', bytes: 21_000 },
  { atMs: 214, node: 1, kind: 'delete', ...box },
];

const fewOperations: Workload = {
  ...mailboxesProgram,
  plan: ({ nodes, random }) =>
    operations.flatMap(({ node: index, ...operation }): readonly PlannedOperation[] => {
      const node = nodes[index];
      if (node === undefined) return [];
      return [{ ...operation, ...(operation.kind === 'expunge' ? { pick: random.below(1000) } : {}), node }];
    }),
};

export const smallLog: Scenario = scenario('small-log', {
  about: 'A few messages in small segments, then a loss of power that keeps only what was synced: for crash-points.',
  nodes: 3,
  workload: fewOperations,
  faults: [
    // Its append at 46 ms takes 2 ms, so this leaves a part of it.
    at(ms(45), slowDisk('c', { for: ms(3), profile: { writeMs: { minMs: 2, maxMs: 2 } } })),
    at(ms(47), crash('c', { for: ms(10) })),
    at(ms(160), powerLoss('all', { for: ms(10) })),
  ],
  application: (_random, node) => ({ memory: node === 'b' ? 'mark' : 'position' }),
  // A sync takes longer than a way across the network, so that whoever speaks before it is heard before it.
  link: { latency: { minMs: 0.3, maxMs: 0.8 } },
  disk: { syncMs: { minMs: 1.5, maxMs: 2.5 }, powerLoss: 'everything' },
  limits: { segmentBytesMax: 3 << 10 },
  timings: {
    handshakeMs: 40,
    heartbeatMs: 100,
    probeMs: 20,
    deadMs: 150,
    backoffMs: 5,
    backoffMaxMs: 40,
    stableMs: 50,
    wantRetryMs: 20,
  },
  expect: { convergeWithin: ms(2000) },
});
