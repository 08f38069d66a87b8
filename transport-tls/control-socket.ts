/**
 * Where a running node can be spoken to: a Unix socket `.control` in its data directory.
 *
 * - Only the owner of the directory may connect (mode 0600), from the first moment on: the socket is made in a directory that
 *   nobody else may enter, and appears under its name by a rename. That also replaces what a killed process has left.
 * - Whoever makes it holds the lock on the data directory, so a socket that is there is stale. Anything else under this name was put
 *   there by somebody, and is left alone.
 * - The name starts with a dot and is no plain file: neither the disk of the directory nor `antecedent log` sees it.
 * - The system takes at most 107 bytes for the path of a socket (103 on macOS), and Node cuts off what is more without a word. Behind a
 *   longer path the directory is opened, and the socket named through it; where a system has no names for open directories, the path
 *   is refused.
 */
import { once } from 'node:events';
import * as fs from 'node:fs';
import type { Server } from 'node:net';
import { join, resolve } from 'node:path';
import { AntecedentError } from '../core/index.js';
import { storageError, systemCode } from './storage-error.js';

const socketName = '.control';
/** Where the socket is made. */
const nurseryName = '.control-new';

/** `sun_path` of the systems we run on, without its zero at the end; the smallest for those that are not named. */
const pathBytesMax = process.platform === 'linux' ? 107 : 103;

/** A directory by a path that is short enough for the sockets in it. */
interface ShortDirectory {
  readonly path: string;
  /** The path means nothing any more. Called once. */
  release(): void;
}

export interface ControlSocket {
  /** Stops listening and takes the socket away. Idempotent. */
  close(): void;
}

/**
 * Makes `server` listen in `directory`, on which the caller holds the lock. Rejects with `E_STORAGE`, or `E_CONFIG` for a path that is
 * too long; `server` is closed then.
 */
export async function listenForControl(server: Server, directory: string): Promise<ControlSocket> {
  const nursery = join(directory, nurseryName);
  const target = join(directory, socketName);
  let short: ShortDirectory | undefined;
  let made: number;
  const closeServer = (): void => {
    // Node removes the path it has bound; while the directory is open that cannot be somebody else's.
    server.close();
    short?.release();
  };
  try {
    refuseOtherThanSocket(target);
    fs.rmSync(nursery, { recursive: true, force: true });
    fs.mkdirSync(nursery, { mode: 0o700 });
    short = shortDirectory(nursery, socketName);
    server.listen({ path: join(short.path, socketName) });
    await once(server, 'listening');
    fs.chmodSync(join(nursery, socketName), 0o600);
    made = fs.lstatSync(join(nursery, socketName)).ino;
    fs.renameSync(join(nursery, socketName), target);
    fs.rmdirSync(nursery);
  } catch (cause) {
    closeServer();
    fs.rmSync(nursery, { recursive: true, force: true });
    if (cause instanceof AntecedentError) throw cause;
    throw storageError('making the control socket', target, cause);
  }
  let isThere = true;
  return {
    close: () => {
      if (!isThere) return;
      isThere = false;
      closeServer();
      // The node may have stopped by itself, and the next one may have put its own socket there.
      if (fs.lstatSync(target, { throwIfNoEntry: false })?.ino === made) fs.rmSync(target, { force: true });
    },
  };
}

/** Calls `connect` with the path of the socket of `directory`; it must be used before `connect` returns. Throws `E_CONFIG`. */
export function atControlSocket<T>(directory: string, connect: (path: string) => T): T {
  const short = shortDirectory(directory, socketName);
  try {
    return connect(join(short.path, socketName));
  } finally {
    short.release();
  }
}

function refuseOtherThanSocket(path: string): void {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isSocket()) return;
  throw new AntecedentError('E_STORAGE', `${path} is no socket, so somebody else has put it there; move it away`);
}

/** `directory` under a path that leaves room for `name`. */
function shortDirectory(directory: string, name: string): ShortDirectory {
  const absolute = resolve(directory);
  const bytes = Buffer.byteLength(join(absolute, name));
  if (bytes <= pathBytesMax) return { path: absolute, release: () => undefined };
  if (process.platform !== 'linux') {
    throw new AntecedentError(
      'E_CONFIG',
      `${join(absolute, name)} has ${bytes} bytes, and the system takes ${pathBytesMax} for a socket; use a shorter data directory`,
    );
  }
  const fd = fs.openSync(absolute, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}`, release: () => fs.closeSync(fd) };
}

/** True for what the system says when nobody listens: no socket, or one that a killed process has left. */
export function isNobodyThere(cause: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(systemCode(cause) ?? '');
}
