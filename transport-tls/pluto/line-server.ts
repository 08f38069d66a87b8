/**
 * The port on which members that speak pluto v0.4 send their lines.
 *
 * - A connection brings one line, and ends when the line is answered: by then its message is durable here. The sender neither waits for
 *   that nor ends anything itself.
 * - Whoever connects needs a certificate of the CA, and is known by it (peer-identity.ts). Nothing is read before.
 * - So many lines of a peer are read at once as may wait for an answer, and connections of an address wait in front of the handshake
 *   when too many of it are open. That holds v0.4 back: it sends its messages one by one, and waits for each handshake as long as it
 *   takes. A connection that ended instead could end its program. A line that others wait for came before them, so it is never
 *   behind them here.
 * - Strangers are turned away when there are too many (admission.ts). An address from which a peer has proved itself is no stranger's.
 * - A connection that is refused is ended without a word, and logged. What has been read of it is dropped.
 */
import * as net from 'node:net';
import * as tls from 'node:tls';
import {
  AntecedentError,
  type Cancel,
  type Clock,
  type Lines,
  type Logger,
  type NodeName,
  type Result,
} from '../../core/index.js';
import { formatAddress, type Address } from '../address.js';
import { Admission } from '../admission.js';
import type { TlsLimits } from '../links.js';
import { RefusalLog } from '../refusal-log.js';
import { KeyedSlots } from './keyed-slots.js';
import { plutoSecureOptions, type PlutoCredentials } from './line-call.js';
import { LineReader } from './line-reader.js';
import { identifyPlutoPeer, type PlutoIdentity } from './peer-identity.js';

/** Lines of a peer in memory: being read, or unanswered. */
const linesPerPeerMax = 64;

/** Connections of an address whose lines are not answered. More wait in front of the handshake. */
const perAddressMax = 256;

/** Connections in all. More are turned away. */
const connectionsMax = 1_024;

/** Connections that are over for us, and stay open at the other end. */
const answeredMax = 256;

/** A line must be whole so long after we have begun to read it. v0.4 waits in front of it, as long as it was told to. */
const lineMs = 30_000;

export interface LineServerOptions {
  readonly listen: Address;
  readonly peers: () => Iterable<PlutoIdentity>;
  readonly lineBytesMax: number;
  readonly limits: TlsLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

type OnLine = Parameters<Lines['listen']>[0];

/** A connection that was let in. */
interface Visit {
  readonly address: string;
  /** Ends the deadline of the handshake. Idempotent. */
  readonly endHandshake: () => void;
  /** Give back the slots that it has taken. Idempotent. */
  readonly leaves: Cancel[];
  /** Its line was handed over: it keeps its slots until that is answered, however the connection ends. */
  isHandedOver: boolean;
}

export class LineServer {
  readonly #options: LineServerOptions;
  readonly #admission: Admission;
  readonly #refusals: RefusalLog;
  #server: net.Server | undefined;
  #secureServer: tls.Server | undefined;
  /** Accepted connections, from the first moment to the last. */
  readonly #raw = new Set<net.Socket>();
  /** By the other end's address and port. */
  readonly #visits = new Map<string, Visit>();
  readonly #addressSlots = new KeyedSlots(perAddressMax);
  readonly #peerSlots = new KeyedSlots(linesPerPeerMax);
  /** In the order in which they were answered. */
  readonly #answered = new Set<tls.TLSSocket>();
  /** From where each peer has last proved itself. */
  readonly #provenAddresses = new Map<NodeName, string>();

  constructor(options: LineServerOptions) {
    this.#options = options;
    const { clock, limits, logger } = options;
    this.#admission = new Admission(limits, clock);
    this.#refusals = new RefusalLog(logger, clock, limits.refusalLinesPerSecondMax);
  }

  /** Where we listen, with the port the system chose; undefined before `listen` is done and after `close`. */
  get address(): Address | undefined {
    const bound = this.#server?.address();
    return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : undefined;
  }

