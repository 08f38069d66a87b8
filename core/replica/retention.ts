/**
 * What the journal must still keep: every message that a member has not synced, or that our application may be handed again.
 *
 * A member that is away holds back everything behind what it has. How long is a matter of policy: `block` keeps it all (and the
 * disk may fill up), `alarm` does too and says so, `demote` gives it up: the member will need a snapshot when it returns. Demotion
 * is forgotten when it is back.
 *
 * Only a majority of the members, ourselves included, gives the others up. Else two who were apart could each give up what the other
 * one lacks, and then neither has a state that contains what the other one has.
 */
import type { NodeName } from '../names.js';
import type { Deliveries } from './deliveries.js';
import type { Logs } from './logs.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { Stability } from './stability.js';

export interface RetentionPolicy {
  readonly policy: 'block' | 'alarm' | 'demote';
  /** A member that is away may hold back so many bytes of the journal ... */
  readonly bytesMax: number;
  /** ... and may be away for so long, in milliseconds. */
  readonly ageMs: number;
}

export const defaultRetention: RetentionPolicy = { policy: 'alarm', bytesMax: 1 << 30, ageMs: Infinity };

/** What a node keeps to: nothing is given up that cannot be had as a snapshot, unless somebody has said that it need not be. */
export function retentionOf(
  given: Partial<RetentionPolicy> | undefined,
  hasSnapshots: boolean,
): RetentionPolicy | undefined {
  return given === undefined && !hasSnapshots ? undefined : { ...defaultRetention, ...given };
}

export interface RetentionOptions {
  readonly policy: RetentionPolicy;
  /** Nobody is given up sooner, in milliseconds: after a start, members have still to say what they have. */
  readonly graceMs: number;
  readonly origins: OriginTable;
  readonly logs: Logs;
  readonly deliveries: Deliveries;
  readonly stability: Stability;
  readonly peers: ReadonlyMap<NodeName, Peer>;
  readonly outbox: Outbox;
}

export class Retention {
  readonly #options: RetentionOptions;
  /** Members about which an alarm was raised, until they are back. */
  readonly #alarmed = new Set<NodeName>();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /**
   * Address in front of which the journal holds nothing that is needed. `self` is our own log, `endAddress` where the journal ends.
   * O(members * logs).
   */
  neededFrom(self: number, endAddress: number, nowMs: number): number {
    const { graceMs, peers, policy } = this.#options;
    const ownNeed = this.#neededBy(undefined, self, Infinity);
    // What comes behind this end is not spoken of.
    let address = Math.min(ownNeed, endAddress);
    for (const peer of peers.values()) {
      if (peer.isDemoted) continue;
      // Nobody gives it up, so it matters only if it needs more than all so far.
      if (peer.session !== undefined || nowMs - peer.seenAtMs <= graceMs) {
        address = this.#neededBy(peer, self, address);
        continue;
      }
      const needed = this.#neededBy(peer, self, Infinity);
      const isTooFar = endAddress - needed > policy.bytesMax || nowMs - peer.seenAtMs > policy.ageMs;
      if (needed < ownNeed && isTooFar && this.#giveUp(peer, endAddress - needed)) continue;
      address = Math.min(address, needed);
    }
    return address;
  }

  /** The peer is back. */
  handleUp(peer: Peer): void {
    peer.isDemoted = false;
    this.#alarmed.delete(peer.name);
  }

  /** True when those who are left without one more are a majority. */
  get #mayGiveUp(): boolean {
    const { peers } = this.#options;
    const kept = [...peers.values()].filter(({ isDemoted }) => !isDemoted).length;
    return 2 * kept > peers.size + 1;
  }

  /** True when the journal does not wait for it any more. */
  #giveUp(peer: Peer, bytes: number): boolean {
    const { outbox, policy } = this.#options;
    if (policy.policy === 'block') return false;
    peer.isDemoted = policy.policy === 'demote' && this.#mayGiveUp;
    if (!this.#alarmed.has(peer.name)) {
      const what = peer.isDemoted
        ? 'it is given up and will need a snapshot'
        : 'bring it back, remove it from the members, or let the journal give it up (retention policy "demote")';
      const message = `${peer.name} is away and holds back ${bytes} bytes of the journal; ${what}`;
      outbox.event({ type: 'alarm', alarm: { code: 'E_RETENTION', peer: peer.name, message } });
    }
    this.#alarmed.add(peer.name);
    return peer.isDemoted;
  }

  /** Address of the first batch that a peer has not synced, or that our application may be handed again; but at most `bound`. */
  #neededBy(peer: Peer | undefined, self: number, bound: number): number {
    const { origins, logs, deliveries, stability } = this.#options;
    const synced = peer === undefined ? [] : stability.syncedSeqs(peer.name);
    let address = bound;
    for (let origin = 0; origin < origins.size; origin++) {
      const index = logs.index(origin);
      let seq: number;
      if (peer === undefined) seq = deliveries.settledSeq(origin);
      else seq = origin === self ? peer.ackedSeq : (synced[origin] ?? 0);
      if (seq >= index.lastSeq || index.firstAddress >= address) continue;
      const ordinal = index.ordinalOf(seq + 1);
      if (ordinal < index.end) address = Math.min(address, index.at(ordinal).address);
    }
    return address;
  }
}
