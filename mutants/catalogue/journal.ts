/** Bugs in what is on the disk and when: syncs, appends, recovery, the beginning and the end of a log. */
import type { Mutant } from '../mutant.js';

export const journalMutants: readonly Mutant[] = [
  {
    number: 'M03',
    name: 'number-before-message',
    about:
      'The number of a broadcast is written before the broadcast: a crash in between leaves a number without a message.',
    seenIn: 'pluto v0.4, sender',
    shows: { scenario: 'power-loss', seed: 1 },
    edits: [
      {
        file: 'core/replica/replica.ts',
        from: '    for (const sealed of this.#active.encoder.seal()) {',
        to: `    const counter = this.#knowledge as { counter?: number };
    const { lastSeq, pendingBytes } = this.#active.encoder;
    if (pendingBytes > 0 && (counter.counter ?? 0) < lastSeq) {
      counter.counter = lastSeq;
      group.push({ type: 'skipped', position: 2 ** 40 + lastSeq, reason: 'counter', request: 0 });
    } else for (const sealed of this.#active.encoder.seal()) {`,
      },
      {
        file: 'core/replica/replica.ts',
        from: 'return deliveries.noteSkipped(new ByteReader(entry.body).varint());',
        to: `{
        const position = new ByteReader(entry.body).varint();
        if (position > 2 ** 40) (this.#knowledge as { counter?: number }).counter = position - 2 ** 40;
        return deliveries.noteSkipped(position);
      }`,
      },
      {
        file: 'core/replica/running.ts',
        from: 'state: logs.receivedState(self),',
        to: `state: {
      ...logs.receivedState(self),
      nextSeq: Math.max(logs.receivedState(self).nextSeq, ((knowledge as { counter?: number }).counter ?? 0) + 1),
    },`,
      },
    ],
    breaks: ['no-unexpected-stop', 'integrity'],
  },
  {
    number: 'M04',
    name: 'send-before-sync',
    about: 'A batch leaves for the peers while it is being written: after a crash its numbers are given out again.',
    seenIn: 'Bluesky Jetstream (bluesky-social/jetstream #345); ResilientDB (apache/incubator-resilientdb #220)',
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
    number: 'M07',
    name: 'accept-before-sync',
    about: 'A broadcast is accepted at once, and written later.',
    seenIn: 'NATS JetStream 2.12.1 (nats-io/nats-server #7564)',
    shows: { scenario: 'power-loss', seed: 1 },
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
    number: 'M08',
    name: 'log-rewritten-in-place',
    about: 'A start cuts the log to nothing and writes it again: a crash in between loses it.',
    seenIn: 'pluto v0.4, sender and receiver',
    standsFor: 'a log that is rewritten at every message; here that happens at every start',
    shows: { scenario: 'fsync-fails', seed: 2 },
    edits: [
      {
        file: 'core/journal/opening.ts',
        from: '(next) => file.write(unprovenFrom, [unproven], next),',
        to: `(next) => file.truncate(0, next),
      (next) => file.write(0, [bytes.subarray(0, tail.end)], next),`,
      },
    ],
    breaks: ['durability', 'no-unexpected-stop', 'position-order', 'no-duplication', 'retention'],
  },
  {
    number: 'M09',
    name: 'file-written-under-its-name',
    about:
      'A new segment is written under its own name: a crash in between leaves a file that looks like one and is none.',
    seenIn: 'pluto v0.4, receiver',
    standsFor:
      'a clock file that is rewritten in place; here the beginning of a segment is what is made anew as a file',
    scenario: 'crash-during-recovery',
    shows: { scenario: 'crash-during-recovery', seed: 21 },
    edits: [
      {
        file: 'core/journal/durable-file.ts',
        from: 'const temporary = name + temporarySuffix;',
        to: 'const temporary = name;',
      },
      {
        file: 'core/journal/durable-file.ts',
        from: 'disk.rename(temporary, name, onValue(giveUp, syncDirectory))',
        to: 'syncDirectory()',
      },
    ],
    breaks: ['no-unexpected-stop', 'durability'],
  },
  {
    number: 'M10',
    name: 'body-without-checksum',
    about: 'What a torn write has left of a record counts as the record.',
    seenIn: 'ArcadeDB, pages (ArcadeData/arcadedb #5054)',
    shows: { scenario: 'bit-rot', seed: 2 },
    edits: [
      {
        file: 'core/journal/recovery.ts',
        from: 'if (checksum(body) !== header.bodyChecksum) break;',
        to: '',
      },
    ],
    breaks: ['integrity', 'no-unexpected-stop', 'durability', 'deadlock'],
  },
  {
    number: 'M11',
    name: 'name-of-a-segment-is-not-synced',
    about: 'A new segment is used before the directory is synced.',
    seenIn: 'ArcadeDB (ArcadeData/arcadedb #7465)',
    shows: { scenario: 'power-loss', seed: 1 },
    edits: [
      {
        file: 'core/journal/durable-file.ts',
        from: 'disk.rename(temporary, name, onValue(giveUp, syncDirectory))',
        to: 'disk.rename(temporary, name, onValue(giveUp, () => done(file)))',
      },
    ],
    breaks: ['durability', 'no-unexpected-stop', 'integrity', 'position-order', 'no-duplication', 'retention'],
  },
  {
    number: 'M12',
    name: 'sync-error-is-ignored',
    about: 'A sync that fails counts as one that worked.',
    seenIn: 'PostgreSQL before 11.2, Redis, LevelDB and others (Rebello et al., USENIX ATC 2020)',
    shows: { scenario: 'fsync-fails', seed: 1 },
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
    number: 'M14',
    name: 'full-disk-is-not-tried-again',
    about: 'A journal that could not write stays taken: a node whose disk was full waits for ever.',
    seenIn: 'pluto v0.4, sender',
    standsFor: 'a lock that is kept on an error path; here the state "blocked" is what is kept',
    shows: { scenario: 'disk-full', seed: 1 },
    edits: [
      {
        file: 'core/journal/journal.ts',
        from: 'clock.wakeAt(clock.nowMs() + retryMs, () => this.#attempt(append))',
        to: 'clock.wakeAt(clock.nowMs() + retryMs, () => undefined)',
      },
    ],
    breaks: ['deadlock', 'convergence'],
  },
  {
    number: 'M26',
    name: 'log-is-never-compacted',
    about: 'The beginning of a log is kept although nobody needs it.',
    seenIn: 'sqld (libsql/sqld #293), OpenBao (openbao/openbao #3342)',
    shows: { scenario: 'bounded-log', seed: 1 },
    edits: [
      {
        file: 'core/replica/review.ts',
        from: 'this.#releaseAddress = Math.min(address, running.pluto.neededFrom);',
        to: 'this.#releaseAddress = Math.min(0, address);',
      },
    ],
    breaks: ['budget'],
  },
  {
    number: 'M34',
    name: 'address-of-sixteen-bits',
    about: 'Addresses in the journal are kept in sixteen bits, and begin anew behind 65,535.',
    seenIn: 'Derecho, sequence numbers of 32 bits (Derecho-Project/derecho #20)',
    standsFor: 'a counter of 32 bits: a run is too short to count that far',
    shows: { scenario: 'power-loss', seed: 1 },
    edits: [
      {
        file: 'core/replica/batch-index.ts',
        from: 'this.#addresses.push(address);',
        to: 'this.#addresses.push(address & 0xffff);',
      },
    ],
    breaks: ['no-unexpected-stop', 'retention', 'convergence', 'deadlock'],
  },

  // --- Of this code alone ----------------------------------------------------------------------------------------------

  {
    name: 'acknowledge-before-sync',
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
    name: 'recovered-append-is-not-written-again',
    about: 'What a start reports may lie in pages that a failed sync has given up.',
    scenario: 'fsync-fails',
    edits: [
      {
        file: 'core/journal/opening.ts',
        from: '(next) => file.write(unprovenFrom, [unproven], next),',
        to: '',
      },
    ],
    breaks: ['durability', 'position-order', 'no-duplication', 'no-unexpected-stop', 'retention'],
  },
  {
    name: 'corruption-taken-for-a-torn-tail',
    about: 'Recovery cuts at the first bad record, whatever stands behind it.',
    scenario: 'bit-rot',
    shows: { scenario: 'bit-rot', seed: 8 },
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
    name: 'repair-keeps-the-incarnation',
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
    name: 'repair-looks-at-headers-alone',
    about:
      'A second repair does not see the incarnation that the first one began, because that stands in a record; and no peer can put it right.',
    scenario: 'repaired-log',
    shows: { scenario: 'repaired-log', seed: 86 },
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
];
