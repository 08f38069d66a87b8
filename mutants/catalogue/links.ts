/** Bugs in what nodes say to each other: sending, acknowledging, asking again, dialling, bytes. */
import type { Mutant } from '../mutant.js';

export const linkMutants: readonly Mutant[] = [
  {
    number: 'M02',
    name: 'duplicate-is-asked-for-again',
    about: 'An older duplicate is never done with: it is asked for again, and comes again.',
    seenIn: 'pluto v0.4, receiver',
    standsFor: 'a duplicate that stays in the queue and is looked at for ever; here no queue holds what was not taken',
    shows: { scenario: 'one-way', seed: 1 },
    edits: [
      {
        file: 'core/replica/exchange.ts',
        from: '// Our acknowledgement may have been lost with its link.\n        this.#oweAck(session);',
        to: 'this.#oweAck(session);\n        if (isTheirOwn) this.#want(session, header.firstSeq, nowMs);',
      },
    ],
    breaks: ['idle', 'livelock', 'convergence'],
  },
  {
    number: 'M06',
    name: 'sent-counts-as-received',
    about: 'The journal drops what was written to the link of a member, whether or not the member has acknowledged it.',
    seenIn: 'pluto v0.4, sender',
    shows: { scenario: 'disk-full', seed: 2 },
    edits: [
      {
        file: 'core/replica/retention.ts',
        from: 'else seq = origin === self ? peer.ackedSeq : (synced[origin] ?? 0);',
        to: 'else seq = origin === self ? peer.sentSeq : (synced[origin] ?? 0);',
      },
    ],
    breaks: ['retention'],
  },
  {
    number: 'M17',
    name: 'one-silent-peer-blocks-all',
    about: 'Nothing is sent to anybody while one member is away.',
    seenIn: 'pluto v0.4, sender',
    shows: { scenario: 'minority-dies-for-good', seed: 1 },
    edits: [
      {
        file: 'core/replica/sending.ts',
        from: 'if (session === undefined || this.#mustSayGap(peer, session)) return;',
        to: `if (session === undefined || this.#mustSayGap(peer, session)) return;
    for (const other of this.#peers.values()) if (other.session === undefined) return;`,
      },
    ],
    breaks: ['convergence', 'deadlock', 'livelock', 'durable-copies', 'durability'],
  },
  {
    number: 'M18',
    name: 'acknowledged-twice-counts-twice',
    about: 'A member to which everything was sent again over another link counts as two that have it.',
    seenIn: 'pluto v0.4, sender',
    standsFor:
      'a message sent to some, and after a crash to all again; here what comes twice is taken once, and what can go wrong is the count',
    shows: { scenario: 'restored-backup', seed: 1 },
    edits: [
      {
        file: 'core/replica/knowledge.ts',
        from: 'for (const { ackedSeq } of this.peers.values()) seqs.push(ackedSeq);',
        to: `for (const { ackedSeq, attempts } of this.peers.values()) {
      seqs.push(ackedSeq);
      if (attempts > 1) seqs.push(ackedSeq);
    }`,
      },
    ],
    breaks: ['durable-copies', 'durability', 'convergence', 'deadlock'],
  },
  {
    number: 'M19',
    name: 'acknowledgements-wait-for-each-other',
    about:
      'A node acknowledges nothing to a member that owes it an acknowledgement: two that write at once wait for each other.',
    seenIn: 'pluto v0.4',
    standsFor: 'two locks taken in two orders; here nothing is locked, and the cycle lies between two nodes',
    edits: [
      {
        file: 'core/replica/exchange.ts',
        from: 'if (session.owesAck || creditBytes > session.grantedBytes) {',
        to: `const peer = peers.get(session.peer);
      const isOwed = peer !== undefined && this.#options.sending.isOwed(peer);
      if (!isOwed && (session.owesAck || creditBytes > session.grantedBytes)) {`,
      },
    ],
    breaks: ['deadlock', 'idle', 'livelock', 'convergence'],
  },
  {
    number: 'M20',
    name: 'no-resend-after-reconnect',
    about: 'A new link goes on where the log ends, not where the peer has stopped, and the peer does not ask.',
    seenIn: 'Antidote (AntidoteDB/antidote #420)',
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
    number: 'M35',
    name: 'earlier-acknowledgement-counts',
    about: 'What a member acknowledged over an earlier link is not sent again when it comes back and holds less.',
    seenIn: 'Akka and Pekko classic remoting (apache/pekko #3158)',
    shows: { scenario: 'wiped-disk', seed: 1 },
    edits: [
      {
        file: 'core/replica/sending.ts',
        from: '      this.#noteAcked(peer, heldSeq);\n    } else if',
        to: '    } else if',
      },
      {
        file: 'core/replica/sending.ts',
        from: 'peer.cursor = this.#ownLog.index.ordinalOf(heldSeq + 1);',
        to: 'peer.cursor = this.#ownLog.index.ordinalOf(Math.max(heldSeq, peer.ackedSeq) + 1);',
      },
      {
        file: 'core/replica/sending.ts',
        from: 'peer.cursor = Math.min(peer.cursor, this.#ownLog.index.ordinalOf(seq));',
        to: 'peer.cursor = Math.min(peer.cursor, Math.max(peer.ackedOrdinal, this.#ownLog.index.ordinalOf(seq)));',
      },
    ],
    breaks: ['retention', 'convergence', 'deadlock', 'livelock', 'durable-copies'],
  },
  {
    number: 'M38',
    name: 'wall-clock-in-a-timer',
    about: 'The time of the next dial is taken from the wall clock, and compared with a monotonic one.',
    seenIn: 'Aeron (aeron-io/aeron #1758), nats.java (nats-io/nats.java #1332)',
    standsFor:
      'a retransmission that waits by the wall clock; here nothing is sent again by a timer, and dialling is what waits',
    edits: [
      {
        file: 'core/replica/peering.ts',
        from: 'peer.retryAtMs = nowMs + (random',
        to: 'peer.retryAtMs = Date.now() + (random',
      },
    ],
    breaks: ['convergence', 'deadlock', 'livelock', 'reproducibility'],
  },
  {
    number: 'M39',
    name: 'map-order-in-a-clock',
    about: 'The entries of a clock are written in the order of a map.',
    seenIn: 'Cosmos SDK and its chains (cosmos/cosmos-sdk #2158, babylonlabs-io/babylon #1251)',
    edits: [
      {
        file: 'core/message/batch-encoder.ts',
        from: 'entries.sort((a, b) => a.index - b.index);',
        to: '',
      },
    ],
    breaks: ['no-unexpected-stop'],
  },
  {
    number: 'M40',
    name: 'number-outside-the-seed',
    about: 'The number by which peers tell one process from the next is drawn outside the seed.',
    shows: { scenario: 'crash-restart', seed: 1 },
    edits: [
      {
        file: 'core/node.ts',
        from: 'const nonce = this.#ports.random.nextUint32();',
        to: 'const nonce = Math.floor(Math.random() * 2 ** 32);',
      },
    ],
    breaks: ['reproducibility'],
  },

  // --- Of this code alone ----------------------------------------------------------------------------------------------

  {
    name: 'closed-logs-are-not-fetched',
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
    name: 'repair-from-the-origin-only',
    about: 'Messages of a member that is gone are not fetched from those who have them.',
    scenario: 'minority-dies-for-good',
    edits: [{ file: 'core/node.ts', from: "repair: options.repair ?? 'any-member',", to: "repair: 'origin-only'," }],
    breaks: ['convergence', 'deadlock'],
  },
  {
    name: 'advertise-before-sync',
    about: 'A member says that it holds a message that has arrived and is not synced.',
    scenario: 'snapshot-join',
    shows: { scenario: 'snapshot-join', seed: 4 },
    edits: [
      {
        file: 'core/replica/exchange.ts',
        from: 'const durableSeq = logs.durableSeq(index);',
        to: 'const durableSeq = logs.receivedSeq(index);',
      },
      {
        file: 'core/replica/exchange.ts',
        from: 'onTaken(result.batch);',
        to: 'onTaken(result.batch); this.#options.adverts.touch(result.batch.origin);',
      },
    ],
    breaks: ['retention', 'durability'],
  },
  {
    name: 'one-copy-too-few',
    about: 'A broadcast that is to be durable on k members is accepted when k - 1 have synced it.',
    scenario: 'member-joins',
    edits: [
      {
        file: 'core/replica/acceptance.ts',
        from: "descending.at(members === 'all' ? -1 : members - 1)",
        to: "descending.at(members === 'all' ? -1 : Math.max(0, members - 2))",
      },
    ],
    breaks: ['durable-copies'],
  },
  {
    name: 'acknowledgements-are-acknowledged',
    about: 'A node answers every acknowledgement with one of its own.',
    scenario: 'calm',
    edits: [
      {
        file: 'core/replica/exchange.ts',
        from: "case 'ack':",
        to: "case 'ack': this.#oweAck(session);",
      },
    ],
    breaks: ['idle', 'livelock'],
  },
];
