/**
 * One connection to a peer that speaks pluto v0.4, for one line.
 *
 * - TLS 1.2 or later from the first byte, with our certificate: v0.4 ends itself when anything else comes to its port. So an
 *   address is never tried beside another one, where the slower connection would be dropped without a word.
 * - The peer never answers. It may end the connection once it has its line, or leave it open for ever. So a line counts as sent when it
 *   has left this process and nothing is heard for a moment: with TLS 1.3 a client hears of a refusal only after it has written. A reset
 *   may mean that the peer has what it wanted, or that the line is lost: then the outcome is doubtful.
 * - What a broken network has not let through, the system sends again by itself, for minutes, also after the connection was closed here.
 *   Before a line is sent again its connection must therefore be *dropped*, which makes the system forget: else the line could arrive
 *   behind later ones, and v0.4 spins over that for ever.
 */
import { constants, X509Certificate } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import * as tls from 'node:tls';
import { AntecedentError, type Cancel, type LineOutcome } from '../../core/index.js';
import { formatAddress, type Address } from '../address.js';
import { SocketStream } from './socket-stream.js';

export interface PlutoCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A connection to a peer whose certificate is the right one. */
export interface DialledLine {
  readonly socket: tls.TLSSocket;
  /** Ends the connection, and makes the system forget what the peer has not taken in. Idempotent. */
  readonly drop: () => void;
}

export interface LineTarget {
  /** For messages. */
  readonly who: string;
  readonly address: Address;
  readonly credentials: PlutoCredentials;
  /** Throws `AntecedentError` unless the certificate is that of whom we dial. */
  readonly check: (certificate: X509Certificate) => void;
}

/** In milliseconds. */
export interface LineTimings {
  /** From the dial to a finished handshake. */
  readonly handshakeMs: number;
  /** How long a line may take to leave this process. */
  readonly sendMs: number;
  /** How long a peer that has been sent its line may take to end its connection. */
  readonly lingerMs: number;
}

/** How long to wait, after a line, for an end of the connection that says how it went. v0.4 itself waits 100 ms for each line. */
const settleMs = 250;

const lineEnd = new TextEncoder().encode('\r\n');

/** What both ends of a connection with v0.4 ask of TLS. No session is ever resumed: it would prove no certificate. */
export function plutoSecureOptions({ ca, cert, key }: PlutoCredentials): tls.SecureContextOptions {
  return { ca, cert, key, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET };
}

/** Connects once. Calls `done`, unless cancelled before, with a connection whose other end is the one that was dialled, or with why there is none. */
export function dialPluto(
  { who, address, credentials, check }: LineTarget,
  { handshakeMs }: Pick<LineTimings, 'handshakeMs'>,
  done: (result: DialledLine | AntecedentError) => void,
): Cancel {
  const where = `${who} at ${formatAddress(address)}`;
  const { ca, cert, key } = credentials;
  const raw = connect({ ...address, noDelay: true, autoSelectFamily: false });
  const socket = tls.connect({
    ...{ ca, cert, key, minVersion: 'TLSv1.2' as const },
    // Handed over before it is connected, so that nothing comes in front of our first record.
    socket: new SocketStream(raw),
    rejectUnauthorized: true,
    // Called when the chain is trusted. What it returns ends the handshake.
    checkServerIdentity: (_host, certificate) => attempt(() => check(new X509Certificate(certificate.raw))),
  });
  const drop = (): void => dropConnection(socket, raw);
  let isConnected = false;
  let isOver = false;
  const settle = (result: DialledLine | AntecedentError): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(deadline);
    if (result instanceof AntecedentError) drop();
    done(result);
  };
  const deadline = setTimeout(() => {
    settle(new AntecedentError('E_UNREACHABLE', `${where} did not answer in ${handshakeMs} ms`));
  }, handshakeMs);
  raw.on('connect', () => (isConnected = true));
  raw.on('error', (cause) => settle(failureOf(where, cause, isConnected)));
  socket.on('error', (cause: Error) => settle(failureOf(where, cause, isConnected)));
  socket.on('close', () => settle(failureOf(where, new Error('closed by the other end'), isConnected)));
  socket.on('secureConnect', () => {
    // Nobody has anything to tell us, but its end is seen only by who reads.
    socket.resume();
    settle({ socket, drop });
  });
  return () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(deadline);
    drop();
  };
}

