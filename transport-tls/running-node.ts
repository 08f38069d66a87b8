/**
 * A node that runs: the callbacks of the core as promises, and what its operator may change meanwhile.
 *
 * The lock is given back last, when the node has stopped and its links are gone.
 */
import {
  AntecedentError,
  clusterName,
  defaultLimits,
  formatDot,
  Node,
  nodeName,
  type ClusterName,
  type Delivery,
  type Logger,
  type NodeName,
  type Ports,
  type ReadyInfo,
  type Receipt,
  type Result,
  type StorageState,
} from '../core/index.js';
import { formatAddress, parseAddress } from './address.js';
import type { AntecedentNode, BroadcastOptions, ReloadOptions } from './antecedent-node.js';
import { ApplyCalls, DeliveryStream, type Applier } from './applying.js';
import { Broadcasts } from './broadcasts.js';
import { loadCredentials, readCredentials, type Credentials } from './credentials.js';
import { errorText } from './error-text.js';
import type { TlsLinks } from './links.js';
import type { TlsLines } from './pluto/lines.js';
import type { DirectoryLock } from './lock.js';
import { addressesOf, splitPeers, type OpenNodeOptions } from './open-options.js';
import { RetriedCalls, type ApplyErrorEvent } from './retried-calls.js';
import type { ApplyingStatus, RunningStatus } from './running-status.js';
import { snapshotHandlers } from './snapshots.js';

/** How long `close` waits for a message that is being applied. */
const settleMs = 5_000;

export class RunningNode implements AntecedentNode {
  readonly name: NodeName;
  readonly stopped: Promise<AntecedentError | undefined>;
  incarnation = 0;
  recoveredSeq = 0;
  storage: StorageState = { state: 'ok' };
  address = '';
  plutoAddress: string | undefined;
  readonly #node: Node;
  readonly #links: TlsLinks;
  readonly #lines: TlsLines | undefined;
  /** The peers that speak pluto v0.4 have certificates of their own. */
  readonly #hasPlutoTls: boolean;
  readonly #lock: DirectoryLock;
  readonly #logger: Logger;
  readonly #cluster: ClusterName;
  readonly #broadcasts: Broadcasts;
  readonly #applier: Applier;
  /** Installs snapshots. Never at work while the applier is. */
  readonly #restoring: RetriedCalls;
  readonly #stream: DeliveryStream | undefined;
  #reportReady: (info: ReadyInfo) => void = () => undefined;
  #reportStopped: (error: AntecedentError | undefined) => void = () => undefined;
  #credentials: Credentials;
  #closing: Promise<void> | undefined;

