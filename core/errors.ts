/**
 * The three kinds of failure.
 *
 * - `AntecedentError`: the caller can act on it. `code` is stable; scripts and alarms match on it.
 * - `RemoteProtocolError`: a peer misbehaved. Its link is dropped with the code; our state is untouched.
 * - `AssertionError`: our own bug. The node stops rather than act on a state it does not understand.
 */

/** Stable codes. A code is never renamed or reused. */
export type ErrorCode =
  | 'E_ACK'
  | 'E_APP'
  | 'E_BACKPRESSURE'
  | 'E_BATCH'
  | 'E_CATCHING_UP'
  | 'E_CERTIFICATE'
  | 'E_CHAIN'
  | 'E_CLOCK'
  | 'E_CLOSED'
  | 'E_CLUSTER'
  | 'E_CONFIG'
  | 'E_COUNTER_EXHAUSTED'
  | 'E_COUNTER_RANGE'
  | 'E_DISK_FULL'
  | 'E_DUPLICATE_LINK'
  | 'E_FRAME'
  | 'E_FRAME_TOO_LARGE'
  | 'E_FRAME_TRUNCATED'
  | 'E_IDENTITY'
  | 'E_INPUT'
  | 'E_KEY_MODE'
  | 'E_LISTEN'
  | 'E_LOCKED'
  | 'E_LOG_CORRUPT'
  | 'E_LOG_FOREIGN'
  | 'E_LOG_VANISHED'
  | 'E_LOG_VERSION'
  | 'E_MESSAGE_TOO_LARGE'
  | 'E_NAME'
  | 'E_NOT_A_LOG'
  | 'E_NOT_MEMBER'
  | 'E_NO_SNAPSHOT'
  | 'E_PAYLOAD'
  | 'E_PEER_FORGOT'
  | 'E_PLAN'
  | 'E_PLUTO'
  | 'E_POSITION'
  | 'E_RELEASED'
  | 'E_REMOVED'
  | 'E_RETENTION'
  | 'E_ROLLED_BACK'
  | 'E_STATE'
  | 'E_STORAGE'
  | 'E_STUCK'
  | 'E_TIMEOUT'
  | 'E_TLS_REFUSED'
  | 'E_TWIN'
  | 'E_UNKNOWN_MEMBER'
  | 'E_UNREACHABLE'
  | 'E_VERSION'
  | 'E_WINDOW';

/** A failure the caller can act on. */
export class AntecedentError extends Error {
  override readonly name: string = 'AntecedentError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A peer broke the protocol. Whoever catches it closes the link with `code` and keeps everything else. */
export class RemoteProtocolError extends AntecedentError {
  override readonly name = 'RemoteProtocolError';
}

/** A broken invariant of our own. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws `AssertionError` unless `condition` holds. For our own bugs only, never for input. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a branch that the types exclude. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
