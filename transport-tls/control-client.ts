/** Asks the node that runs on a data directory, on its control socket. */
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { AntecedentError } from '../core/index.js';
import { answerBytesMax, parseAnswer, type ControlAnswer, type ControlRequest } from './control-protocol.js';
import { atControlSocket, isNobodyThere } from './control-socket.js';
import { LineSplitter } from './json-lines.js';
import { findLockHolder } from './lock-holder.js';
import { reasonOf, systemCode } from './storage-error.js';

export interface AskOptions {
  /** How long to wait for the answer; 30 s unless given. */
  readonly timeoutMs?: number | undefined;
}

const defaultTimeoutMs = 30_000;

/**
 * Resolves with what the node answers, which may be that it refuses. Rejects with `E_UNREACHABLE` when no node can be asked there,
 * `E_TIMEOUT`, `E_STORAGE` for a socket that may not be used, and `E_VERSION` for an answer that is none.
 */
export async function askNode(
  directory: string,
  request: ControlRequest,
  { timeoutMs = defaultTimeoutMs }: AskOptions = {},
): Promise<ControlAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  let socket: Socket | undefined;
  try {
    const connecting = atControlSocket(directory, (path) => connect({ path, signal }));
    socket = connecting;
    connecting.write(`${JSON.stringify(request)}\n`);
    return await readAnswer(connecting);
  } catch (cause) {
    if (cause instanceof AntecedentError) throw cause;
    if (signal.aborted) {
      const what = `the node in ${directory} has not answered within ${timeoutMs} ms`;
      throw new AntecedentError('E_TIMEOUT', `${what}; it may still do what was asked: look at its status and its log`);
    }
    throw isNobodyThere(cause) ? notRunning(directory) : unusable(directory, cause);
  } finally {
    socket?.destroy();
  }
}

async function readAnswer(socket: Socket): Promise<ControlAnswer> {
  const splitter = new LineSplitter(answerBytesMax);
  for await (const chunk of socket) {
    const [line] = splitter.push(chunk as Uint8Array);
    if (line === undefined) continue;
    const answer = 'bytes' in line ? parseAnswer(line.bytes) : undefined;
    if (answer !== undefined) return answer;
    throw new AntecedentError(
      'E_VERSION',
      'the node has answered something that is not understood: it runs another version',
    );
  }
  throw new AntecedentError(
    'E_CLOSED',
    'the node has closed the connection: it is being stopped, or asked by too many at once',
  );
}

function notRunning(directory: string): AntecedentError {
  if (!existsSync(directory)) {
    return new AntecedentError(
      'E_UNREACHABLE',
      `there is no directory ${directory}; name the data directory of a node`,
    );
  }
  const holder = findLockHolder(directory);
  if (holder === undefined) {
    return new AntecedentError(
      'E_UNREACHABLE',
      `no node runs in ${directory}; start it with: antecedent node --config FILE --stdio`,
    );
  }
  const pid = holder.pid === undefined ? '' : ` (pid ${holder.pid})`;
  const what = `a process${pid} uses ${directory} but cannot be asked`;
  const why = 'it is starting or stopping, or it is no daemon but a program that has opened the node itself';
  return new AntecedentError('E_UNREACHABLE', `${what}: ${why}; try again, or ask that program`);
}

function unusable(directory: string, cause: unknown): AntecedentError {
  const isForbidden = ['EACCES', 'EPERM'].includes(systemCode(cause) ?? '');
  const remedy = isForbidden ? '; ask as the user who runs the node' : '';
  return new AntecedentError('E_STORAGE', `cannot ask the node in ${directory}: ${reasonOf(cause)}${remedy}`, {
    cause,
  });
}
