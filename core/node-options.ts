/** What a node is opened with, and what it tells: the contract between the core and whoever drives a node. */
import type { VectorClock } from './clock/vector-clock.js';
import type { Delivery } from './delivery.js';
import type { AntecedentError, ErrorCode } from './errors.js';
import type { Limits, Timings } from './limits.js';
import type { ClusterName, NodeName } from './names.js';
import type { NodeAlarm } from './replica/ready.js';
import type { RetentionPolicy } from './replica/retention.js';

export interface NodeOptions {
  readonly cluster: ClusterName;
  readonly name: NodeName;
  /** The other members, but for those that speak pluto v0.4. */
  readonly peers: readonly NodeName[];
  /** Members that speak pluto v0.4. Every other member names the same ones. Needs the Lines port. */
  readonly plutoPeers?: readonly NodeName[];
  /**
   * Last position that the application has stored; 0 when it has stored none. Deliveries go on behind it. Without it
   * the node journals what was applied, and after a crash may hand over again what was applied but not yet journalled.
   */
  readonly position?: number | undefined;
  /**
   * `any-member` (when absent): while a member cannot be reached, its messages are fetched from whoever holds them, so that what it
   * has sent to one reaches all, also when it never returns. `origin-only`: they come from the member itself.
   */
  readonly repair?: 'any-member' | 'origin-only';
  /**
   * True for a node that is being added to members that exist: it broadcasts nothing before it has heard that it was added, and
   * has delivered what the one that added it had.
   */
  readonly joins?: boolean;
  /**
   * How long the journal waits for members that are away, before it gives up what all others have. Without it, and without
   * `snapshots`, it gives up nothing: a member that comes later could get it nowhere else.
   */
  readonly retention?: Partial<RetentionPolicy>;
  readonly limits?: Partial<Limits>;
  readonly timings?: Partial<Timings>;
}

/** What recovery found. */
export interface ReadyInfo {
  readonly incarnation: number;
  /** Position behind which deliveries go on. */
  readonly position: number;
  /**
   * Seq of our own last message on disk. Whoever broadcast before a crash and got no receipt finds out here: seqs up to
   * this one were kept, those after it were not and may be broadcast again.
   */
  readonly seq: number;
}

/** Nothing here may throw: there is nobody to catch it. */
export interface NodeHandlers {
  /** Recovery is done and links are accepted; `broadcast` may be called from now on. */
  onReady(info: ReadyInfo): void;
  /** Applies a message, then calls `applied`, at once or later; the next delivery comes only after that. */
  onDeliver(delivery: Delivery, applied: () => void): void;
  /** A peer is connected in both directions (`up`) or no longer (`down`). */
  onPeer(peer: NodeName, state: 'up' | 'down', reason: string): void;
  /** Somebody's disk has lost what it had promised to keep: ours or a peer's. An operator must look at it. */
  onAlarm(alarm: NodeAlarm): void;
  /**
   * The disk takes no writes for now (`blocked`), such as when it is full: broadcasts are refused with the code, those made
   * before wait, and peers are sent no acknowledgements. It is tried again by itself until it works (`ok`).
   */
  onStorage(state: StorageState): void;
  /**
   * Every member has applied everything up to this clock, and nothing that is concurrent with it will be delivered any more: CRDTs
   * may drop what they keep for concurrent operations. The clock never goes back; after a restart it begins anew.
   */
  onStable(clock: VectorClock): void;
  /** Who is a member, ourselves included, after somebody was added or removed, here or elsewhere, or had been in an earlier life. */
  onMembers(members: readonly NodeName[]): void;
  /**
   * The name of this node was used before, with a data directory that is not here any more: it goes on as this incarnation. Nothing
   * was broadcast in the one before.
   */
  onIncarnation(incarnation: number): void;
  /** The application's state as a whole, for members that need messages which are in no journal any more. */
  readonly snapshots?: SnapshotHandlers;
  /** The node has stopped: after `close`, or by itself with an error. Called once; nothing follows. */
  onStopped(error: AntecedentError | undefined): void;
}

/** Nothing here may throw. */
export interface SnapshotHandlers {
  /**
   * Calls `done` with a copy of the state that holds exactly what was applied so far, or with undefined if there is none to be had
   * now. The next delivery comes only after that. The bytes are the node's from then on.
   */
  make(done: (state: Uint8Array | undefined) => void): void;
  /**
   * Puts the state of another member in the place of the application's own, which it contains, and calls `applied`. For a position
   * that the application stores it counts as a delivery.
   */
  install(state: Uint8Array, position: number, applied: () => void): void;
}

export type StorageState =
  { readonly state: 'blocked'; readonly code: ErrorCode; readonly message: string } | { readonly state: 'ok' };