  listen(credentials: PlutoCredentials, onLine: OnLine, done: (result: Result<void>) => void): void {
    const secure = this.#createSecureServer(credentials, onLine);
    this.#secureServer = secure;
    const { listen, logger } = this.#options;
    const server = net.createServer({ noDelay: true, pauseOnConnect: true });
    this.#server = server;
    let answer: typeof done | undefined = done;
    server.on('connection', (raw) => this.#accept(raw, secure));
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

  /** Uses other credentials in every handshake from now on; they were checked. */
  useCredentials(credentials: PlutoCredentials): void {
    this.#secureServer?.setSecureContext(plutoSecureOptions(credentials));
  }

  /** Stops listening, and ends every connection. */
  close(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const raw of this.#raw) raw.destroy();
  }

  // --- accepting ---

  #accept(raw: net.Socket, secure: tls.Server): void {
    raw.on('error', () => undefined);
    const address = raw.remoteAddress;
    if (address === undefined || this.#raw.size >= connectionsMax) {
      const reason = address === undefined ? 'gone already' : `${connectionsMax} connections are open`;
      this.#turnAway(raw, address ?? 'unknown', reason);
      return;
    }
    this.#raw.add(raw);
    raw.on('close', () => this.#raw.delete(raw));
    this.#addressSlots.take(address, (leave) => {
      if (raw.destroyed) leave();
      else this.#letIn(raw, address, secure, leave);
    });
  }

  #letIn(raw: net.Socket, address: string, secure: tls.Server, leave: Cancel): void {
    const isProven = [...this.#provenAddresses.values()].includes(address);
    const admitted = isProven ? { leave: () => undefined } : this.#admission.enter(address);
    if ('refusal' in admitted) {
      leave();
      this.#turnAway(raw, address, admitted.refusal);
      return;
    }
    const deadline = setTimeout(() => raw.destroy(), this.#options.limits.handshakeMs);
    const endHandshake = (): void => {
      clearTimeout(deadline);
      admitted.leave();
    };
    const visit: Visit = { address, endHandshake, leaves: [leave], isHandedOver: false };
    const endpoint = endpointOf(raw);
    this.#visits.set(endpoint, visit);
    raw.on('close', () => {
      endHandshake();
      if (this.#visits.get(endpoint) === visit) this.#visits.delete(endpoint);
      if (!visit.isHandedOver) leaveAll(visit);
    });
    secure.emit('connection', raw);
  }

  #createSecureServer(credentials: PlutoCredentials, onLine: OnLine): tls.Server {
    const server = tls.createServer({
      ...plutoSecureOptions(credentials),
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
      const visit = this.#visits.get(endpointOf(socket));
      if (visit === undefined) {
        socket.destroy();
        return;
      }
      visit.endHandshake();
      try {
        this.#welcome(socket, visit, this.#identify(socket), onLine);
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
    return identifyPlutoPeer(certificate, this.#options.peers()).name;
  }

  #welcome(socket: tls.TLSSocket, visit: Visit, peer: NodeName, onLine: OnLine): void {
    this.#provenAddresses.set(peer, visit.address);
    this.#peerSlots.take(peer, (leave) => {
      visit.leaves.push(leave);
      if (socket.destroyed) leave();
      else this.#read(socket, visit, peer, onLine);
    });
  }

  /** Reads one line, and ends the connection when that is answered. */
  #read(socket: tls.TLSSocket, visit: Visit, peer: NodeName, onLine: OnLine): void {
    const reader = new LineReader(this.#options.lineBytesMax);
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
        visit.isHandedOver = true;
        onLine(peer, line, ({ error }) => {
          leaveAll(visit);
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

  /** v0.4 ends no connection, so it may not be waited for; least of all when there are many. */
  #end(socket: tls.TLSSocket): void {
    if (socket.destroyed) return;
    socket.end();
    const linger = setTimeout(() => socket.destroy(), this.#options.limits.lingerMs);
    this.#answered.add(socket);
    socket.on('close', () => {
      clearTimeout(linger);
      this.#answered.delete(socket);
    });
    const [oldest] = this.#answered;
    if (this.#answered.size > answeredMax) oldest?.destroy();
  }

  #refuse(socket: tls.TLSSocket, error: AntecedentError): void {
    this.#refusals.refused(socket.remoteAddress ?? 'unknown', error);
    socket.destroy();
  }

  #turnAway(raw: net.Socket, address: string, reason: string): void {
    this.#refusals.refused(address, new AntecedentError('E_TLS_REFUSED', reason));
    raw.destroy();
  }
}

function endpointOf(socket: net.Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`;
}

function leaveAll({ leaves }: Visit): void {
  for (const leave of leaves) leave();
}
