/** Bounds on memory and time: every one has a default here and may be given at open. */

/** Sizes in bytes. All members must have the same `messageBytesMax` and `batchBytesTarget`; the others are a node's own. */
export interface Limits {
  /** Longest payload of one message. */
  readonly messageBytesMax: number;
  /** Longest frame before WELCOME. */
  readonly handshakeFrameBytesMax: number;
  /** A batch is closed when it holds this much; one larger message makes a batch of its own. */
  readonly batchBytesTarget: number;
  /** Own broadcasts waiting for the journal; beyond it `broadcast` refuses with `E_BACKPRESSURE`. */
  readonly pendingBytesMax: number;
  /** Bytes sent to a peer and not yet acknowledged by it. */
  readonly windowBytes: number;
  /**
   * Messages of one origin that wait for a cause; beyond it that origin is given no credit, so that it sends nothing more. (Per origin, because what another one waits for must still get through.)
   */
  readonly heldBackBytesMax: number;
  /**
   * Messages that wait for a slow application; beyond it nobody is given credit. Its own broadcasts are taken up to twice as much: an
   * application that waits for one while it applies a message would otherwise wait for itself.
   */
  readonly undeliveredBytesMax: number;
  /** Bytes that may wait in one link's socket before the node stops writing to it. */
  readonly linkBufferBytesMax: number;
  /** Recent batches kept in memory for peers that keep up; older ones are read back from the journal. */
  readonly cacheBytesMax: number;
  /** Longest snapshot of another member's application that is taken; it is kept in memory until the application has it. */
  readonly snapshotBytesMax: number;
  /** A segment of the journal is closed when it holds this much. */
  readonly segmentBytesMax: number;
}

export const defaultLimits: Limits = {
  messageBytesMax: 1 << 20,
  handshakeFrameBytesMax: 4 << 10,
  batchBytesTarget: 64 << 10,
  pendingBytesMax: 8 << 20,
  windowBytes: 4 << 20,
  heldBackBytesMax: 64 << 20,
  undeliveredBytesMax: 64 << 20,
  linkBufferBytesMax: 1 << 20,
  cacheBytesMax: 16 << 20,
  snapshotBytesMax: 256 << 20,
  segmentBytesMax: 16 << 20,
};

/** Durations in milliseconds. */
export interface Timings {
  /** A dial, with both HELLO and WELCOME, must be done in this time. */
  readonly handshakeMs: number;
  /** Time between pings on an idle link. */
  readonly heartbeatMs: number;
  /** Time between pings while the peer owes acknowledgements. */
  readonly probeMs: number;
  /** A link on which neither a whole frame nor 4 KiB of one were heard for this long is dead. */
  readonly deadMs: number;
  /** First wait before dialling again; doubled each time, with full jitter. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** A link that lives this long after WELCOME resets the backoff. */
  readonly stableMs: number;
  /** A request for a missing range is repeated after this long. */
  readonly wantRetryMs: number;
  /** A connected peer that has taken in nothing more of our log for this long, though there is more of it, is reported. */
  readonly stuckMs: number;
  /** What the application has applied is entered in the journal with whatever else is written, or this long after the append under way: see `Marking`. */
  readonly markDelayMs: number;
  /** While the disk takes no writes, such as when it is full, the journal tries again this often. */
  readonly storageRetryMs: number;
  /** Closed segments of the journal are read again this often, slowly, to see whether the medium still has them. */
  readonly scrubEveryMs: number;
}

export const defaultTimings: Timings = {
  handshakeMs: 5_000,
  heartbeatMs: 5_000,
  probeMs: 1_000,
  deadMs: 15_000,
  backoffMs: 500,
  backoffMaxMs: 30_000,
  stableMs: 10_000,
  wantRetryMs: 1_000,
  stuckMs: 60_000,
  markDelayMs: 20,
  storageRetryMs: 1_000,
  scrubEveryMs: 24 * 60 * 60 * 1_000,
};
