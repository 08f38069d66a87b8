/**
 * Answers on the control socket of a running node.
 *
 * The node comes first. So everything here is bounded: connections, the length of a line, the time a client may take for a line or for
 * reading its answer, and one request at a time of each. Whoever breaks a bound loses its connection; nothing else happens. A request
 * that the node has begun is finished even when nobody waits for its answer any more.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { AntecedentError, type Logger } from '../core/index.js';
import {
  errorAnswer,
  parseRequest,
  requestBytesMax,
  type ControlAnswer,
  type ControlRequest,
} from './control-protocol.js';
import { listenForControl, type ControlSocket } from './control-socket.js';
import { LineSplitter, type Line } from './json-lines.js';

/** Carries a request out; what it resolves with is the result. */
export type ControlHandler = (request: ControlRequest) => Promise<unknown>;

export interface ControlLimits {
  readonly connectionsMax: number;
  /** For a whole line to come, and for an answer to be read. In milliseconds. */
  readonly idleMs: number;
}

export const defaultControlLimits: ControlLimits = { connectionsMax: 16, idleMs: 10_000 };

export interface ControlServer {
  /** Closes every connection and takes the socket away. Idempotent. */
  close(): void;
}

/** Listens in `directory`, on which the caller holds the lock. Rejects with `E_STORAGE` or `E_CONFIG`. */
export async function openControl(
  directory: string,
  handle: ControlHandler,
  logger: Logger,
  limits: ControlLimits = defaultControlLimits,
): Promise<ControlServer> {
  const connections = new Set<ControlConnection>();
  const server: Server = createServer({ pauseOnConnect: true }, (socket) => {
    const connection = new ControlConnection(socket, handle, limits.idleMs);
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  server.maxConnections = limits.connectionsMax;
  // Listening goes on after a connection that could not be accepted.
  server.on('error', (cause) => logger.log('warn', 'control-failed', { reason: cause.message }));
  const control: ControlSocket = await listenForControl(server, directory);
  return {
    close: () => {
      control.close();
      for (const connection of connections) connection.close();
    },
  };
}

class ControlConnection {
  readonly #socket: Socket;
  readonly #handle: ControlHandler;
  readonly #splitter = new LineSplitter(requestBytesMax);
  readonly #idleMs: number;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, handle: ControlHandler, idleMs: number) {
    this.#socket = socket;
    this.#handle = handle;
    this.#idleMs = idleMs;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(this.#deadline));
    socket.on('data', (chunk: Buffer) => void this.#take(this.#splitter.push(chunk)));
    this.#expectLine();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Node's own idle time-out starts again with every byte; this one covers the whole line. */
  #startDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#socket.destroy(), this.#idleMs);
  }

  #expectLine(): void {
    if (this.#socket.destroyed) return;
    this.#startDeadline();
    this.#socket.resume();
  }

  /** Nothing more is read until all of `lines` are answered, so no request waits here but those of one chunk. */
  async #take(lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return;
    this.#socket.pause();
    for (const line of lines) {
      // What the node does for us takes its own time; a full disk may take hours.
      clearTimeout(this.#deadline);
      if (!(await this.#write(await this.#answer(line)))) return;
    }
    this.#expectLine();
  }

  async #answer(line: Line): Promise<ControlAnswer> {
    try {
      if ('tooLong' in line) {
        throw new AntecedentError('E_INPUT', `the line is longer than ${requestBytesMax} bytes`);
      }
      return { result: (await this.#handle(parseRequest(line.bytes))) ?? null };
    } catch (error) {
      return errorAnswer(error);
    }
  }

  /** False when the client has gone, or takes too long to read. */
  #write(answer: ControlAnswer): Promise<boolean> {
    if (this.#socket.destroyed) return Promise.resolve(false);
    this.#startDeadline();
    return new Promise((resolve) => {
      this.#socket.write(`${JSON.stringify(answer)}\n`, (cause) => resolve(!cause));
    });
  }
}
