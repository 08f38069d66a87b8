/**
 * What an outside observer saw applications and processes do. Oracles judge it; simulated and real runs both record it.
 *
 * Nothing in it comes from inside a node: no clock, no acknowledgement, no journal position of the protocol. An oracle
 * that read those could only find that the protocol agrees with itself. What a node says of itself (a receipt, an alarm, a
 * clock that it calls stable) is a claim, to be judged; what a disk holds is read from the disk.
 *
 * Events of one run are in the order of their times, and events of one node in the order in which they happened there.
 */
import type { Dot, NodeName } from '../core/index.js';

/** starting: not ready yet · running: ready · closing: ready, and told to close. */
export type StopPhase = 'starting' | 'running' | 'closing';

/** Consecutive messages of one log that a file held. */
export interface DroppedRange {
  readonly origin: NodeName;
  readonly incarnation: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Members on whose disks all of it was found at that moment, synced. */
  readonly holders: readonly NodeName[];
}

export type HistoryEvent =
  | {
      readonly type: 'start';
      readonly atMs: number;
      readonly node: NodeName;
      /**
       * What the application gave the node as the last position it has stored; undefined when the node keeps the mark.
       */
      readonly position: number | undefined;
    }
  | {
      /** The application called `broadcast` and got this dot. */
      readonly type: 'broadcast';
      readonly atMs: number;
      readonly node: NodeName;
      readonly dot: Dot;
      readonly payload: Uint8Array;
    }
  | {
      /** The receipt of a broadcast arrived. */
      readonly type: 'accepted';
      readonly atMs: number;
      readonly node: NodeName;
      readonly dot: Dot;
      /** On how many members it was to be synced, its own node included; 1 when absent. */
      readonly copies?: number;
      /** Members on whose disks it was found at that moment, synced; absent when nobody looked. */
      readonly holders?: readonly NodeName[];
    }
  | {
      /**
       * The application has applied a message, or, where the node keeps the mark, was handed one again that it had
       * applied before its last crash.
       */
      readonly type: 'deliver';
      readonly atMs: number;
      readonly node: NodeName;
      readonly dot: Dot;
      readonly position: number;
      readonly payload: Uint8Array;
      /**
       * State of the application after applying it (a whole number below 2⁵³); absent when it was handed over again.
       */
      readonly stateDigest?: number;
    }
  | {
      /** The node reports that a disk, its own or a peer's, has lost what it had promised to keep. */
      readonly type: 'alarm';
      readonly atMs: number;
      readonly node: NodeName;
      readonly code: string;
      readonly message: string;
      /** The other node that the alarm is about; absent when it is not known. */
      readonly peer?: NodeName;
      /** Whether the node gives out no dots any more because its own log went back; when absent, the code alone tells. */
      readonly isFenced?: boolean;
    }
  | {
      /** The disk of this node has changed or dropped what it held, or has lied about a write: by what was done to it. */
      readonly type: 'disk-damaged';
      readonly atMs: number;
      readonly node: NodeName;
    }
  | {
      /** The log of the node was repaired, and its application begins anew, in front of the first message. */
      readonly type: 'rebuilt';
      readonly atMs: number;
      readonly node: NodeName;
    }
  | {
      /** The node tells its application that all members have been given these, and that nothing concurrent comes any more. */
      readonly type: 'stable';
      readonly atMs: number;
      readonly node: NodeName;
      /** Origin keys and the last seqs of them that are stable. Never changes. */
      readonly clock: Iterable<readonly [origin: string, seq: number]>;
    }
  | {
      /** The node removes a file with messages in it from its disk. */
      readonly type: 'dropped';
      readonly atMs: number;
      readonly node: NodeName;
      readonly ranges: readonly DroppedRange[];
    }
  | {
      /**
       * The node is a member from now on, or its application goes on with a copy of another one's state. Of a new member it is
       * the first event, and comes when those who add it have done so, or later.
       */
      readonly type: 'joined';
      readonly atMs: number;
      readonly node: NodeName;
      /** Whose state, and up to which of its positions; deliveries go on behind that position. Absent: its own, or none. */
      readonly state?: { readonly node: NodeName; readonly position: number };
      /** Of that state; see `deliver`. */
      readonly stateDigest?: number;
    }
  | {
      /** The node is to be a member no more. Comes when that is asked for, before anybody may act on it. */
      readonly type: 'removed';
      readonly atMs: number;
      readonly node: NodeName;
    }
  | {
      /**
       * Directory and application of the node, which is down, are those of an earlier moment: when the application had been given so
       * many of the messages that it has been given by now, or none, as with an empty disk.
       */
      readonly type: 'set-back';
      readonly atMs: number;
      readonly node: NodeName;
      readonly position: number;
      /** Whether the node can tell from its directory that it may have forgotten something. */
      readonly isKnown: boolean;
    }
  | {
      /**
       * A second process with the name of node `of` begins. `node` is what it is called here, so that the two can be told apart; dots
       * have the name that both use. Its application is a copy of that of the other one, after so many messages.
       */
      readonly type: 'twin';
      readonly atMs: number;
      readonly node: NodeName;
      readonly of: NodeName;
      readonly position: number;
    }
  | {
      /** The application could not apply this message, and an operator has given it up: deliveries go on behind it. */
      readonly type: 'skipped';
      readonly atMs: number;
      readonly node: NodeName;
      readonly dot: Dot;
      readonly position: number;
    }
  | { readonly type: 'crash'; readonly atMs: number; readonly node: NodeName }
  | {
      /** The application closed the node, and it has taken its leave. */
      readonly type: 'closed';
      readonly atMs: number;
      readonly node: NodeName;
      /** Last position whose application was confirmed when `close` was called; 0 for none in this life. */
      readonly confirmed: number;
    }
  | {
      /** The node stopped by itself, with this error. */
      readonly type: 'stopped';
      readonly atMs: number;
      readonly node: NodeName;
      readonly code: string;
      readonly message: string;
      /** What it was about in that life; absent when it is not known. */
      readonly phase?: StopPhase;
    };
