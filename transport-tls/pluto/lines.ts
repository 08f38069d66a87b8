/**
 * The Lines port over TLS: members that speak pluto v0.4, on a port of their own.
 *
 * - A connection brings one line, and ends when the line is answered: by then its message is durable here. The sender neither waits for
 *   that nor ends anything itself.
 * - So many connections at once are taken as lines may wait for an answer. More are turned away before the handshake: then the sender
 *   knows that it has sent nothing, and comes again. That is how it is held back.
 * - Whoever connects needs a certificate of the CA, and is known by it (peer-identity.ts). Nothing is read before.
 * - A connection that is refused is ended without a word, and logged. What has been read of it is dropped.
 */
import type { X509Certificate } from 'node:crypto';
import * as net from 'node:net';
import * as tls from 'node:tls';
import {
  AntecedentError,
  type Cancel,
  type Clock,
  type LineOutcome,
  type Lines,
  type Logger,
  type NodeName,
  type Result,
} from '../../core/index.js';
import { formatAddress, type Address } from '../address.js';
import { Admission } from '../admission.js';
import type { TlsLimits } from '../links.js';
import { RefusalLog } from '../refusal-log.js';
import { dialPluto, plutoSecureOptions, writeLine, type LineTimings, type PlutoCredentials } from './line-call.js';
import { LineReader } from './line-reader.js';
import { checkPlutoPeer, identifyPlutoPeer, type PlutoIdentity } from './peer-identity.js';

/** Connections at once, each with one line in memory. */
const connectionsMax = 64;

/** A line must be whole so long after the handshake. v0.4 waits in front of it, as long as it was told to. */
const lineMs = 30_000;

/** How long a line to a peer may take to leave this process. */
const sendMs = 30_000;

/** What a line has beside its payload: a sender, and a clock of 256 names of 64 characters with their numbers. */
const clockBytesMax = 256 * (64 + 1 + 16 + 1) + 64 + 2;

export interface TlsLinesOptions {
  readonly listen: Address;
  readonly peers: ReadonlyMap<NodeName, PlutoIdentity>;
  readonly credentials: PlutoCredentials;
  readonly messageBytesMax: number;
  readonly limits: TlsLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

type OnLine = Parameters<Lines['listen']>[0];

export class TlsLines implements Lines {
  readonly #options: TlsLinesOptions;
  readonly #peers: Map<NodeName, PlutoIdentity>;
  readonly #admission: Admission;
  readonly #refusals: RefusalLog;
  readonly #timings: LineTimings;
  #credentials: PlutoCredentials;
  #server: net.Server | undefined;
  #secureServer: tls.Server | undefined;
  /** Accepted connections, from the first moment to the last. */
  readonly #raw = new Set<net.Socket>();
  /** Ends the deadline of a handshake, by the other end's address and port. */
  readonly #pending = new Map<string, () => void>();

  constructor(options: TlsLinesOptions) {
    this.#options = options;
    this.#peers = new Map(options.peers);
    this.#credentials = options.credentials;
    const { clock, limits, logger } = options;
    this.#admission = new Admission(limits, clock);
    this.#refusals = new RefusalLog(logger, clock, limits.refusalLinesPerSecondMax);
    this.#timings = { handshakeMs: limits.handshakeMs, sendMs, lingerMs: limits.lingerMs };
  }

  /** Where we listen, with the port the system chose; undefined before `listen` is done and after `close`. */
  get address(): Address | undefined {
    const bound = this.#server?.address();
    return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : undefined;
  }

  /** Where `peer` is dialled. */
  addressOf(peer: NodeName): Address | undefined {
    return this.#peers.get(peer)?.address;
  }

