/** The planted bugs. Each is one that a real system had, or one that this code could easily have. */
import type { Mutant } from './mutant.js';

export const mutants: readonly Mutant[] = [
  {
    id: 'causal-check-leaves-out-an-entry',
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
    id: 'accept-before-sync',
    about: 'A broadcast is accepted at once, and written later.',
    edits: [
      {
        file: 'core/replica/replica.ts',
        from: 'this.#acceptance.expect(seq, durable);',
        to: "if (durable === 'here') this.#knowledge.outbox.receipt(seq); else this.#acceptance.expect(seq, durable);",
      },
    ],
    breaks: ['durability'],
  },
  {
    id: 'acknowledge-before-sync',
    about: 'A peer is told that a batch is synced as soon as it has arrived.',
    scenario: 'power-loss',
    edits: [
      {
        file: 'core/replica/exchange.ts',
        from: 'const seq = this.#options.logs.durableSeq(this.#originOf(session));',
        to: 'const seq = this.#options.logs.receivedSeq(this.#originOf(session));',
      },
      {
        file: 'core/replica/exchange.ts',
        from: 'if (isTheirOwn) this.#noteTaken(session, result.batch, nowMs);',
        to: 'if (isTheirOwn) this.#noteTaken(session, result.batch, nowMs); this.#oweAck(session);',
      },
    ],
    breaks: ['durability'],
  },
  {
    id: 'send-before-sync',
    about: 'A batch leaves for the peers while it is being written.',
    scenario: 'power-loss',
    edits: [
      {
        file: 'core/replica/replica.ts',
        from: "group.push({ type: 'own-batch', sealed, taken: this.#takeOwn(sealed) });",
        to: `{
          group.push({ type: 'own-batch', sealed, taken: this.#takeOwn(sealed) });
          for (const { session } of this.#knowledge.peers.values()) {
            if (session !== undefined) this.#knowledge.outbox.send(session.link, sealed.frame);
          }
        }`,
      },
    ],
    breaks: ['durability', 'integrity'],
  },
  {
    id: 'clock-taken-before-delivery',
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
    id: 'no-dedupe-after-restart',
    about: 'A restarted node does not remember what the application has been given.',
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'if (this.#storedPosition !== undefined) this.#skipTo(this.#storedPosition);',
        to: '',
      },
      {
        file: 'core/replica/deliveries.ts',
        from: 'if (stored !== undefined && stored !== this.#taken && !this.#isWaitingForSnapshot(stored)) {',
        to: 'if (stored !== undefined && stored < this.#taken && !this.#isWaitingForSnapshot(stored)) {',
      },
    ],
    breaks: ['no-duplication'],
  },
  {
    id: 'no-resend-after-reconnect',
    about: 'A new link goes on where the log ends, not where the peer has stopped.',
    edits: [
      {
        file: 'core/replica/sending.ts',
        from: `    peer.cursor = this.#ownLog.index.ordinalOf(heldSeq + 1);
    peer.sentSeq = heldSeq;`,
        to: `    peer.cursor = this.#ownLog.index.end;
    peer.sentSeq = heldSeq;`,
      },
    ],
    breaks: ['convergence', 'deadlock'],
  },
  {
    id: 'hold-back-drops-a-message',
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
    id: 'mark-is-forgotten',
    about: 'A node that keeps the mark ignores the one on its disk.',
    scenario: 'crash-restart',
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: `  restoreMark(position: number): void {
    if (this.#storedPosition !== undefined) return;`,
        to: `  restoreMark(position: number): void {
    if (position > 0) return;`,
      },
    ],
    breaks: ['no-duplication'],
  },
  {
    id: 'restart-forgets-clock',
    about: 'After a restart a node that keeps the mark forgets what its application may have seen beyond the mark.',
    scenario: 'power-loss',
    seed: 54,
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
    id: 'redelivery-sets-the-clock-back',
    about: 'What is delivered again after a restart replaces a newer entry in the clock of the next broadcast.',
    scenario: 'power-loss',
    seed: 78,
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'if (this.#isNews(origin, past)) this.#news.set(origin, past);',
        to: 'if (this.#isNews(origin, seq)) this.#news.set(origin, seq);',
      },
    ],
    breaks: ['causal-order'],
  },
  {
    id: 'close-before-persist',
    about: 'A node that is closed takes its leave while something still waits for the disk.',
    scenario: 'crash-restart',
    edits: [
      {
        file: 'core/node.ts',
        from: "if (this.#state === 'closing' && this.#replica.isPersisted) this.#sayGoodbye();",
        to: "if (this.#state === 'closing') this.#sayGoodbye();",
      },
    ],
    breaks: ['durability', 'no-duplication'],
  },
  {
    id: 'closed-logs-are-not-fetched',
    about: 'Nobody asks for what others hold more of, of logs that nobody writes any more.',
    scenario: 'wiped-disk',
    edits: [
      {
        file: 'core/replica/fetching.ts',
        from: 'if (closedLogs.isClosed(origin)) return true;',
        to: 'if (closedLogs.isClosed(origin)) return false;',
      },
    ],
    breaks: ['convergence', 'deadlock'],
  },
  {
    id: 'repair-keeps-the-incarnation',
    about: 'A repaired log goes on under the incarnation that it had.',
    scenario: 'repaired-log',
    edits: [
      {
        file: 'core/journal/repair.ts',
        from: 'const incarnation = known + 1;',
        to: 'const incarnation = known;',
      },
    ],
    breaks: ['integrity', 'convergence', 'deadlock', 'durability'],
  },
  {
    id: 'repair-looks-at-headers-alone',
    about:
      'A second repair does not see the incarnation that the first one began, because that stands in a record; and no peer can put it right.',
    scenario: 'repaired-log',
    edits: [
      {
        file: 'core/journal/repair.ts',
        from: 'if (type === recordTypes.incarnation) newest = Math.max(newest, decodeCounter(body));',
        to: 'if (type < 0) newest = Math.max(newest, decodeCounter(body));',
      },
      {
        file: 'core/journal/repair.ts',
        from: 'if (type === recordTypes.localBatch) newest = Math.max(newest, incarnationOf(body));',
        to: 'if (type < 0) newest = Math.max(newest, incarnationOf(body));',
      },
      {
        file: 'core/journal/repair.ts',
        from: 'Math.max(tail?.incarnation ?? 0, ...this.#survey.names.map((name) => incarnationOfDamaged(name) ?? 0))',
        to: 'tail?.incarnation ?? 0',
      },
      {
        file: 'core/replica/fence.ts',
        from: "if (proof.code === 'E_ROLLED_BACK' && this.#isUnused()",
        to: "if (proof.code !== 'E_ROLLED_BACK' && this.#isUnused()",
      },
    ],
    breaks: ['integrity', 'convergence', 'deadlock', 'durability'],
  },
  {
    id: 'sync-error-is-ignored',
    about: 'A sync that fails counts as one that worked.',
    scenario: 'fsync-fails',
    edits: [
      {
        file: 'core/journal/log-end.ts',
        from: 'const sync = (): void => this.#file.sync(onValue(outcome.failed, keep));',
        to: 'const sync = (): void => this.#file.sync(keep);',
      },
    ],
    breaks: ['durability', 'position-order', 'no-duplication', 'no-unexpected-stop', 'retention'],
  },
  {
    id: 'recovered-append-is-not-written-again',
    about: 'What a start reports may lie in pages that a failed sync has given up.',
    scenario: 'fsync-fails',
    edits: [
      {
        file: 'core/journal/opening.ts',
        from: '(next) => file.write(unprovenFrom, [unproven], next),',
        to: '',
      },
    ],
    breaks: ['durability', 'position-order', 'no-duplication', 'no-unexpected-stop'],
  },
  {
    id: 'corruption-taken-for-a-torn-tail',
    about: 'Recovery cuts at the first bad record, whatever stands behind it.',
    scenario: 'bit-rot',
    seed: 8,
    edits: [
      {
        file: 'core/journal/recovery.ts',
        from: "if (!context.isLast) return 'a segment follows, so it had been synced';\n  const evidence = findEvidence(bytes, tail.end, tail.nextLsn, checksum);",
        to: "if (!context.isLast) return 'a segment follows, so it had been synced';\n  const evidence = findEvidence(bytes, bytes.length, tail.nextLsn, checksum);",
      },
    ],
    breaks: ['durability', 'convergence', 'deadlock', 'no-duplication', 'position-order'],
  },
  {
    id: 'full-disk-is-not-tried-again',
    about: 'A node whose disk was full waits for ever.',
    scenario: 'disk-full',
    edits: [
      {
        file: 'core/journal/journal.ts',
        from: 'clock.wakeAt(clock.nowMs() + retryMs, () => this.#attempt(append))',
        to: 'clock.wakeAt(clock.nowMs() + retryMs, () => undefined)',
      },
    ],
    breaks: ['deadlock', 'convergence'],
  },
];
