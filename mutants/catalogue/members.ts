/** Bugs in what a cluster agrees on: who is who, who is a member, what all of them have. */
import type { Mutant } from '../mutant.js';

export const memberMutants: readonly Mutant[] = [
  {
    number: 'M05',
    name: 'no-fence',
    about: 'A node whose log went back refuses the peer that proves it, and goes on broadcasting.',
    seenIn: 'etcd, whose member ends with a panic (etcd-io/etcd #3504)',
    scenario: 'restored-backup',
    shows: { scenario: 'restored-backup', seed: 4 },
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
    number: 'M36',
    name: 'origin-taken-from-the-message',
    about: 'Who has broadcast a message is looked up in what it says, and not in whose log it is.',
    seenIn: 'go-libp2p-pubsub before messages were signed (libp2p/go-libp2p-pubsub #120)',
    standsFor:
      'a member that writes in the name of another; members do not lie here, so what is believed is the first name in the clock',
    edits: [
      {
        file: 'core/replica/replica-delivery.ts',
        from: 'origins(message.origin);',
        to: 'origins(message.dictionary[0] ?? message.origin);',
      },
    ],
    breaks: ['no-creation', 'integrity', 'no-duplication', 'position-order', 'causal-order'],
  },

  // --- Of this code alone: stability ----------------------------------------------------------------------------------

  {
    name: 'row-counts-at-once',
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
    name: 'own-row-counts-at-once',
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
    name: 'closed-logs-are-not-awaited',
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
    name: 'new-incarnation-does-not-catch-up',
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

  // --- Of this code alone: identity -----------------------------------------------------------------------------------

  {
    name: 'twins-are-let-in',
    about: 'A second process of a member takes over while the first one lives.',
    scenario: 'twin-names',
    shows: { scenario: 'twin-names', seed: 5 },
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
    name: 'no-new-incarnation',
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

  // --- Of this code alone: members ------------------------------------------------------------------------------------

  {
    name: 'removed-member-is-heard',
    about: 'What a removed member still sends is taken.',
    scenario: 'member-leaves',
    shows: { scenario: 'member-leaves', seed: 4 },
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
    name: 'membership-before-sync',
    about: 'A change to the members is confirmed before it is synced.',
    scenario: 'member-joins',
    shows: { scenario: 'member-joins', seed: 5 },
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
    name: 'joiner-does-not-wait',
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