  listen(onLine: OnLine, done: (result: Result<void>) => void): void {
    const secure = this.#createSecureServer(onLine);
    this.#secureServer = secure;
    const { listen, logger } = this.#options;
    const server = net.createServer({ noDelay: true });
    this.#server = server;
    let answer: typeof done | undefined = done;
    server.on('connection', (raw) => this.#admit(raw, secure));
    server.on('error', (cause) => {
      // While listening this is an accept that failed, for want of file descriptors; the server goes on.
      if (answer === undefined) logger.log('error', 'accept-failed', { reason: cause.message });
      const where = formatAddress(listen);
      answer?.({
        error: new AntecedentError('E_LISTEN', `cannot listen for pluto v0.4 peers on ${where}: ${cause.message}`),
      });
      answer = undefined;
    });
    server.listen(listen, () => {
      answer?.({ error: undefined, value: undefined });
      answer = undefined;
    });
  }

  send(name: NodeName, line: Uint8Array, done: (outcome: LineOutcome) => void): Cancel {
    const peer = this.#peers.get(name);
    if (peer === undefined) {
      const error = new AntecedentError('E_UNREACHABLE', `no address of ${name} is known`);
      const later = setImmediate(() => done({ type: 'failed', error, mayHaveArrived: false }));
      return () => clearImmediate(later);
    }
    const target = {
      ...{ who: name, address: peer.address, credentials: this.#credentials },
      check: (certificate: X509Certificate) => checkPlutoPeer(certificate, peer),
    };
    let cancel = dialPluto(target, this.#timings, (connection) => {
      if (connection instanceof AntecedentError) {
        done({ type: 'failed', error: connection, mayHaveArrived: false });
        return;
      }
      cancel = writeLine(connection, name, line, this.#timings, done);
    });
    return () => cancel();
  }

  forget(peer: NodeName): void {
    this.#peers.delete(peer);
  }

  /** Throws `E_CERTIFICATE` when TLS would not take these. */
  checkCredentials(credentials: PlutoCredentials): void {
    try {
      tls.createSecureContext(plutoSecureOptions(credentials));
    } catch (cause) {
      throw new AntecedentError('E_CERTIFICATE', `TLS does not take the certificates: ${String(cause)}`, { cause });
    }
  }

  /** Uses other credentials in every handshake from now on; they were checked. */
  useCredentials(credentials: PlutoCredentials): void {
    this.#credentials = credentials;
    this.#secureServer?.setSecureContext(plutoSecureOptions(credentials));
  }

  close(done: () => void): void {
    this.#server?.close();
    this.#server = undefined;
    for (const raw of this.#raw) raw.destroy();
    setImmediate(done);
  }

  // --- accepting ---

  #admit(raw: net.Socket, secure: tls.Server): void {
    raw.on('error', () => undefined);
    const address = raw.remoteAddress;
    const admitted = address === undefined ? { refusal: 'gone already' } : this.#enter(address);
    if ('refusal' in admitted) {
      this.#refusals.refused(address ?? 'unknown', new AntecedentError('E_TLS_REFUSED', admitted.refusal));
      raw.destroy();
      return;
    }
    this.#raw.add(raw);
    const endpoint = endpointOf(raw);
    const deadline = setTimeout(() => raw.destroy(), this.#options.limits.handshakeMs);
    const settle = (): void => {
      clearTimeout(deadline);
      if (this.#pending.get(endpoint) === settle) this.#pending.delete(endpoint);
      admitted.leave();
    };
    this.#pending.set(endpoint, settle);
    raw.on('close', () => {
      settle();
      this.#raw.delete(raw);
    });
    secure.emit('connection', raw);
  }

  #enter(address: string): ReturnType<Admission['enter']> {
    if (this.#raw.size >= connectionsMax) return { refusal: `${connectionsMax} lines wait to be stored` };
    return this.#admission.enter(address);
  }

  #createSecureServer(onLine: OnLine): tls.Server {
    const server = tls.createServer({
      ...plutoSecureOptions(this.#credentials),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: this.#options.limits.handshakeMs,
    });
    server.on('tlsClientError', (cause, socket) => {
      const untrusted: unknown = socket.authorizationError;
      const reason = typeof untrusted === 'string' ? `certificate not trusted: ${untrusted}` : cause.message;
      this.#refuse(socket, new AntecedentError('E_TLS_REFUSED', reason, { cause }));
    });
    server.on('secureConnection', (socket) => {
      // The sender may be gone at any moment, and owes us nothing more once its line is here.
      socket.on('error', () => undefined);
      this.#pending.get(endpointOf(socket))?.();
      try {
        this.#read(socket, this.#identify(socket), onLine);
      } catch (error) {
        if (!(error instanceof AntecedentError)) throw error;
        this.#refuse(socket, error);
      }
    });
    return server;
  }

  #identify(socket: tls.TLSSocket): NodeName {
    const refuse = (reason: string): AntecedentError => new AntecedentError('E_TLS_REFUSED', reason);
    if (socket.isSessionReused()) throw refuse('a resumed TLS session proves no certificate');
    if (!socket.authorized) throw refuse(`certificate not trusted: ${String(socket.authorizationError)}`);
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw refuse('no certificate');
    return identifyPlutoPeer(certificate, this.#peers.values()).name;
  }

  /** Reads one line, and ends the connection when that is answered. */
  #read(socket: tls.TLSSocket, peer: NodeName, onLine: OnLine): void {
    const reader = new LineReader(this.#options.messageBytesMax + clockBytesMax);
    const deadline = setTimeout(() => {
      this.#refuse(socket, new AntecedentError('E_TIMEOUT', `${peer} has sent no whole line in ${lineMs} ms`));
    }, lineMs);
    socket.on('close', () => clearTimeout(deadline));
    const handle = (chunk: Buffer): void => {
      try {
        const line = reader.push(chunk);
        if (line === undefined) return;
        clearTimeout(deadline);
        socket.off('data', handle);
        // What comes behind it is read and dropped: unread, it would reset the connection.
        socket.resume();
        onLine(peer, line, ({ error }) => {
          // The core has said why.
          if (error === undefined) this.#end(socket);
          else socket.destroy();
        });
      } catch (error) {
        if (!(error instanceof AntecedentError)) throw error;
        this.#refuse(socket, error);
      }
    };
    socket.on('data', handle);
  }

  /** v0.4 ends no connection, so it may not be waited for. */
  #end(socket: tls.TLSSocket): void {
    socket.end();
    const linger = setTimeout(() => socket.destroy(), this.#options.limits.lingerMs);
    socket.on('close', () => clearTimeout(linger));
  }

  #refuse(socket: tls.TLSSocket, error: AntecedentError): void {
    this.#refusals.refused(socket.remoteAddress ?? 'unknown', error);
    socket.destroy();
  }
}

function endpointOf(socket: net.Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`;
}
