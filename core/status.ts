/** What a node knows of itself and of the others, in a form to be shown: for operators, who ask why something waits. */
import type { ErrorCode } from './errors.js';
import type { Dot } from './message/origin.js';
import type { NodeName } from './names.js';

/** A moment of a node. Everything in it is a copy. Sizes in bytes. */
export interface NodeStatus {
  readonly name: NodeName;
  readonly incarnation: number;
  readonly state: 'starting' | 'running' | 'closing' | 'stopped';
  /** Seq of our own last message that is synced here. */
  readonly seq: number;
  /** Position of the last delivery handed to the application, and of the last one that it has confirmed. */
  readonly position: number;
  readonly appliedPosition: number;
  /** Waits for the application. */
  readonly undeliveredBytes: number;
  /** Messages that wait for a cause. */
  readonly heldBackMessages: number;
  readonly memory: NodeMemory;
  /** Why broadcasts are refused; undefined when they are not. */
  readonly refusal: { readonly code: ErrorCode; readonly message: string } | undefined;
  /** The other members, in byte order of their names. */
  readonly members: readonly MemberStatus[];
  /** Every log of which something is known. */
  readonly logs: readonly LogStatus[];
  /** Why messages are held back: one entry for each log whose next message waits. */
  readonly blocked: readonly BlockedLog[];
}

/** What a node keeps in memory, counted and not measured. What waits in its links is not part of it. */
export interface NodeMemory {
  /** Messages that wait for the application, for a cause or for the disk, cached batches, and snapshots. */
  readonly messageBytes: number;
  /** Where each batch lies in the journal. */
  readonly indexBytes: number;
  /** What is known of every log, and what each member has said of it: 8 bytes a number. */
  readonly tableBytes: number;
}

export interface MemberStatus {
  readonly name: NodeName;
  readonly state: 'up' | 'down';
  /** Last of our seqs that it has synced, as far as we were told. */
  readonly ackedSeq: number;
  /** Bytes of our log that it has not acknowledged. */
  readonly lagBytes: number;
  /** Milliseconds for which it has acknowledged nothing more although it is connected and there is more, as of the last ping; else 0. */
  readonly stalledMs: number;
  /** Frames on this link that we passed over, because they are of a newer protocol. */
  readonly skippedFrames: number;
  /** True when the journal does not wait for it any more: it will need a snapshot when it returns. */
  readonly isDemoted: boolean;
}

export interface LogStatus {
  readonly origin: NodeName;
  readonly incarnation: number;
  /** Last seqs: synced here, delivered here, and delivered by every member. */
  readonly durableSeq: number;
  readonly deliveredSeq: number;
  readonly stableSeq: number;
  /** True when its origin writes it no more: it has begun a later incarnation, or is no member any more. */
  readonly isClosed: boolean;
}

export interface BlockedLog {
  /** The message that waits. */
  readonly waiting: Dot;
  /** The one it waits for, which must come first. */
  readonly missing: Dot;
  /** Members that hold the missing one, as far as we were told. */
  readonly suppliers: readonly NodeName[];
}
