/**
 * The Lines port over TLS: members that speak pluto v0.4, on a port of their own (line-server.ts), and on theirs (line-call.ts).
 */
import type { X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import {
  AntecedentError,
  type Cancel,
  type Clock,
  type LineConnection,
  type Lines,
  type Logger,
  type NodeName,
  type Result,
} from '../../core/index.js';
import type { Address } from '../address.js';
import type { TlsLimits } from '../links.js';
import {
  dialPluto,
  plutoSecureOptions,
  writeLine,
  type DialledLine,
  type LineTimings,
  type PlutoCredentials,
} from './line-call.js';
import { LineServer } from './line-server.js';
import { checkPlutoPeer, type PlutoIdentity } from './peer-identity.js';

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

/** The last line that was sent to a peer. */
interface Attempt {
  readonly line: Uint8Array;
  readonly connection: LineConnection;
}

export class TlsLines implements Lines {
  readonly #peers: Map<NodeName, PlutoIdentity>;
  readonly #timings: LineTimings;
  readonly #server: LineServer;
  #credentials: PlutoCredentials;
  readonly #attempts = new Map<NodeName, Attempt>();

  constructor({ clock, credentials, limits, listen, logger, messageBytesMax, peers }: TlsLinesOptions) {
    this.#peers = new Map(peers);
    this.#credentials = credentials;
    this.#timings = { handshakeMs: limits.handshakeMs, sendMs, lingerMs: limits.lingerMs };
    this.#server = new LineServer({
      ...{ listen, limits, clock, logger },
      peers: () => this.#peers.values(),
      lineBytesMax: messageBytesMax + clockBytesMax,
    });
  }

  /** Where we listen, with the port the system chose; undefined before `listen` is done and after `close`. */
  get address(): Address | undefined {
    return this.#server.address;
  }

  /** Where `peer` is dialled. */
  addressOf(peer: NodeName): Address | undefined {
    return this.#peers.get(peer)?.address;
  }

  listen(onLine: Parameters<Lines['listen']>[0], done: (result: Result<void>) => void): void {
    this.#server.listen(this.#credentials, onLine, done);
  }

  connect(name: NodeName, done: (result: Result<LineConnection>) => void): Cancel {
    const peer = this.#peers.get(name);
    if (peer === undefined) {
      const error = new AntecedentError('E_UNREACHABLE', `no address of ${name} is known`);
      const later = setImmediate(() => done({ error }));
      return () => clearImmediate(later);
    }
    const target = {
      ...{ who: name, address: peer.address, credentials: this.#credentials },
      check: (certificate: X509Certificate) => checkPlutoPeer(certificate, peer),
    };
    return dialPluto(target, this.#timings, (dialled) => {
      if (dialled instanceof AntecedentError) done({ error: dialled });
      else done({ error: undefined, value: this.#connectionOf(name, dialled) });
    });
  }

  #connectionOf(name: NodeName, dialled: DialledLine): LineConnection {
    let close: Cancel = dialled.drop;
    const connection: LineConnection = {
      send: (line, done) => {
        // The line before goes on arriving, if it has not yet. But this line may not arrive twice, once now and once behind later ones.
        const earlier = this.#attempts.get(name);
        if (earlier !== undefined && Buffer.compare(earlier.line, line) === 0) earlier.connection.close();
        this.#attempts.set(name, { line, connection });
        close = writeLine(dialled, name, line, this.#timings, done);
      },
      close: () => close(),
    };
    return connection;
  }

  forget(peer: NodeName): void {
    this.#peers.delete(peer);
    this.#attempts.delete(peer);
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
    this.#server.useCredentials(credentials);
  }

  close(done: () => void): void {
    // After a restart the last line may be sent again.
    for (const { connection } of this.#attempts.values()) connection.close();
    this.#attempts.clear();
    this.#server.close();
    setImmediate(done);
  }
}
