/**
 * The Links port over mutual TLS 1.3.
 *
 * - The core hears of a link only when both its certificate and its name have been checked (identity.ts).
 * - Every option that decides about trust is given explicitly, so nothing in the environment can weaken it.
 * - No session is ever resumed: a resumed one proves no certificate. No tickets are offered, and the check stands anyway.
 * - Every socket has its error listener in the turn in which it was made: without one an error ends the process.
 * - Connections are accepted by a plain server and handed to TLS one by one, so a flood is turned away before it costs a
 *   handshake, and the deadline covers the whole handshake: Node's own starts again with every byte.
 * A finished handshake is not yet a connection: with TLS 1.3 a client learns only later that it was refused. The core waits
 * for WELCOME.
 */
import { constants, X509Certificate } from 'node:crypto';
import * as net from 'node:net';
import * as tls from 'node:tls';
import {
  AntecedentError,
  type Cancel,
  type Clock,
  type ClusterName,
  type Link,
  type LinkHandlers,
  type Links,
  type Logger,
  type NodeName,
  type Result,
} from '../core/index.js';
import { formatAddress, type Address } from './address.js';
import { AddressBook } from './address-book.js';
import { Admission, type AdmissionLimits } from './admission.js';
import type { Credentials } from './credentials.js';
import { alpnProtocol, certificateName, checkMember, handshakeOf, identifyPeer, type Expectation } from './identity.js';
import { RefusalLog } from './refusal-log.js';
import { TlsLink } from './tls-link.js';

/** Bounds of the transport. Durations in milliseconds. */
export interface TlsLimits extends AdmissionLimits {
  /** From accept to a proved name. */
  readonly handshakeMs: number;
  /** How long a closed link may take to send what was written and to hear the other end close. */
  readonly lingerMs: number;
  readonly refusalLinesPerSecondMax: number;
  /** One address of a name with several is given up for the next after this long. Node's default, 250, cuts slow links. */
  readonly addressAttemptMs: number;
  /** Idle time before the kernel probes; the protocol's own heartbeat is faster. */
  readonly keepAliveMs: number;
}

export const defaultTlsLimits: TlsLimits = {
  pendingMax: 64,
  pendingPerAddressMax: 8,
  handshakesPerSecondMax: 50,
  handshakeMs: 5_000,
  lingerMs: 2_000,
  refusalLinesPerSecondMax: 10,
  addressAttemptMs: 2_000,
  keepAliveMs: 30_000,
};

export interface TlsLinksOptions {
  readonly name: NodeName;
  readonly cluster: ClusterName;
  readonly listen: Address;
  /** The members that the configuration names; others are told by `learn`. */
  readonly peers: ReadonlyMap<NodeName, Address>;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<TlsLimits>;
  /** A link with more than this still to be sent is not read from. Far above what the protocol lets wait in a link. */
  readonly unsentBytesMax: number;
}

type OnLink = (link: Link) => LinkHandlers;

interface Pending {
  readonly raw: net.Socket;
  /** Ends the deadline and gives the place back. Idempotent. */
  readonly settle: () => void;
}

export class TlsLinks implements Links {
  readonly #options: TlsLinksOptions;
  readonly #limits: TlsLimits;
  readonly #admission: Admission;
  readonly #refusals: RefusalLog;
  readonly #addresses: AddressBook;
  #secureOptions: tls.SecureContextOptions;
  readonly #links = new Set<TlsLink>();
  /** Accepted connections that have not proved a name, by the other end's address and port. */
  readonly #pending = new Map<string, Pending>();
  #server: net.Server | undefined;
  #secureServer: tls.Server | undefined;
  #onIdle: (() => void) | undefined;

  /** Throws `E_CONFIG` when the environment disarms certificate checks. */
  constructor(options: TlsLinksOptions) {
    refuseDisarmedChecks();
    this.#options = options;
    this.#limits = { ...defaultTlsLimits, ...options.limits };
    this.#admission = new Admission(this.#limits, options.clock);
    this.#refusals = new RefusalLog(options.logger, options.clock, this.#limits.refusalLinesPerSecondMax);
    this.#addresses = new AddressBook(options.peers);
    this.#secureOptions = secureOptionsOf(options.credentials);
  }

  /** Where we listen, with the port the system chose; undefined before `listen` is done and after `close`. */
  get address(): Address | undefined {
    const bound = this.#server?.address();
    return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : undefined;
  }

