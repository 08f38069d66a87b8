/**
 * `reliableConnect` and `reliableSend`, the functions of v0.4: connecting and sending until it works, for programs that speak with
 * its nodes without a node of their own.
 *
 * - v0.4 reads one message of a connection. So a connection is used up by the message that was sent over it, and the next one makes
 *   a new one.
 * - A connection that has waited may be dead without anybody knowing. So it is tried as v0.4 does: with a ping, and a pause in which the
 *   answer of a dead end would come.
 * - What cannot be reached, or ends before it has the line, is tried again. Who shows another certificate, or refuses ours, is not.
 * - "Sent" means that the line has left for a peer that has let us in. v0.4 acknowledges nothing.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { AntecedentError, nodeName, plutoPing, type Cancel } from '../../core/index.js';
import { parseAddress } from '../address.js';
import { readCredentials, type CredentialSources } from '../credentials.js';
import { defaultTlsLimits } from '../links.js';
import { dialPluto, writeLine, type DialledLine, type LineTarget } from './line-call.js';
import { checkPlutoPeer, readPlutoPeer } from './peer-identity.js';

export interface ReliableTls extends CredentialSources {
  /** `sha256:` and the fingerprint of the peer's certificate. Without it the certificate must hold the IP address of the peer. */
  readonly fingerprint?: string | undefined;
}

/** Durations in milliseconds. */
export interface ReliableOptions {
  /** Gives up: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Wait between two attempts; 500 unless given. */
  readonly retryMs?: number | undefined;
  /** How long one attempt may take; 5000 unless given. */
  readonly timeoutMs?: number | undefined;
}

const pingLine = new TextEncoder().encode(`${plutoPing}\r\n`);
/** As long as v0.4 waits unless told otherwise. */
const pauseMs = 100;

/** A connection to a node of pluto v0.4. */
export interface PlutoConnection extends Disposable {
  /** `host:port`. */
  readonly address: string;
  /** Ends it. What was sent before still arrives. */
  close(): void;
}

class ReliableConnection implements PlutoConnection {
  readonly address: string;
  readonly target: LineTarget;
  /** Undefined once a message was sent over it. */
  #open: DialledLine | undefined;

  constructor(address: string, target: LineTarget) {
    this.address = address;
    this.target = target;
  }

  /** The connection, to be used up; undefined when there is none that works. */
  async take(signal: AbortSignal): Promise<DialledLine | undefined> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined || !isAlive(open)) return undefined;
    open.socket.write(pingLine);
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
    // Its end may have come meanwhile, or what answers a ping to nobody.
    if (isAlive(open)) return open;
    open.drop();
    return undefined;
  }

  async connect(options: ReliableOptions): Promise<void> {
    this.#open = await untilItWorks(options, (signal) => connectOnce(this.target, options, signal));
  }

  close(): void {
    this.#open?.socket.end();
    this.#open = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Connects to the node of pluto v0.4 at `address`, however long it takes. Rejects with `E_CONFIG` and the like for what cannot be read,
 * with `E_IDENTITY` when it has another certificate, `E_TLS_REFUSED` when one of the two does not trust the other, and the reason of `signal`.
 */
export async function reliableConnect(
  address: string,
  tls: ReliableTls,
  options: ReliableOptions = {},
): Promise<PlutoConnection> {
  const { fingerprint, ...sources } = tls;
  const credentials = readCredentials(sources);
  // Whoever it is: its certificate counts.
  const who = nodeName('peer');
  const identity = readPlutoPeer(who, { address, protocol: 'pluto-0.4', fingerprint });
  const connection = new ReliableConnection(address, {
    ...{ who, address: parseAddress(address, { zeroPort: false }), credentials },
    check: (certificate) => checkPlutoPeer(certificate, identity),
  });
  await connection.connect(options);
  return connection;
}

/**
 * Sends `text`, a message as `formatMessage` makes it, over `connection` or over new ones to the same node, however long it takes. Resolves
 * when it has left. It may arrive twice then, if an attempt has failed in the middle. Rejects as `reliableConnect` does, and with `E_PLUTO`
 * for a text with a line break in it.
 */
export async function reliableSend(
  connection: PlutoConnection,
  text: string,
  options: ReliableOptions = {},
): Promise<void> {
  if (!(connection instanceof ReliableConnection)) {
    throw new AntecedentError('E_CONFIG', 'reliableSend takes a connection of reliableConnect');
  }
  if (/[\r\n]/.test(text)) {
    throw new AntecedentError('E_PLUTO', 'the text has a line break in it: v0.4 would take it for two messages');
  }
  const line = new TextEncoder().encode(text);
  await untilItWorks(options, async (signal) => {
    const open = (await connection.take(signal)) ?? (await connectOnce(connection.target, options, signal));
    await sendOnce(open, connection.target.who, line, options, signal);
  });
}

function isAlive({ socket }: DialledLine): boolean {
  return socket.writable && !socket.readableEnded;
}

/** What is worth another attempt. */
function isPassing(error: unknown): boolean {
  return error instanceof AntecedentError && error.code === 'E_UNREACHABLE';
}

async function untilItWorks<T>(
  { retryMs = 500, signal = new AbortController().signal }: ReliableOptions,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt(signal);
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await wait(retryMs, undefined, { signal }).catch(() => undefined);
  }
}

function connectOnce(
  target: LineTarget,
  { timeoutMs = defaultTlsLimits.handshakeMs }: ReliableOptions,
  signal: AbortSignal,
): Promise<DialledLine> {
  return cancellable(signal, (resolve, reject) =>
    dialPluto(target, { handshakeMs: timeoutMs }, (result) => {
      if (result instanceof AntecedentError) reject(result);
      else resolve(result);
    }),
  );
}

function sendOnce(
  open: DialledLine,
  who: string,
  line: Uint8Array,
  { timeoutMs = defaultTlsLimits.handshakeMs }: ReliableOptions,
  signal: AbortSignal,
): Promise<void> {
  const timings = { sendMs: timeoutMs, lingerMs: defaultTlsLimits.lingerMs };
  return cancellable(signal, (resolve, reject) =>
    writeLine(open, who, line, timings, (outcome) => {
      if (outcome.type === 'sent') resolve();
      else reject(outcome.error);
    }),
  );
}

/** A promise for something that can be taken back. */
function cancellable<T>(
  signal: AbortSignal,
  begin: (resolve: (value: T) => void, reject: (error: Error) => void) => Cancel,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const settling = <V>(settle: (value: V) => void): ((value: V) => void) => {
      return (value) => {
        signal.removeEventListener('abort', abort);
        settle(value);
      };
    };
    const cancel = begin(settling(resolve), settling(reject));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
