/** Bugs in what stands for messages: journals without their beginning, checkpoints, snapshots. Of this code alone. */
import type { Mutant } from '../mutant.js';

export const snapshotMutants: readonly Mutant[] = [
  {
    name: 'retention-forgets-a-member',
    about: 'A journal drops what one of the members has not synced.',
    scenario: 'snapshot-join',
    edits: [
      {
        file: 'core/replica/retention.ts',
        from: 'for (const peer of peers.values()) {\n      if (peer.isDemoted) continue;',
        to: 'for (const peer of [...peers.values()].slice(1)) {\n      if (peer.isDemoted) continue;',
      },
    ],
    breaks: ['retention'],
  },
  {
    name: 'retention-goes-a-batch-too-far',
    about: 'The first batch that a member lacks may be dropped.',
    scenario: 'snapshot-join',
    edits: [
      {
        file: 'core/replica/retention.ts',
        from: 'const ordinal = index.ordinalOf(seq + 1);',
        to: 'const ordinal = index.ordinalOf(seq + 1) + 1;',
      },
    ],
    breaks: ['retention'],
  },
  {
    name: 'retention-forgets-the-application',
    about: 'A journal drops what its own application has not been given.',
    scenario: 'snapshot-join',
    edits: [
      {
        file: 'core/replica/retention.ts',
        from: 'let address = Math.min(ownNeed, endAddress);',
        to: 'let address = endAddress;',
      },
    ],
    breaks: ['retention', 'no-unexpected-stop'],
  },
  {
    name: 'checkpoint-without-held-messages',
    about: 'What waited for a cause when a segment began counts as released there.',
    scenario: 'snapshot-join',
    shows: { scenario: 'snapshot-join', seed: 109 },
    edits: [
      {
        file: 'core/replica/checkpointing.ts',
        from: '...deliveries.heldLog(origin), state: logs.durableState(origin) }));',
        to: 'releasedSeq: logs.durableState(origin).nextSeq - 1, held: [], state: logs.durableState(origin) }));',
      },
    ],
    breaks: ['position-order', 'causal-order', 'no-unexpected-stop'],
  },
  {
    name: 'snapshot-without-its-position',
    about: 'A snapshot counts as one message.',
    scenario: 'snapshot-join',
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'this.#taken = installed.position - 1;\n    this.#holdBack',
        to: 'this.#holdBack',
      },
      {
        file: 'core/replica/deliveries.ts',
        from: 'const { position } = installed;\n    this.#taken = position;',
        to: 'const { position } = installed;\n    this.#taken++;',
      },
    ],
    breaks: ['position-order', 'no-duplication', 'no-unexpected-stop'],
  },
  {
    name: 'delivered-again-behind-a-snapshot',
    about: 'What was released and not taken is still delivered when a snapshot has come that holds it.',
    scenario: 'snapshot-join',
    shows: { scenario: 'snapshot-join', seed: 20 },
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'if (message.seq <= (seqs.get(message.origin) ?? 0)) continue;',
        to: '',
      },
    ],
    breaks: ['no-duplication', 'position-order'],
  },
  {
    name: 'snapshot-lacks-what-we-have',
    about: 'A snapshot is given and installed that does not hold what the application had already.',
    scenario: 'snapshot-join',
    edits: [
      {
        file: 'core/replica/snapshots.ts',
        from: 'if (seq > (seqs.get(origin) ?? 0)) return undefined;',
        to: 'if (seq < 0) return undefined;',
      },
      {
        file: 'core/replica/snapshot-donor.ts',
        from: 'for (const [origin, seq] of held) if (seqs(origin) < seq) return false;',
        to: '',
      },
    ],
    breaks: ['causal-order', 'no-duplication', 'position-order', 'stability', 'no-unexpected-stop'],
  },
  {
    name: 'heads-are-not-woken-by-a-snapshot',
    about: 'What waited for a message that has come with a snapshot goes on waiting.',
    scenario: 'snapshot-join',
    shows: { scenario: 'snapshot-join', seed: 495 },
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'for (const origin of order) this.#releaseFrom([origin]);',
        to: '',
      },
    ],
    breaks: ['convergence', 'deadlock', 'no-unexpected-stop'],
  },
];
