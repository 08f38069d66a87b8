/** What passes between a benchmark and the processes it starts: every system under test obeys the same orders. */

export interface MemberOptions {
  readonly name: string;
  /** Directory with ca.pem and the certificate and key of every member. */
  readonly keys: string;
  /** Directory of the cluster; a member keeps its data below it. */
  readonly data: string;
  /** Where each member listens on loopback. */
  readonly ports: Readonly<Record<string, number>>;
  /** What else the program must know; its own matter. */
  readonly settings: Readonly<Record<string, number>>;
}

export type Order =
  /** Broadcast `count` messages of `bytes`, as fast as they are taken; answered with `accepted`. */
  | { readonly type: 'broadcast'; readonly count: number; readonly bytes: number }
  /**
   * Broadcast `count` messages that carry the time at which they are due: `perSecond` of them, or, when that is undefined, each one
   * after the one before is durable everywhere. Answered with `accepted`.
   */
  | {
      readonly type: 'stamped';
      readonly count: number;
      readonly bytes: number;
      readonly perSecond: number | undefined;
    }
  /** Answer with `delivered` once the message at this position has been delivered. */
  | { readonly type: 'expect'; readonly position: number }
  /** From now on note how long each message has taken that carries its time. */
  | { readonly type: 'time' }
  /** Answer with `times`, and note no more. */
  | { readonly type: 'times' }
  | { readonly type: 'close' };

/** CPU time counts from the last order that starts work or waits for it. */
export type Report =
  /** Connected to all others; `position` was delivered by then. May come more than once. */
  | { readonly type: 'connected'; readonly position: number }
  | { readonly type: 'accepted'; readonly cpuMicros: number }
  | { readonly type: 'delivered'; readonly cpuMicros: number }
  /** Milliseconds from broadcast to delivery, in order of delivery. */
  | { readonly type: 'times'; readonly latenciesMs: readonly number[] };

export type ReportOf<Type extends Report['type']> = Extract<Report, { readonly type: Type }>;