/** Sends a line over a connection, which is used up by that. Calls `done`, later, unless cancelled before. */
export function writeLine(
  { drop, socket }: DialledLine,
  who: string,
  line: Uint8Array,
  { lingerMs, sendMs }: Pick<LineTimings, 'lingerMs' | 'sendMs'>,
  done: (outcome: LineOutcome) => void,
): Cancel {
  let isOver = false;
  let isWritten = false;
  const settle = (outcome: LineOutcome): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    if (outcome.type === 'failed') drop();
    done(outcome);
  };
  const fail = (reason: string, cause?: Error, mayHaveArrived = true): void => {
    const code = cause !== undefined && isRefusal(cause) ? 'E_TLS_REFUSED' : 'E_UNREACHABLE';
    const error = new AntecedentError(code, `${who} ${reason}`, { cause });
    settle({ type: 'failed', error, mayHaveArrived });
  };
  const sent = (isDoubtful: boolean): void => settle({ type: 'sent', isDoubtful });
  const cancel = (): void => {
    isOver = true;
    clearTimeout(timer);
    drop();
  };
  let timer = setTimeout(() => fail(`has taken in nothing for ${sendMs} ms`), sendMs);
  if (!socket.writable) {
    const cause = socket.errored ?? undefined;
    setImmediate(() => fail('ended the connection before it was sent the line', cause, false));
    return cancel;
  }
  socket.on('end', () => {
    if (isWritten) sent(false);
  });
  socket.on('error', (cause: Error) => {
    if (isWritten && isReset(cause)) sent(true);
    else fail(`ended the connection: ${cause.message}`, cause);
  });
  socket.on('close', () => {
    if (isWritten) sent(true);
    else fail('ended the connection before it had the line');
  });
  socket.cork();
  socket.write(line);
  socket.write(lineEnd, (error) => {
    // Then comes 'error', or 'close'.
    if (error || isOver) return;
    isWritten = true;
    socket.end();
    const linger = setTimeout(() => socket.destroy(), settleMs + lingerMs);
    socket.on('close', () => clearTimeout(linger));
    clearTimeout(timer);
    timer = setTimeout(() => sent(false), settleMs);
  });
  socket.uncork();
  return cancel;
}

/** The socket below is told first: TLS would only close it, and leave the rest to the system. */
function dropConnection(socket: tls.TLSSocket, raw: Socket): void {
  // A reset waits for the connection, which v0.4 would not survive.
  if (raw.connecting) raw.destroy();
  else if (!raw.destroyed) raw.resetAndDestroy();
  socket.destroy();
}

function attempt(check: () => void): Error | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function failureOf(where: string, cause: Error, isConnected: boolean): AntecedentError {
  if (cause instanceof AntecedentError) return cause;
  if (!isConnected) return new AntecedentError('E_UNREACHABLE', `cannot reach ${where}: ${cause.message}`, { cause });
  const code = isRefusal(cause) ? 'E_TLS_REFUSED' : 'E_UNREACHABLE';
  return new AntecedentError(code, `TLS handshake with ${where} failed: ${cause.message}`, { cause });
}

/** True for what another attempt would only meet again: TLS has ended it. Everything else has a code of the system, or none. */
function isRefusal(cause: Error): boolean {
  const code: unknown = 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' && (code.startsWith('ERR_') || !code.startsWith('E'));
}

function isReset(cause: Error): boolean {
  return 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE');
}
