/** Bugs in who waits for whom: clocks, held-back messages, the past of a broadcast. */
import type { Mutant } from '../mutant.js';

export const orderingMutants: readonly Mutant[] = [
  {
    number: 'M01',
    name: 'blocked-message-blocks-all',
    about: 'While one message waits for its cause, nothing that comes after it is looked at: not even the cause.',
    seenIn: 'pluto v0.4, receiver',
    standsFor: 'a receiver that looks at the head of its queue again and again; here nobody looks, so nothing spins',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'if (queue.length === 0 && this.#missingOf(message) === undefined) {',
        to: 'if (this.#heldCount === 0 && this.#missingOf(message) === undefined) {',
      },
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'if (queue.length === 1) this.#releaseFrom([origin]);',
        to: 'if (this.#heldCount === 1) this.#releaseFrom([origin]);',
      },
    ],
    breaks: ['convergence', 'deadlock', 'livelock'],
  },
  {
    number: 'M21',
    name: 'covered-means-less',
    about: 'A cause counts as delivered when more than it was delivered: < where ≤ is meant.',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'if (this.releasedSeq(origin) >= seq) continue;',
        to: 'if (this.releasedSeq(origin) > seq) continue;',
      },
    ],
    breaks: ['convergence', 'deadlock', 'livelock'],
  },
  {
    number: 'M22',
    name: 'clock-merged-on-receive',
    about: 'What a message names counts as delivered as soon as the message is received.',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: `    const queue = this.#queueOf(origin);
    assert(message.seq`,
        to: `    for (let index = 0; index < message.changes.length; index += 2) {
      const named = message.changes[index] ?? 0;
      this.#queueOf(named);
      this.#released[named] = Math.max(this.releasedSeq(named), message.changes[index + 1] ?? 0);
    }
    const queue = this.#queueOf(origin);
    assert(message.seq`,
      },
    ],
    breaks: ['causal-order'],
  },
  {
    number: 'M23',
    name: 'clock-taken-before-delivery',
    about: 'The clock of a broadcast misses the message that was delivered last.',
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: `this.#addToPast(message.origin, message.seq);
      const { origin`,
        to: `const late = (this as { late?: typeof message }).late;
      if (late !== undefined) this.#addToPast(late.origin, late.seq);
      (this as { late?: typeof message }).late = message;
      const { origin`,
      },
    ],
    breaks: ['causal-order'],
  },
  {
    number: 'M24',
    name: 'fifo-only',
    about: 'Messages of one origin come in order, and nobody waits for those of others.',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'const { changes } = head;\n    for (let index = this.#checked[head.origin] ?? 0;',
        to: 'const { changes } = head;\n    for (let index = changes.length;',
      },
    ],
    breaks: ['causal-order'],
  },
  {
    number: 'M25',
    name: 'hold-back-drops-a-message',
    about: 'Of two messages that are held back at a time, the one that is released first is lost.',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: `this.#released[message.origin] = message.seq;
    this.#releasedQueue.push(message);`,
        to: `this.#released[message.origin] = message.seq;
    if (this.#heldCount !== 1) this.#releasedQueue.push(message);`,
      },
    ],
    breaks: ['causal-order', 'convergence', 'deadlock'],
  },
  {
    number: 'M28',
    name: 'handed-over-by-origin',
    about:
      'Of all that can be delivered, what the lowest origin wrote comes first: after a restart, when there is much, in another order.',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'const message = this.#releasedQueue.shift();',
        to: `const waiting = this.#releasedQueue.toArray().toSorted((a, b) => a.origin - b.origin);
    const message = waiting.shift();
    this.#releasedQueue.clear();
    for (const later of waiting) this.#releasedQueue.push(later);`,
      },
    ],
    breaks: ['causal-order', 'position-order', 'no-duplication'],
  },
  {
    number: 'M37',
    name: 'unknown-member-is-nobody',
    about: 'A cause that comes from somebody of whom nothing was delivered yet counts as none.',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'if (this.releasedSeq(origin) >= seq) continue;',
        to: 'if (this.releasedSeq(origin) === 0 || this.releasedSeq(origin) >= seq) continue;',
      },
    ],
    breaks: ['causal-order'],
  },

  // --- Of this code alone ----------------------------------------------------------------------------------------------

  {
    name: 'causal-check-leaves-out-an-entry',
    about: 'The first changed entry of a clock is not compared.',
    edits: [
      {
        file: 'core/causal/hold-back-queue.ts',
        from: 'for (let index = this.#checked[head.origin] ?? 0; index < changes.length; index += 2) {',
        to: 'for (let index = Math.max(2, this.#checked[head.origin] ?? 0); index < changes.length; index += 2) {',
      },
    ],
    breaks: ['causal-order'],
  },
  {
    name: 'restart-forgets-clock',
    about: 'After a restart a node that keeps the mark forgets what its application may have seen beyond the mark.',
    scenario: 'power-loss',
    shows: { scenario: 'power-loss', seed: 120 },
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'if (stored === undefined) this.#past[origin] = this.#holdBack.releasedSeq(origin);',
        to: '',
      },
    ],
    breaks: ['causal-order'],
  },
  {
    name: 'redelivery-sets-the-clock-back',
    about: 'What is delivered again after a restart replaces a newer entry in the clock of the next broadcast.',
    scenario: 'power-loss',
    shows: { scenario: 'power-loss', seed: 120 },
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'if (this.#isNews(origin, past)) this.#news.set(origin, past);',
        to: 'if (this.#isNews(origin, seq)) this.#news.set(origin, seq);',
      },
    ],
    breaks: ['causal-order'],
  },
];