  listen(onLink: OnLink, done: (result: Result<void>) => void): void {
    const secure = this.#createSecureServer(onLink);
    this.#secureServer = secure;
    const { host, port } = this.#options.listen;
    const server = net.createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: this.#limits.keepAliveMs,
    });
    this.#server = server;
    let answer: typeof done | undefined = done;
    server.on('connection', (raw) => this.#admit(raw, secure));
    server.on('error', (cause) => {
      // While listening this is an accept that failed, for want of file descriptors; the server goes on.
      const error = new AntecedentError(
        'E_LISTEN',
        `cannot listen on ${formatAddress({ host, port })}: ${cause.message}`,
      );
      if (answer === undefined) this.#options.logger.log('error', 'accept-failed', { reason: cause.message });
      answer?.({ error });
      answer = undefined;
    });
    server.listen({ host, port }, () => {
      answer?.({ error: undefined, value: undefined });
      answer = undefined;
    });
  }

  dial(peer: NodeName, onLink: OnLink, onFail: (error: AntecedentError) => void): Cancel {
    const address = this.#addresses.addressOf(peer);
    if (address === undefined) return failLater(withoutAddress(peer), onFail);
    const where = `${peer} at ${formatAddress(address)}`;
    const raw = net.connect({
      ...address,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: this.#limits.keepAliveMs,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: this.#limits.addressAttemptMs,
    });
    let isOpen = true;
    const fail = (error: AntecedentError): void => {
      if (!isOpen) return;
      isOpen = false;
      raw.destroy();
      onFail(error);
    };
    raw.on('error', (cause) => fail(unreachable(where, cause)));
    raw.on('connect', () => {
      if (!isOpen) return;
      this.#secure(raw, where, this.#expectation(peer), fail, (link) => {
        isOpen = false;
        link.attach(onLink(link));
      });
    });
    return () => {
      if (!isOpen) return;
      isOpen = false;
      raw.destroy();
    };
  }

  close(done: () => void): void {
    this.#server?.close();
    this.#server = undefined;
    for (const { raw } of this.#pending.values()) raw.destroy();
    setImmediate(done);
  }

  /** Calls `done` once no link is left; links that are closing may still have bytes to send. */
  whenIdle(done: () => void): void {
    this.#onIdle = done;
    setImmediate(() => this.#maybeIdle());
  }

  // --- members and credentials ---

  /** Makes `peer` a member that may link with us. An address that is none is logged and ignored. */
  learn(peer: NodeName, address: string): void {
    const problem = this.#addresses.learn(peer, address);
    if (problem === undefined) return;
    this.#options.logger.log('warn', 'address-refused', { peer, code: problem.code, reason: problem.message });
  }

  /** `peer` is no member any more. It is not dialled, and let in only to be told so: the node ends its links. */
  forget(peer: NodeName): void {
    this.#addresses.forget(peer);
  }

  isMember(peer: NodeName): boolean {
    return this.#addresses.members.has(peer);
  }

  /** Where `peer` is dialled. */
  addressOf(peer: NodeName): Address | undefined {
    return this.#addresses.addressOf(peer);
  }

  /** Takes the addresses of a configuration that was read again, for the dials to come. Makes nobody a member. */
  useAddresses(addresses: ReadonlyMap<NodeName, Address>): void {
    this.#addresses.give(addresses);
  }

  /**
   * Uses `credentials` in every handshake from now on. Links stay, unless other CA certificates are trusted now: then they are made
   * anew, so that nobody stays who would not be let in. Throws `E_CERTIFICATE`, and changes nothing, when TLS does not take them.
   */
  useCredentials(credentials: Credentials): void {
    const secureOptions = secureOptionsOf(credentials);
    try {
      tls.createSecureContext(secureOptions);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new AntecedentError('E_CERTIFICATE', `TLS does not take the certificates: ${reason}`);
    }
    const trustsOthers = secureOptions.ca !== this.#secureOptions.ca;
    this.#secureOptions = secureOptions;
    this.#secureServer?.setSecureContext(secureOptions);
    if (!trustsOthers) return;
    for (const { raw } of this.#pending.values()) raw.destroy();
    for (const link of this.#links) link.destroy('the CA certificates have changed here');
  }

  // --- dialling ---

  /** Runs the client's side of TLS on a connected socket. */
  #secure(
    raw: net.Socket,
    where: string,
    expected: Expectation,
    fail: (error: AntecedentError) => void,
    succeed: (link: TlsLink) => void,
  ): void {
    const secureOptions = this.#secureOptions;
    const socket = tls.connect({
      ...secureOptions,
      socket: raw,
      ALPNProtocols: [alpnProtocol],
      rejectUnauthorized: true,
      // Not the name of the host: the name of the member. Returned as an error, it ends the handshake.
      checkServerIdentity: (_host, certificate) => serverIdentityError(certificate, expected),
    });
    let isSecure = false;
    socket.on('error', (cause: Error) => {
      if (!isSecure) fail(handshakeFailed(where, cause));
    });
    socket.on('close', () => {
      if (!isSecure) fail(handshakeFailed(where, new Error('closed by the other end')));
    });
    socket.on('secureConnect', () => {
      isSecure = true;
      const isOutdated = secureOptions.ca !== this.#secureOptions.ca;
      const remote = isOutdated ? outdated(where) : this.#identify(socket, expected);
      if (remote instanceof AntecedentError) {
        socket.destroy();
        fail(remote);
        return;
      }
      succeed(this.#addLink(socket, remote));
    });
  }

  // --- accepting ---

  #createSecureServer(onLink: OnLink): tls.Server {
    const server = tls.createServer({
      ...this.#secureOptions,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [alpnProtocol],
      handshakeTimeout: this.#limits.handshakeMs,
    });
    server.on('tlsClientError', (cause, socket) => {
      this.#refusals.refused(
        addressOf(socket),
        new AntecedentError('E_TLS_REFUSED', refusalOf(socket, cause), { cause }),
      );
      // Node leaves the socket open after a handshake that took too long.
      socket.destroy();
    });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined);
      this.#pending.get(endpointOf(socket))?.settle();
      const remote = this.#identify(socket, this.#expectation(undefined));
      if (remote instanceof AntecedentError) {
        this.#refusals.refused(addressOf(socket), remote);
        socket.destroy();
        return;
      }
      const link = this.#addLink(socket, remote);
      link.attach(onLink(link));
    });
    return server;
  }

  /** Lets a new connection into the handshake, or turns it away. */
  #admit(raw: net.Socket, secure: tls.Server): void {
    raw.on('error', () => undefined);
    const address = raw.remoteAddress;
    if (address === undefined) {
      raw.destroy();
      return;
    }
    const admitted = this.#admission.enter(address);
    if ('refusal' in admitted) {
      this.#refusals.refused(address, new AntecedentError('E_TLS_REFUSED', admitted.refusal));
      raw.destroy();
      return;
    }
    const endpoint = endpointOf(raw);
    const deadline = setTimeout(() => raw.destroy(), this.#limits.handshakeMs);
    const settle = (): void => {
      clearTimeout(deadline);
      // By now the port may belong to the next connection of that host.
      if (this.#pending.get(endpoint)?.raw === raw) this.#pending.delete(endpoint);
      admitted.leave();
    };
    this.#pending.set(endpoint, { raw, settle });
    raw.on('close', settle);
    secure.emit('connection', raw);
  }

  // --- both ---

  #expectation(dialled: NodeName | undefined): Expectation {
    return { cluster: this.#options.cluster, self: this.#options.name, members: this.#addresses.admitted, dialled };
  }

  #identify(socket: tls.TLSSocket, expected: Expectation): NodeName | AntecedentError {
    try {
      return identifyPeer(handshakeOf(socket), expected);
    } catch (error) {
      if (error instanceof AntecedentError) return error;
      throw error;
    }
  }

  #addLink(socket: tls.TLSSocket, remote: NodeName): TlsLink {
    const link = new TlsLink(socket, remote, {
      lingerMs: this.#limits.lingerMs,
      unsentBytesMax: this.#options.unsentBytesMax,
    });
    this.#links.add(link);
    socket.on('close', () => {
      this.#links.delete(link);
      this.#maybeIdle();
    });
    return link;
  }

  #maybeIdle(): void {
    if (this.#links.size > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }
}

