/**
 * The ports: the only ways out of the core. `transport-tls` implements them over sockets, files and the system clock,
 * `transport-sim` over a seeded event queue.
 *
 * Rules for whoever implements a port:
 * - Nothing is called back before the call that asked for it has returned, except `Random`, `Digests` and `Logger`, which
 *   answer at once. The core may therefore call a port in the middle of a state change.
 * - Callbacks arrive one at a time, never while another callback of the same node runs.
 * - A callback that answers a call comes exactly once.
 * Callbacks and no promises: the simulator decides when a disk sync completes, and a promise would decide for it.
 */
import type { AntecedentError } from './errors.js';
import type { NodeName } from './names.js';

/** What a node needs from the world. Passed once, at construction. */
export interface Ports {
  readonly links: Links;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly digests: Digests;
  readonly logger: Logger;
  /** Only for a cluster with members that speak pluto v0.4. */
  readonly lines?: Lines;
}

/** Takes back a wake-up or a dial. Calling it late or twice does nothing. */
export type Cancel = () => void;

/** Monotonic time. Only differences mean anything; the protocol never sees a wall clock. */
export interface Clock {
  /** Milliseconds since an arbitrary moment, with fractions. Never goes back. */
  nowMs(): number;
  /** Calls `wake` once, when `nowMs()` has reached `atMs` or soon after. */
  wakeAt(atMs: number, wake: () => void): Cancel;
}

/** Unpredictable in production, seeded in simulation. */
export interface Random {
  /** A whole number, uniform in 0 ... 2³²-1. */
  nextUint32(): number;
}

