/**
 * Goals: things that must happen sometimes.
 *
 * A scenario that never gets where it was made to go holds every property and shows nothing. So every run notes which
 * rare moments it has come to, a sweep says how many runs came to each, and a scenario promises those that it exists
 * for. (After the "sometimes assertions" of FoundationDB's simulation and Antithesis.)
 *
 * All of it is seen from outside, from what the simulated world hears anyway: the history, what nodes log, and the
 * looks at their memory. The protocol knows nothing of goals and pays nothing for them.
 */
import { formatDot, type NodeName } from '../core/index.js';
import type { LogFields } from '../transport-sim/index.js';
import type { HistoryEvent } from './history.js';
import type { MemoryUse } from './oracles/resources.js';

/** The names are stable: scripts read them. */
export type Goal =
  | 'held-back'
  | 'relayed'
  | 'delivered-again'
  | 'crashed-before-receipt'
  | 'copies-confirmed'
  | 'torn-tail-cut'
  | 'log-refused'
  | 'log-repaired'
  | 'stopped-by-itself'
  | 'storage-blocked'
  | 'storage-recovered'
  | 'segment-dropped'
  | 'incarnation-begun'
  | 'rollback-noticed'
  | 'twin-refused'
  | 'member-joined'
  | 'member-removed'
  | 'snapshot-installed'
  | 'delivery-skipped';

/** What each one means, in the order in which reports list them. */
export const goalMeanings: Readonly<Record<Goal, string>> = {
  'held-back': 'a message came before its cause, waited for it, and was delivered after it',
  relayed: 'a message came from another member than its origin, which could not be reached',
  'delivered-again': 'a message was handed over again after a crash, and dropped as known',
  'crashed-before-receipt': 'a node went down between a broadcast and its receipt',
  'copies-confirmed': 'a broadcast was confirmed by more members than its own',
  'torn-tail-cut': 'a start found the end of its log torn and cut it off',
  'log-refused': 'a node refused to go on with the log it found',
  'log-repaired': 'a damaged log was repaired, and the node forgot what was behind the damage',
  'stopped-by-itself': 'a running node stopped rather than go on with a disk that failed',
  'storage-blocked': 'a node could not write, and refused broadcasts',
  'storage-recovered': 'a node that could not write went on by itself when it could again',
  'segment-dropped': 'a journal gave up a segment that nobody needed any more',
  'incarnation-begun': 'a node went on as its next incarnation',
  'rollback-noticed': 'a peer proved to a node that its log went back',
  'twin-refused': 'a second process with the name of a living node was refused',
  'member-joined': 'a node was added to a cluster that was at work',
  'member-removed': 'a removed member was told so',
  'snapshot-installed': 'a node was given a state in place of messages',
  'delivery-skipped': 'an operator gave up a message that an application could not apply',
};

export const goalNames: readonly Goal[] = Object.keys(goalMeanings) as Goal[];

/** When a node lost its link to another one. */
type Silences = Map<NodeName, number>;

/** Notes what one run comes to. */
export class GoalWatch {
  readonly #reached = new Set<Goal>();
  /** When each message was broadcast, by dot. */
  readonly #broadcastMs = new Map<string, number>();
  /** Broadcasts of each node's present life that have no receipt yet. */
  readonly #open = new Map<NodeName, number>();
  /** Peers that each node has no link to. */
  readonly #silences = new Map<NodeName, Silences>();
  readonly #nodes: readonly NodeName[];

  constructor(nodes: readonly NodeName[]) {
    this.#nodes = nodes;
  }

  /** In the order of `goalMeanings`. */
  get reached(): readonly Goal[] {
    return goalNames.filter((goal) => this.#reached.has(goal));
  }

  /** Something that a node logged at `atMs`. */
  handleLog(node: NodeName, event: string, fields: LogFields, atMs: number): void {
    switch (event) {
      case 'peer-up':
        this.#silences.get(node)?.delete(fields['peer'] as NodeName);
        return;
      case 'peer-down':
        this.#silences.get(node)?.set(fields['peer'] as NodeName, atMs);
        return;
      case 'refused':
        if (fields['code'] === 'E_TWIN') this.#reached.add('twin-refused');
        return;
      case 'journal-torn-tail-cut':
        this.#reached.add('torn-tail-cut');
        return;
      case 'storage-blocked':
        this.#reached.add('storage-blocked');
        return;
      case 'storage-ok':
        this.#reached.add('storage-recovered');
        return;
      case 'incarnation':
        this.#reached.add('incarnation-begun');
        return;
      default:
        return;
    }
  }

  /** A look at what waits in a node. That it does not wait for ever is judged elsewhere. */
  handleLook({ heldBackMessages }: MemoryUse): void {
    if (heldBackMessages > 0) this.#reached.add('held-back');
  }

  observe(event: HistoryEvent): void {
    switch (event.type) {
      case 'broadcast':
        this.#broadcastMs.set(formatDot(event.dot), event.atMs);
        this.#open.set(event.node, (this.#open.get(event.node) ?? 0) + 1);
        return;
      case 'accepted':
        this.#open.set(event.node, (this.#open.get(event.node) ?? 0) - 1);
        if ((event.copies ?? 1) > 1) this.#reached.add('copies-confirmed');
        return;
      case 'deliver':
        this.#noteDelivery(event);
        return;
      case 'start':
        this.#open.delete(event.node);
        // Nobody is reached at first. A twin has the name of another node, and hears of messages that are its own.
        if (!this.#nodes.includes(event.node)) return;
        this.#silences.set(event.node, new Map(this.#nodes.map((peer) => [peer, event.atMs])));
        return;
      case 'crash':
        if ((this.#open.get(event.node) ?? 0) > 0) this.#reached.add('crashed-before-receipt');
        return;
      default:
        this.#noteRare(event);
    }
  }

  #noteDelivery({ node, dot, stateDigest }: Extract<HistoryEvent, { readonly type: 'deliver' }>): void {
    if (stateDigest === undefined) {
      this.#reached.add('delivered-again');
      return;
    }
    if (dot.origin === node || this.#reached.has('relayed')) return;
    const silentSinceMs = this.#silences.get(node)?.get(dot.origin);
    if (silentSinceMs === undefined) return;
    // There was no link when it was broadcast, and there has been none since.
    const broadcastMs = this.#broadcastMs.get(formatDot(dot));
    if (broadcastMs !== undefined && broadcastMs > silentSinceMs) this.#reached.add('relayed');
  }

  #noteRare(event: HistoryEvent): void {
    switch (event.type) {
      case 'stopped':
        this.#reached.add(event.code.startsWith('E_LOG_') ? 'log-refused' : 'stopped-by-itself');
        return;
      case 'rebuilt':
        this.#reached.add('log-repaired');
        return;
      case 'dropped':
        this.#reached.add('segment-dropped');
        return;
      case 'alarm':
        if (event.code === 'E_ROLLED_BACK') this.#reached.add('rollback-noticed');
        if (event.code === 'E_REMOVED') this.#reached.add('member-removed');
        return;
      case 'joined':
        this.#reached.add(event.state === undefined ? 'member-joined' : 'snapshot-installed');
        return;
      case 'skipped':
        this.#reached.add('delivery-skipped');
        return;
      default:
        return;
    }
  }
}
