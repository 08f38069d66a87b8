/**
 * What an outside observer saw applications and processes do. Oracles judge it; simulated and real runs both record it.
 *
 * Nothing in it comes from inside a node: no clock, no acknowledgement, no journal position of the protocol. An oracle
 * that read those could only find that the protocol agrees with itself.
 *
 * Events of one run are in the order of their times, and events of one node in the order in which they happened there.
 */
import type { Dot, NodeName } from '../core/index.js';

/** starting: not ready yet · running: ready · closing: ready, and told to close. */
export type StopPhase = 'starting' | 'running' | 'closing';

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
