/**
 * What the operating system says about files, in our own codes.
 *
 * - `E_DISK_FULL`: there is no room. Somebody can make some while the node runs, so trying again later makes sense.
 * - `E_STORAGE`: anything else. Nothing gets better by waiting.
 * The message names file, operation and position, and the system's own code comes first in its reason.
 */
import { AntecedentError, type Result } from '../core/index.js';

/**
 * No space on the device, no quota left, and a file that would exceed the limit of its process (RLIMIT_FSIZE) or its file
 * system. The last is an error and no signal, because Node ignores SIGXFSZ from its start (`PlatformInit` in src/node.cc),
 * whatever it inherits; only a program that adds a listener for SIGXFSZ and removes it again is killed by its next write.
 */
const noRoomCodes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** `operation` with its position, such as `write 70 bytes at 4096`. */
export function storageError(operation: string, path: string, cause: unknown): AntecedentError {
  const code = noRoomCodes.has(systemCode(cause)) ? 'E_DISK_FULL' : 'E_STORAGE';
  return new AntecedentError(code, `${operation} failed on ${path}: ${reasonOf(cause)}`, { cause });
}

export function failed(operation: string, path: string, cause: unknown): { readonly error: AntecedentError } {
  return { error: storageError(operation, path, cause) };
}

/** The result of an operation that answers nothing but its failure. */
export function outcome(operation: string, path: string, cause: Error | null | undefined): Result<void> {
  return cause ? failed(operation, path, cause) : { error: undefined, value: undefined };
}

/** Such as `ENOSPC`; undefined for what did not come from the system. */
export function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