  /** `credentials` are those that `ports.links` uses. */
  constructor(
    options: OpenNodeOptions,
    ports: Ports & { readonly links: TlsLinks; readonly lines?: TlsLines },
    lock: DirectoryLock,
    credentials: Credentials,
  ) {
    this.name = nodeName(options.name);
    this.#cluster = clusterName(options.cluster);
    this.#credentials = credentials;
    this.#links = ports.links;
    this.#lines = ports.lines;
    this.#hasPlutoTls = options.pluto?.tls !== undefined;
    this.#lock = lock;
    this.#logger = ports.logger;
    this.#stream = options.apply === undefined ? new DeliveryStream(ports.clock) : undefined;
    const onApplyError = (event: ApplyErrorEvent): void => this.#tell(options.onApplyError, event);
    this.#applier =
      this.#stream ?? new ApplyCalls(options.apply ?? (() => undefined), ports.clock, ports.logger, onApplyError);
    this.#restoring = new RetriedCalls(ports.clock, ports.logger, onApplyError);
    const { snapshot, restore } = options;
    const hooks = snapshot === undefined || restore === undefined ? undefined : { snapshot, restore };
    this.stopped = new Promise((resolve) => (this.#reportStopped = resolve));
    this.#node = new Node(
      {
        cluster: this.#cluster,
        name: this.name,
        peers: Object.keys(splitPeers(options.peers).own).map(nodeName),
        plutoPeers: splitPeers(options.peers).pluto.map(([peer]) => nodeName(peer)),
        ...(options.position === undefined ? {} : { position: options.position }),
        ...(options.repair === undefined ? {} : { repair: options.repair }),
        ...(options.joins === undefined ? {} : { joins: options.joins }),
        ...(options.retention === undefined ? {} : { retention: options.retention }),
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.timings === undefined ? {} : { timings: options.timings }),
      },
      ports,
      {
        onReady: (info) => this.#reportReady(info),
        onDeliver: (delivery, applied) => this.#applier.handle(delivery, applied),
        onPeer: (peer, state, reason) => this.#tell(options.onPeer, { name: peer, state, reason }),
        onAlarm: (alarm) => this.#tell(options.onAlarm, alarm),
        ...(hooks === undefined
          ? {}
          : {
              snapshots: snapshotHandlers(hooks, this.#restoring, ports),
            }),
        onStable: (clock) => this.#tell(options.onStable, clock),
        onMembers: (members) => this.#tell(options.onMembers, members),
        onIncarnation: (incarnation) => {
          this.incarnation = incarnation;
          this.#tell(options.onIncarnation, incarnation);
        },
        onStorage: (state) => {
          this.storage = state;
          this.#broadcasts.handleStorage(state.state === 'blocked');
          this.#tell(options.onStorage, state);
        },
        onStopped: (error) => this.#handleStopped(error),
      },
    );
    const waitingBytesMax = options.limits?.pendingBytesMax ?? defaultLimits.pendingBytesMax;
    this.#broadcasts = new Broadcasts(this.#node, ports.clock, waitingBytesMax);
  }

  /** Resolves with this node when it is ready; rejects when it stops before, or `signal` aborts. */
  async start(signal: AbortSignal | undefined): Promise<this> {
    const ready = new Promise<ReadyInfo>((resolve) => (this.#reportReady = resolve));
    const abort = (): void => this.#node.close();
    signal?.addEventListener('abort', abort, { once: true });
    this.#node.start();
    const first = await Promise.race([ready, this.stopped]);
    signal?.removeEventListener('abort', abort);
    if (signal?.aborted === true) {
      this.#node.close();
      await this.stopped;
      signal.throwIfAborted();
    }
    if (first === undefined) throw new AntecedentError('E_CLOSED', 'the node was closed while it was opening');
    if (first instanceof AntecedentError) throw first;
    this.incarnation = first.incarnation;
    this.recoveredSeq = first.seq;
    this.address = this.#links.address === undefined ? '' : formatAddress(this.#links.address);
    this.plutoAddress = this.#lines?.address === undefined ? undefined : formatAddress(this.#lines.address);
    return this;
  }

  get position(): number {
    return this.#node.appliedPosition;
  }

  broadcast(payload: Uint8Array, options: BroadcastOptions = {}): Promise<Receipt> {
    return this.#broadcasts.broadcast(payload, options.durable ?? 'here', options.signal);
  }

  room(signal?: AbortSignal): Promise<void> {
    return this.#broadcasts.room(signal);
  }

  deliveries(): AsyncIterableIterator<Delivery> {
    if (this.#stream === undefined) {
      throw new AntecedentError('E_STATE', 'this node was opened with apply; open it without to read deliveries()');
    }
    return this.#stream.open();
  }

  status(): RunningStatus {
    const status = this.#node.status();
    const members = status.members.map((member) => {
      const address = this.#links.addressOf(member.name) ?? this.#lines?.addressOf(member.name);
      return { ...member, address: address === undefined ? undefined : formatAddress(address) };
    });
    const { address, storage } = this;
    const { notAfterMs: certificateNotAfterMs } = this.#credentials;
    return { ...status, members, address, storage, certificateNotAfterMs, applying: this.#applying };
  }

  async addMember(name: string, address: string): Promise<void> {
    const member = nodeName(name);
    const where = formatAddress(parseAddress(address, { zeroPort: false }));
    await this.#answered((done) => this.#node.addMember(member, where, done));
  }

  async removeMember(name: string): Promise<void> {
    const member = nodeName(name);
    await this.#answered((done) => this.#node.removeMember(member, done));
  }

  async skip(position: number, reason: string): Promise<void> {
    await this.#answered((done) => this.#node.skip(position, reason, done));
    // The next one may be there already; then this does nothing.
    this.#applier.abandon(position);
    this.#restoring.abandon(position);
  }

  retry(): void {
    if (this.#applier.retry() || this.#restoring.retry()) return;
    const status = this.#applying;
    const what =
      status === undefined
        ? 'no message waits to be applied again'
        : `the application is at work on ${aboutOf(status)} (position ${status.position}), and has not failed`;
    throw new AntecedentError('E_STATE', what);
  }

  reload({ tls, plutoTls, peers }: ReloadOptions): void {
    const credentials = tls === undefined ? undefined : loadCredentials(tls, this.#cluster, this.name);
    const forLines = this.#hasPlutoTls ? (plutoTls === undefined ? undefined : readCredentials(plutoTls)) : credentials;
    const addresses = peers === undefined ? undefined : addressesOf(peers);
    for (const peer of addresses?.keys() ?? []) this.#refuseStranger(peer);
    if (forLines !== undefined) this.#lines?.checkCredentials(forLines);
    if (credentials !== undefined) {
      // Throws before it changes anything; what follows cannot fail.
      this.#links.useCredentials(credentials);
      this.#credentials = credentials;
    }
    if (forLines !== undefined) this.#lines?.useCredentials(forLines);
    if (addresses !== undefined) this.#links.useAddresses(addresses);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#broadcasts.end(new AntecedentError('E_CLOSED', `node ${this.name} is closed`));
    await Promise.all([this.#applier.settle(settleMs), this.#restoring.settle(settleMs)]);
    this.#node.close();
    await this.stopped;
  }

  get #applying(): ApplyingStatus | undefined {
    return this.#applier.status ?? this.#restoring.status;
  }

  /** Resolves with what the node answers; rejects when it ends without an answer. */
  #answered(ask: (done: (result: Result<void>) => void) => void): Promise<void> {
    const ended = this.stopped.then((error) => {
      throw error ?? new AntecedentError('E_CLOSED', `node ${this.name} is closed`);
    });
    const answer = new Promise<void>((resolve, reject) => {
      ask((result) => {
        if (result.error === undefined) resolve();
        else reject(result.error);
      });
    });
    return Promise.race([answer, ended]);
  }

  #refuseStranger(peer: NodeName): void {
    if (this.#links.isMember(peer)) return;
    const remedy = `make it one with: antecedent member add ${peer} ADDRESS (addMember)`;
    throw new AntecedentError('E_CONFIG', `${peer} is no member, so it can have no address; ${remedy}`);
  }

  /** What the application's callbacks throw, now or later, is its own trouble, and told to it; the node goes on. */
  #tell<T>(callback: ((event: T) => void) | undefined, event: T): void {
    const failed = (error: unknown): void => {
      this.#logger.log('error', 'callback-failed', { code: 'E_APP', reason: errorText(error) });
    };
    try {
      // Declared to return nothing, but an async function fits that too.
      Promise.resolve(callback?.(event)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #handleStopped(error: AntecedentError | undefined): void {
    this.#applier.end(error);
    this.#restoring.end();
    this.#broadcasts.end(error ?? new AntecedentError('E_CLOSED', `node ${this.name} is closed`));
    this.#links.close(() => {
      this.#links.whenIdle(() => {
        this.#lock.release();
        this.#reportStopped(error);
      });
    });
  }
}

function aboutOf({ message }: ApplyingStatus): string {
  return message === undefined ? 'a snapshot' : formatDot(message);
}