/** Checksums and hashes. Both functions are pure and do not keep their arguments. */
export interface Digests {
  /** CRC-32 (IEEE 802.3) of `bytes`, continued from `seed`. `bytes` may be empty. */
  crc32(bytes: Uint8Array, seed: number): number;
  /** 32 bytes that depend on `previous` (32 bytes) and all of `body`: one step of a batch chain. */
  chain(previous: Uint8Array, body: Uint8Array): Uint8Array;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured events for operators. `event` is a stable kebab-case word; fields never hold payloads or keys. */
export interface Logger {
  log(level: LogLevel, event: string, fields: Readonly<Record<string, string | number | boolean>>): void;
}

// --- Links -----------------------------------------------------------------------------------------------------------

/**
 * A byte stream to one authenticated peer.
 *
 * What the other end receives is a prefix of what was written here, or garbage that framing rejects, or nothing; a link
 * may be cut at any byte. (Simulated links also lose, double and reorder whole writes; the core stays correct.)
 */
export interface Link {
  /** Who the other end has proved to be: by certificate in production. */
  readonly remote: NodeName;
  /** Bytes written that have not left this process yet. The writer stops above its own limit and goes on at `onDrain`. */
  readonly bufferedBytes: number;
  /** Queues `bytes`, which nobody changes from now on. Does nothing once closed. */
  write(bytes: Uint8Array): void;
  /** Stops `onBytes` until `resume`; the network then holds the sender back. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then ends the link; `onClose` follows. */
  close(): void;
}

/** How a link reports. After `onClose` nothing else is called. */
export interface LinkHandlers {
  /** The bytes belong to the receiver; nobody changes them afterwards. */
  onBytes(bytes: Uint8Array): void;
  /** `bufferedBytes` has come down to zero after a write. */
  onDrain(): void;
  /** The link has ended, from whichever side. `reason` is one line for people. */
  onClose(reason: string): void;
}

/** Makes and accepts links. Dial failures and accepted links are both authenticated before the core hears of them. */
export interface Links {
  /** Accepts links from now on. `onLink` returns the handlers of the new link. `done` reports whether listening works. */
  listen(onLink: (link: Link) => LinkHandlers, done: (result: Result<void>) => void): void;
  /**
   * Tries once to reach `peer`. Calls either `onLink` or `onFail`, unless cancelled before. A dial may stay unanswered
   * for ever (a black hole): whoever dials sets the deadline.
   */
  dial(peer: NodeName, onLink: (link: Link) => LinkHandlers, onFail: (error: AntecedentError) => void): Cancel;
  /** `peer` has become a member, and is reached at `address`, which another member has passed on: it may be nonsense. */
  learn(peer: NodeName, address: string): void;
  /** `peer` is no member any more: nothing of it is let in. Links that exist stay. */
  forget(peer: NodeName): void;
  /** Stops listening. Links that exist stay. */
  close(done: () => void): void;
}

// --- Lines -----------------------------------------------------------------------------------------------------------

/** What became of an attempt to send a line. */
export type LineOutcome =
  /** All of it has left for the peer. `isDoubtful`: the connection was lost then, and perhaps the line with it. */
  | { readonly type: 'sent'; readonly isDoubtful: boolean }
  /** `mayHaveArrived`: the peer may have it all the same. */
  | { readonly type: 'failed'; readonly error: AntecedentError; readonly mayHaveArrived: boolean };

/** A connection to a member that speaks pluto v0.4, for one line. */
export interface LineConnection {
  /** Tries to send the line, once, and calls `done` in bounded time unless closed before. The bytes must not change before that. */
  send(line: Uint8Array, done: (outcome: LineOutcome) => void): void;
  /** Drops the connection, and what has not arrived over it: the line will be sent again, or nobody wants it. Idempotent. */
  close(): void;
}

/**
 * Text lines to and from members that speak pluto v0.4, each over a connection of its own. Both ends are authenticated before the
 * core hears of anything. Lines come and go without the line break that ends them.
 */
export interface Lines {
  /**
   * Accepts lines from now on. `answer` is called once for each, when its message is durable or refused: then its connection ends. How
   * many lines may wait for an answer is the transport's affair. `done` reports whether listening works.
   */
  listen(
    onLine: (peer: NodeName, line: Uint8Array, answer: (result: Result<void>) => void) => void,
    done: (result: Result<void>) => void,
  ): void;
  /** Connects once, and calls `done` in bounded time unless cancelled before. One connection a peer at a time, until its line has an outcome. */
  connect(peer: NodeName, done: (result: Result<LineConnection>) => void): Cancel;
  /** `peer` is no member any more: nothing of it is let in. */
  forget(peer: NodeName): void;
  /** Stops listening, and ends every connection. */
  close(done: () => void): void;
}

// --- Disk ------------------------------------------------------------------------------------------------------------

/** The outcome of a call that may fail. */
export type Result<T> =
  { readonly error: undefined; readonly value: T } | { readonly error: AntecedentError; readonly value?: undefined };

/** The data directory of one node: a flat set of files. Nobody else writes there while the node runs. */
export interface Disk {
  /** Names of all files, in byte order. */
  list(done: (result: Result<readonly string[]>) => void): void;
  /** Opens an existing file, or with `create` makes an empty one (an error if it exists). */
  open(name: string, options: { readonly create: boolean }, done: (result: Result<DiskFile>) => void): void;
  /** Replaces `to` if it exists. Durable only after `syncDirectory`. */
  rename(from: string, to: string, done: (result: Result<void>) => void): void;
  remove(name: string, done: (result: Result<void>) => void): void;
  /** Makes creations, renames and removals durable. */
  syncDirectory(done: (result: Result<void>) => void): void;
}

/** An open file. At most one call at a time is under way; positions and lengths are bytes. */
export interface DiskFile {
  /** Length of the file. */
  size(done: (result: Result<number>) => void): void;
  /** Up to `length` bytes at `position`; fewer only at the end of the file. The bytes belong to the caller. */
  read(position: number, length: number, done: (result: Result<Uint8Array>) => void): void;
  /**
   * Writes all of `chunks`, one after the other, from `position`. After an error any prefix may have been written. The
   * chunks stay the caller's, who may change them once `done` has been called.
   */
  write(position: number, chunks: readonly Uint8Array[], done: (result: Result<void>) => void): void;
  /** Returns once everything written to this file would survive a loss of power (fdatasync). */
  sync(done: (result: Result<void>) => void): void;
  /** Cuts the file to `length`. Durable only after `sync`. */
  truncate(length: number, done: (result: Result<void>) => void): void;
  close(done: (result: Result<void>) => void): void;
}
