/** Bugs in what a cluster agrees on: who has what, who may broadcast as whom, who is a member. Each is found in the scenario made for it. */
import type { Mutant } from './mutant.js';

export const protocolMutants: readonly Mutant[] = [
  {
    id: 'repair-from-the-origin-only',
    about: 'Messages of a member that is gone are not fetched from those who have them.',
    scenario: 'minority-dies-for-good',
    edits: [{ file: 'core/node.ts', from: "repair: options.repair ?? 'any-member',", to: "repair: 'origin-only'," }],
    breaks: ['convergence', 'deadlock'],
  },
  {
    id: 'advertise-before-sync',
    about: 'A member says that it holds a message that has arrived and is not synced.',
    scenario: 'snapshot-join',
    seed: 12,
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
    id: 'one-copy-too-few',
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
    id: 'acknowledgements-are-acknowledged',
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

  // --- Stability -------------------------------------------------------------------------------------------------------

  {
    id: 'row-counts-at-once',
    about: 'A row of a member counts before what it had broadcast by then has come.',
    scenario: 'slow-peer',
    edits: [
      {
        file: 'core/replica/stability.ts',
        from: '|| own.appliedSeq(row.own) < row.ownSeq) return false;',
        to: ') return false;',
      },
    ],
    breaks: ['stability'],
  },
  {
    id: 'own-row-counts-at-once',
    about: 'What a node has applied itself counts while its own broadcasts are still on their way to its disk.',
    scenario: 'disk-stall',
    edits: [
      {
        file: 'core/replica/stability.ts',
        from: 'this.#rowsOf(own.name).latest = ownRow(own, this.#origins.size);',
        to: `const ownRows = this.#rowsOf(own.name);
    ownRows.latest = ownRow(own, this.#origins.size);
    ownRows.confirmed = ownRows.latest;`,
      },
    ],
    breaks: ['stability'],
  },
  {
    id: 'closed-logs-are-not-awaited',
    about: 'A row counts before all that its maker held of closed logs has been applied.',
    scenario: 'restored-backup',
    edits: [
      {
        file: 'core/replica/stability.ts',
        from: 'return own.closedLogs.every((origin) => own.appliedSeq(origin) >= (row.durable[origin] ?? 0));',
        to: 'return true;',
      },
    ],
    breaks: ['stability'],
  },
  {
    id: 'new-incarnation-does-not-catch-up',
    about: 'Who has forgotten what it had delivered broadcasts at once.',
    scenario: 'repaired-log',
    edits: [
      {
        file: 'core/replica/catch-up.ts',
        from: 'this.#isDone = !this.#mustFollow || isBehind;',
        to: 'this.#isDone = true;',
      },
    ],
    breaks: ['stability'],
  },

  // --- Identity --------------------------------------------------------------------------------------------------------

  {
    id: 'no-fence',
    about: 'A node whose log went back refuses the peer that proves it, and goes on broadcasting.',
    scenario: 'restored-backup',
    seed: 4,
    edits: [
      {
        file: 'core/replica/fence.ts',
        from: 'else this.#raise(session.peer, proof);',
        to: "else if (proof.code !== 'E_ROLLED_BACK') this.#raise(session.peer, proof);",
      },
    ],
    breaks: ['integrity', 'convergence', 'deadlock'],
  },
  {
    id: 'twins-are-let-in',
    about: 'A second process of a member takes over while the first one lives.',
    scenario: 'twin-names',
    seed: 19,
    edits: [
      {
        file: 'core/replica/exchange.ts',
        from: 'nowMs - living.lastHeardMs < heartbeatMs + probeMs',
        to: 'nowMs < living.lastHeardMs',
      },
    ],
    breaks: ['integrity'],
  },
  {
    id: 'no-new-incarnation',
    about:
      'A node with an empty directory whose name was used before is fenced in place of beginning a new incarnation.',
    scenario: 'wiped-disk',
    edits: [
      {
        file: 'core/replica/fence.ts',
        from: "if (proof.code === 'E_ROLLED_BACK' && this.#isUnused() && newest < incarnationsMax) this.#onForgotten(newest + 1);\n    else",
        to: '',
      },
    ],
    breaks: ['durability'],
  },

  // --- Members ---------------------------------------------------------------------------------------------------------

  {
    id: 'removed-member-is-heard',
    about: 'What a removed member still sends is taken.',
    scenario: 'member-leaves',
    seed: 4,
    edits: [
      {
        file: 'core/replica/members.ts',
        from: 'if (former !== undefined) peering.drop(former, nowMs);',
        to: '',
      },
      {
        file: 'core/replica/peering.ts',
        from: 'const peer = this.#options.peers.get(session.peer);\n        if (peer?.session !== session) {',
        to: `const known = ((this as { known?: Map<string, Peer> }).known ??= new Map<string, Peer>());
        const peer = this.#options.peers.get(session.peer) ?? known.get(session.peer);
        if (peer !== undefined) known.set(peer.name, peer);
        if (peer?.session !== session) {`,
      },
      { file: 'core/replica/exchange.ts', from: '!closedLogs.isClosed(own);', to: 'own >= 0;' },
    ],
    breaks: ['stability'],
  },
  {
    id: 'membership-before-sync',
    about: 'A change to the members is confirmed before it is synced.',
    scenario: 'member-joins',
    seed: 5,
    edits: [
      {
        file: 'core/replica/replica.ts',
        from: "this.#unjournalled.push({ type: 'membership', changes: [change], request });",
        to: `this.#unjournalled.push({ type: 'membership', changes: [change], request: undefined });
    this.#knowledge.outbox.confirm(request);`,
      },
    ],
    breaks: ['convergence', 'deadlock', 'stability'],
  },
  {
    id: 'joiner-does-not-wait',
    about: 'A node that joins broadcasts before it has applied what the one that added it had delivered.',
    scenario: 'member-joins',
    edits: [
      {
        file: 'core/replica/catch-up.ts',
        from: 'if (isJoining && (this.#start === undefined || !hasApplied(this.#start))) return;',
        to: '',
      },
    ],
    breaks: ['stability'],
  },
];
