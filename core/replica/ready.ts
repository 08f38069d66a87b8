/**
 * What a replica asks of whoever drives it.
 *
 * The one rule of order: *persist before send, before acknowledge, before deliver*. The replica keeps it by itself: it
 * names in `links`, `receipts` and `takeDelivery` only what an earlier `handlePersisted` has confirmed. The driver may
 * therefore carry out the parts of a Ready in any order, and links as slowly as it likes.
 */
import type { AntecedentError, ErrorCode } from '../errors.js';
import type { JournalEntry } from '../journal/journal.js';
import type { VectorClock } from '../clock/vector-clock.js';
import type { MemberChange } from '../message/frame.js';
import type { NodeName } from '../names.js';

/** Number that the driver gives to a link. Never used twice. */
export type LinkId = number;

/** To be carried out in the order given. */
export type LinkAction =
  | { readonly type: 'send'; readonly link: LinkId; readonly bytes: Uint8Array }
  /** What was sent before is still flushed. Nothing more is heard of this link. */
  | { readonly type: 'close'; readonly link: LinkId }
  | { readonly type: 'dial'; readonly peer: NodeName }
  /** The dial has taken too long; its outcome is no longer wanted. */
  | { readonly type: 'cancel-dial'; readonly peer: NodeName };

/** For members that speak pluto v0.4. */
export type LineAction =
  /** Connect once; then `handleLineConnected`, or `handleLineOutcome` when that fails. Nothing else is sent to the peer before. */
  | { readonly type: 'connect-line'; readonly peer: NodeName }
  /** Over the connection that was made; then `handleLineOutcome`. */
  | { readonly type: 'send-line'; readonly peer: NodeName; readonly line: Uint8Array }
  /** The peer is no member any more: the outcome is no longer wanted. */
  | { readonly type: 'cancel-line'; readonly peer: NodeName }
  /** The line that came under this id is durable, or refused. */
  | { readonly type: 'answer-line'; readonly id: number; readonly error: AntecedentError | undefined };

/** A batch that is wanted back from the journal for a peer. Answered by `handleRead`. */
export interface ReadRequest {
  readonly id: number;
  readonly address: number;
  readonly length: number;
}

/**
 * Somebody should look. Mostly a disk has lost what it had promised to keep.
 *
 * `E_PEER_FORGOT`: the peer holds less of our log than it had acknowledged; it gets it again. `E_ROLLED_BACK`, `E_CHAIN`:
 * the peer holds what we no longer do, or something else under our name; broadcasts are refused from now on. (`E_CHAIN` also when
 * two others have proved to hold different messages under one dot.) `E_REMOVED`: we are no member any more; broadcasts are refused.
 * `E_RETENTION`: the peer, which is away, holds back the journal. `E_STUCK`: the peer
 * is connected and takes in nothing. `E_NO_SNAPSHOT`: we need one, and the peer gives none.
 * `E_PLUTO`: a peer that speaks pluto v0.4 cannot be told what it should be.
 * `E_LOG_CORRUPT`, `E_LOG_VANISHED`, `E_STORAGE`: a part of our log that was read again is damaged, gone or unreadable.
 */
export interface NodeAlarm {
  readonly code: ErrorCode;
  /** Whom it is about, or who has shown it: ourselves, where we have read our own log. */
  readonly peer: NodeName;
  readonly message: string;
}

/** For operators and applications; nothing depends on them. */
export type ReplicaEvent =
  | { readonly type: 'peer-up'; readonly peer: NodeName }
  | { readonly type: 'peer-down'; readonly peer: NodeName; readonly reason: string }
  /** A link was closed, by either side, because one of them refused the other. */
  | {
      readonly type: 'refused';
      readonly peer: NodeName;
      readonly by: 'us' | 'peer';
      readonly code: string;
      readonly message: string;
    }
  /** A batch of somebody's closed log, which we had asked the peer for, contradicts what we hold. */
  | { readonly type: 'fetched-refused'; readonly peer: NodeName; readonly code: string; readonly message: string }
  | { readonly type: 'dial-failed'; readonly peer: NodeName; readonly reason: string; readonly retryInMs: number }
  | { readonly type: 'alarm'; readonly alarm: NodeAlarm }
  /** Everything up to this clock has been applied by every member. */
  | { readonly type: 'stable'; readonly clock: VectorClock }
  /** Members were added or removed, or had been in an earlier life. */
  | { readonly type: 'members'; readonly members: readonly NodeName[]; readonly changes: readonly MemberChange[] };

export interface Ready {
  /** To be appended to the journal as one group and synced; then `handlePersisted`. Empty while a group is under way. */
  readonly appends: readonly JournalEntry[];
  readonly links: readonly LinkAction[];
  readonly lines: readonly LineAction[];
  readonly reads: readonly ReadRequest[];
  /** Seqs of our own messages that are now as durable as their broadcast asked, in ascending order per request. */
  readonly receipts: readonly number[];
  /** Seqs of our own messages that can never become so durable, because there are not so many members any more. */
  readonly impossible: readonly number[];
  /** Numbers of requests (`skip`, `addMember`, `removeMember`) that are durable. */
  readonly confirmations: readonly number[];
  readonly events: readonly ReplicaEvent[];
  /**
   * The journal must begin this incarnation, then `handleIncarnation`: our name was used before, by a log that is not here any
   * more. Until then nothing is appended.
   */
  readonly incarnation: number | undefined;
  /** The journal need not keep anything in front of this address (Infinity: nothing at all); then `handleReleased`. */
  readonly releaseAddress: number;
  /** `handleTimeout` must be called at this time or soon after; undefined when nothing is waited for. */
  readonly wakeAtMs: number | undefined;
}
