/** What a program can do with a node that `openNode` has opened. */
import type { AntecedentError, Delivery, Durability, NodeName, Receipt, StorageState } from '../core/index.js';
import type { CredentialSources } from './credentials.js';
import type { RunningStatus } from './running-status.js';

export interface BroadcastOptions {
  /** When the promise resolves: synced `'here'` (default), on that many members, or on `'all'`. */
  readonly durable?: Durability | undefined;
  /** Stops waiting: the promise rejects with the signal's reason. The message may have been broadcast all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What may change while a node runs. What is left out stays as it is. */
export interface ReloadOptions {
  readonly tls?: CredentialSources | undefined;
  /** Those for peers that speak pluto v0.4, where they have their own (`pluto.tls`). */
  readonly plutoTls?: CredentialSources | undefined;
  /** Addresses of members. A member that is not listed is dialled where the other members say. */
  readonly peers?: Readonly<Record<string, string>> | undefined;
}

/** A running member of a cluster. */
export interface AntecedentNode extends AsyncDisposable {
  readonly name: NodeName;
  /** Which life of this member this is: 1, 2, 3, ... Grows when `onIncarnation` says so. */
  readonly incarnation: number;
  /**
   * Seq of our own last message that was on disk when the node was opened. Whoever broadcast before a crash and got no
   * receipt learns here what was kept: everything up to this seq, and nothing after it.
   */
  readonly recoveredSeq: number;
  /** Where we listen, with the port the system chose. */
  readonly address: string;
  /** Where we listen for peers that speak pluto v0.4; undefined when there are none. */
  readonly plutoAddress: string | undefined;
  /** Position of the last message that the application has applied. */
  readonly position: number;
  /** Whether the disk takes writes at the moment; `onStorage` tells when that changes. */
  readonly storage: StorageState;
  /**
   * Broadcasts a copy of `payload` and resolves when it is as durable as asked. Waits while the node's queue is full.
   * Rejects with E_PAYLOAD, E_MESSAGE_TOO_LARGE, E_PLUTO (a line break, or anything else that a peer which speaks pluto v0.4 cannot be told), E_BACKPRESSURE (too many are waiting already), E_CLOSED, what stopped the node,
   * and E_DISK_FULL or E_STORAGE while the disk takes no writes: the message was not broadcast then, and may be again when
   * `onStorage` says `ok`. A broadcast that the node had taken before stays pending until there is room.
   * A node that begins anew must first apply what others have: a broadcast waits 10 s for that, then rejects with E_CATCHING_UP (try
   * again). Also rejects with what `status().refusal` says of a node that was set back (E_ROLLED_BACK) or removed (E_REMOVED).
   */
  broadcast(payload: Uint8Array, options?: BroadcastOptions): Promise<Receipt>;
  /**
   * Resolves when the next broadcast would not have to wait for room in the node's queue: it is taken, or refused at once, as
   * on a full disk; also when the node has ended, or `signal` aborts. Once the queue was full, those who wait are let in when half of it
   * is free again. Whoever does not ask may be faster.
   */
  room(signal?: AbortSignal): Promise<void>;
  /**
   * All deliveries, for `for await`. A message counts as applied when the loop asks for the next one. One loop at a time;
   * a loop left early leaves its message unapplied. Ends when the node is closed; throws what stopped it otherwise.
   */
  deliveries(): AsyncIterableIterator<Delivery>;
  /** What the node knows of itself and of the others at this moment: what waits, for what, and who could supply it. */
  status(): RunningStatus;
  /**
   * Makes `name` a member, which the others dial at `address`; the other members hear of it from each other. Resolves when it is durable
   * here. Rejects with E_NAME, E_CONFIG, and E_CLOSED when the node ends before.
   */
  addMember(name: string, address: string): Promise<void>;
  /** Lets a member go for good. Resolves when that is durable here. Rejects with E_NAME, E_UNKNOWN_MEMBER and the like, and E_CLOSED. */
  removeMember(name: string): Promise<void>;
  /**
   * Gives up the delivery at `position`, which must be the one that the application is at work on, and goes on with the next. Kept in the
   * journal with its `reason`. `apply` may be at work on it still; what becomes of that is not listened to. Rejects with E_POSITION,
   * and E_CLOSED.
   */
  skip(position: number, reason: string): Promise<void>;
  /**
   * Calls `apply` again now with the message that it has failed with, instead of when its wait is over. Throws E_STATE when no message
   * waits for that.
   */
  retry(): void;
  /**
   * Takes other credentials or addresses of peers while the node runs: all of it, or nothing when it throws. New credentials are
   * used in the handshakes to come; links are made anew only if other CA certificates are trusted. Throws what `openNode` rejects with for
   * such options, and E_CONFIG for a peer that is no member.
   */
  reload(changes: ReloadOptions): void;
  /** Resolves when the node has stopped: with undefined after `close`, or with what stopped it. */
  readonly stopped: Promise<AntecedentError | undefined>;
  /** Waits for the message being applied (a few seconds at most), finishes what is pending and stops. Idempotent. */
  close(): Promise<void>;
}
