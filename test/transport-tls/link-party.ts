/** A `TlsLinks` with everything it tells, for tests: its links, its refusals, and what arrives on each link. */
import { readFileSync } from 'node:fs';
import {
  clusterName,
  nodeName,
  type AntecedentError,
  type Link,
  type LinkHandlers,
  type Logger,
} from '../../core/index.js';
import { SystemClock } from '../../transport-tls/clock.js';
import { TlsLinks, type TlsLimits } from '../../transport-tls/links.js';
import type { Address } from '../../transport-tls/address.js';
import type { PemPaths } from '../support/certificates.js';
import { hangMs, Inbox, within } from './waiting.js';

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly peer?: unknown;
  readonly by?: unknown;
  readonly code?: unknown;
  readonly reason?: unknown;
}

/** A link and its events. */
export class LinkEnd {
  readonly link: Link;
  readonly chunks = new Inbox<Uint8Array>('bytes');
  readonly drains = new Inbox<true>('a drain');
  readonly closes = new Inbox<string>('the end of the link');
  receivedBytes = 0;
  /** Sends everything back at once, instead of keeping it in `chunks`. */
  isEcho = false;

  constructor(link: Link) {
    this.link = link;
  }

  /** The next `length` bytes, and whatever came with the last of them. */
  async read(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for (let got = 0; got < length;) {
      const part = await this.chunks.take();
      parts.push(part);
      got += part.length;
    }
    return Buffer.concat(parts);
  }
}

export class LinkParty {
  readonly links: TlsLinks;
  readonly accepted = new Inbox<LinkEnd>('an accepted link');
  readonly log = new Inbox<LogLine>('a log line');

  constructor(
    name: string,
    files: PemPaths,
    peers: Readonly<Record<string, Address>>,
    limits: Partial<TlsLimits> = {},
    cluster = 'demo',
    listen: Address = { host: '127.0.0.1', port: 0 },
    unsentBytesMax = Infinity,
  ) {
    const logger: Logger = { log: (level, event, fields) => this.log.put({ level, event, ...fields }) };
    const read = (path: string): string => readFileSync(path, 'utf8');
    this.links = new TlsLinks({
      name: nodeName(name),
      cluster: clusterName(cluster),
      listen,
      peers: new Map(Object.entries(peers).map(([peer, address]) => [nodeName(peer), address])),
      // Unchecked on purpose: some parties here have credentials that no node would start with.
      credentials: { ca: read(files.ca), cert: read(files.cert), key: read(files.key), notAfterMs: Infinity },
      unsentBytesMax,
      clock: new SystemClock(),
      logger,
      limits: { handshakeMs: hangMs, ...limits },
    });
  }

  /** Listens on a free port and returns where. */
  async listen(): Promise<Address> {
    const done = new Promise<void>((resolve, reject) => {
      this.links.listen(
        (link) => this.#receive(link, (end) => this.accepted.put(end)),
        (result) => {
          if (result.error === undefined) resolve();
          else reject(result.error);
        },
      );
    });
    await within('listening', done);
    const { address } = this.links;
    if (address === undefined) throw new Error('listening without an address');
    return address;
  }

  /** The link, or why there is none. */
  dial(peer: string): Promise<LinkEnd | AntecedentError> {
    return within(
      `a dial to ${peer}`,
      new Promise((resolve) => {
        this.links.dial(nodeName(peer), (link) => this.#receive(link, resolve), resolve);
      }),
    );
  }

  close(): Promise<void> {
    return within('closing', new Promise((resolve) => this.links.close(() => resolve())));
  }

  #receive(link: Link, report: (end: LinkEnd) => void): LinkHandlers {
    const end = new LinkEnd(link);
    report(end);
    return {
      onBytes: (bytes) => {
        end.receivedBytes += bytes.length;
        if (end.isEcho) link.write(bytes);
        else end.chunks.put(bytes);
      },
      onDrain: () => end.drains.put(true),
      onClose: (reason) => end.closes.put(reason),
    };
  }
}

/** What a dial that failed says. */
export function messageOf(outcome: LinkEnd | AntecedentError): string {
  return outcome instanceof LinkEnd ? 'it succeeded' : outcome.message;
}

/** For addresses that are filled in once somebody listens. */
export const nowhere: Address = { host: '127.0.0.1', port: 1 };