function secureOptionsOf({ ca, cert, key }: Credentials): tls.SecureContextOptions {
  const version = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
  return { ca, cert, key, ...version, secureOptions: constants.SSL_OP_NO_TICKET };
}

function withoutAddress(peer: NodeName): AntecedentError {
  const remedy = `add it to peers in the configuration, or run: antecedent member add ${peer} ADDRESS`;
  return new AntecedentError('E_UNREACHABLE', `no usable address of ${peer} is known; ${remedy}`);
}

/** A failure may not be told before the call has returned. */
function failLater(error: AntecedentError, onFail: (error: AntecedentError) => void): Cancel {
  const later = setImmediate(() => onFail(error));
  return () => clearImmediate(later);
}

/** Throws `E_CONFIG` when the environment switches off what identities rest on. */
function refuseDisarmedChecks(): void {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new AntecedentError('E_CONFIG', 'NODE_TLS_REJECT_UNAUTHORIZED=0 disarms certificate checks; unset it');
  }
}

/** What TLS asks of us about the server's certificate: undefined when it is the member we dialled. */
function serverIdentityError(certificate: tls.PeerCertificate, expected: Expectation): Error | undefined {
  try {
    checkMember(certificateName(new X509Certificate(certificate.raw), expected.cluster), expected);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function unreachable(where: string, cause: Error): AntecedentError {
  return new AntecedentError('E_UNREACHABLE', `cannot reach ${where}: ${reasonOf(cause)}`, { cause });
}

function handshakeFailed(where: string, cause: Error): AntecedentError {
  if (cause instanceof AntecedentError) return cause;
  return new AntecedentError('E_TLS_REFUSED', `TLS handshake with ${where} failed: ${reasonOf(cause)}`, { cause });
}

function outdated(where: string): AntecedentError {
  return new AntecedentError('E_TLS_REFUSED', `the CA certificates have changed during the handshake with ${where}`);
}

/** Every address of a name may fail for a reason of its own; the message of the whole is then empty. */
function reasonOf(cause: Error): string {
  return cause instanceof AggregateError ? cause.errors.map(String).join('; ') : cause.message;
}

/** Why the server refused: Node reports a certificate that is not trusted as a lost connection, with the reason aside. */
function refusalOf(socket: tls.TLSSocket, cause: Error): string {
  // Typed as an Error; a code as text, or null.
  const untrusted: unknown = socket.authorizationError;
  return typeof untrusted === 'string' ? `certificate not trusted: ${untrusted}` : cause.message;
}

function endpointOf(socket: net.Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`;
}

function addressOf(socket: net.Socket): string {
  return socket.remoteAddress ?? 'unknown';
}
