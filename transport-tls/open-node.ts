/**
 * `openNode`: a node as a library. Here the callbacks of the core become promises, and its ports real.
 *
 * Opening is done in an order in which every failure leaves nothing behind: options, credentials, directory, lock, and only
 * then the node, which recovers its journal, listens and dials. The lock is given back last, when the node has stopped and its
 * links are gone.
 */
import {
  AntecedentError,
  clusterName,
  defaultLimits,
  Node,
  nodeName,
  type Delivery,
  type Durability,
  type Logger,
  type NodeName,
  type Ports,
  type Limits,
  type ReadyInfo,
  type Receipt,
  type StorageState,
} from '../core/index.js';
import { formatAddress, parseAddress, type Address } from './address.js';
import { ApplyCalls, DeliveryStream, type Applier } from './applying.js';
import { Broadcasts } from './broadcasts.js';
import { SystemClock } from './clock.js';
import { loadCredentials } from './credentials.js';
import { prepareDataDirectory } from './data-directory.js';
import { NativeDigests } from './digests.js';
import { DirectoryDisk } from './disk.js';
import { TlsLinks } from './links.js';
import { lockDirectory, type DirectoryLock } from './lock.js';
import { JsonLogger } from './logger.js';
import { checkOptions, type OpenNodeOptions } from './open-options.js';
import { SystemRandom } from './random.js';

export interface BroadcastOptions {
  /** When the promise resolves: synced `'here'` (default), on that many members, or on `'all'`. */
  readonly durable?: Durability | undefined;
  /** Stops waiting: the promise rejects with the signal's reason. The message may have been broadcast all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** A running member of a cluster. */
export interface AntecedentNode extends AsyncDisposable {
  readonly name: NodeName;
  /** Which life of this member this is: 1, 2, 3, ... */
  readonly incarnation: number;
  /**
   * Seq of our own last message that was on disk when the node was opened. Whoever broadcast before a crash and got no
   * receipt learns here what was kept: everything up to this seq, and nothing after it.
   */
  readonly recoveredSeq: number;
  /** Where we listen, with the port the system chose. */
  readonly address: string;
  /** Position of the last message that the application has applied. */
  readonly position: number;
  /** Whether the disk takes writes at the moment; `onStorage` tells when that changes. */
  readonly storage: StorageState;
  /**
   * Broadcasts a copy of `payload` and resolves when it is as durable as asked. Waits while the node's queue is full.
   * Rejects with E_PAYLOAD, E_MESSAGE_TOO_LARGE, E_BACKPRESSURE (too many are waiting already), E_CLOSED, what stopped the node,
   * and E_DISK_FULL or E_STORAGE while the disk takes no writes: the message was not broadcast then, and may be again when
   * `onStorage` says `ok`. A broadcast that the node had taken before stays pending until there is room.
   */
  broadcast(payload: Uint8Array, options?: BroadcastOptions): Promise<Receipt>;
  /**
   * Resolves when the next broadcast would not have to wait for room in the node's queue: it is taken, or refused at once, as
   * on a full disk; also when the node has ended, or `signal` aborts.
   */
  room(signal?: AbortSignal): Promise<void>;
  /**
   * All deliveries, for `for await`. A message counts as applied when the loop asks for the next one. One loop at a time;
   * a loop left early leaves its message unapplied. Ends when the node is closed; throws what stopped it otherwise.
   */
  deliveries(): AsyncIterableIterator<Delivery>;
  /** Resolves when the node has stopped: with undefined after `close`, or with what stopped it. */
  readonly stopped: Promise<AntecedentError | undefined>;
  /** Waits for the message being applied (a few seconds at most), finishes what is pending and stops. Idempotent. */
  close(): Promise<void>;
}

/** How long `close` waits for a message that is being applied. */
const settleMs = 5_000;

/**
 * Opens a node: recovers its journal, listens, dials its peers. Rejects with E_CONFIG, E_NAME, E_KEY_MODE, E_CERTIFICATE,
 * E_CLUSTER, E_IDENTITY, E_LOCKED, E_LISTEN, E_STORAGE, E_LOG_CORRUPT and the like; nothing is left running then.
 */
export async function openNode(options: OpenNodeOptions): Promise<AntecedentNode> {
  // Once, so that a getter cannot answer the check and the use differently.
  const given = { ...options };
  checkOptions(given);
  given.signal?.throwIfAborted();
  const name = nodeName(given.name);
  const logger = given.logger ?? new JsonLogger(name, given.logLevel ?? 'warn');
  const clock = new SystemClock();
  const peers = new Map<NodeName, Address>();
  for (const [peer, address] of Object.entries(given.peers)) {
    peers.set(nodeName(peer), parseAddress(address, { zeroPort: false }));
  }
  const cluster = clusterName(given.cluster);
  const links = new TlsLinks({
    name,
    cluster,
    peers,
    clock,
    logger,
    listen: parseAddress(given.listen, { zeroPort: true }),
    credentials: loadCredentials(given.tls, cluster, name),
    unsentBytesMax: unsentBytesMaxFor({ ...defaultLimits, ...given.limits }),
    ...(given.transport === undefined ? {} : { limits: given.transport }),
  });
  prepareDataDirectory(given.dataDir, { allowNetworkFileSystem: given.allowNetworkFileSystem ?? false });
  const lock = lockDirectory(given.dataDir);
  try {
    const disk = new DirectoryDisk(given.dataDir);
    const ports = { links, disk, clock, random: new SystemRandom(), digests: new NativeDigests(), logger };
    return await new RunningNode(given, ports, lock).start(given.signal);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What the protocol lets wait in one link is a batch beyond `linkBufferBytesMax`, and small frames. */
function unsentBytesMaxFor({ linkBufferBytesMax, messageBytesMax, batchBytesTarget }: Limits): number {
  return 2 * (linkBufferBytesMax + Math.max(messageBytesMax, batchBytesTarget));
}

class RunningNode implements AntecedentNode {
  readonly name: NodeName;
  readonly stopped: Promise<AntecedentError | undefined>;
  incarnation = 0;
  recoveredSeq = 0;
  position = 0;
  storage: StorageState = { state: 'ok' };
  address = '';
  readonly #node: Node;
  readonly #links: TlsLinks;
  readonly #lock: DirectoryLock;
  readonly #logger: Logger;
  readonly #broadcasts: Broadcasts;
  readonly #applier: Applier;
  readonly #stream: DeliveryStream | undefined;
  #reportReady: (info: ReadyInfo) => void = () => undefined;
  #reportStopped: (error: AntecedentError | undefined) => void = () => undefined;
  #closing: Promise<void> | undefined;

  constructor(options: OpenNodeOptions, ports: Ports & { readonly links: TlsLinks }, lock: DirectoryLock) {
    this.name = nodeName(options.name);
    this.#links = ports.links;
    this.#lock = lock;
    this.#logger = ports.logger;
    this.#stream = options.apply === undefined ? new DeliveryStream() : undefined;
    this.#applier = this.#stream ?? new ApplyCalls(options.apply ?? (() => undefined), ports.clock, ports.logger);
    this.stopped = new Promise((resolve) => (this.#reportStopped = resolve));
    this.#node = new Node(
      {
        cluster: clusterName(options.cluster),
        name: this.name,
        peers: Object.keys(options.peers).map(nodeName),
        ...(options.position === undefined ? {} : { position: options.position }),
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.timings === undefined ? {} : { timings: options.timings }),
      },
      ports,
      {
        onReady: (info) => this.#reportReady(info),
        onDeliver: (delivery, applied) => this.#deliver(delivery, applied),
        onPeer: (peer, state, reason) => this.#tell(options.onPeer, { name: peer, state, reason }),
        onAlarm: (alarm) => this.#tell(options.onAlarm, alarm),
        onStorage: (state) => {
          this.storage = state;
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
    this.position = Math.max(this.position, first.position);
    this.address = this.#links.address === undefined ? '' : formatAddress(this.#links.address);
    return this;
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

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#broadcasts.end(new AntecedentError('E_CLOSED', `node ${this.name} is closed`));
    await this.#applier.settle(settleMs);
    this.#node.close();
    await this.stopped;
  }

  #deliver(delivery: Delivery, applied: () => void): void {
    this.#applier.handle(delivery, () => {
      this.position = delivery.position;
      applied();
    });
  }

  /** What the application's callbacks throw is its own trouble, and told to it; the node goes on. */
  #tell<T>(callback: ((event: T) => void) | undefined, event: T): void {
    try {
      callback?.(event);
    } catch (error) {
      this.#logger.log('error', 'callback-failed', { code: 'E_APP', reason: String(error) });
    }
  }

  #handleStopped(error: AntecedentError | undefined): void {
    this.#applier.end(error);
    this.#broadcasts.end(error ?? new AntecedentError('E_CLOSED', `node ${this.name} is closed`));
    this.#links.close(() => {
      this.#links.whenIdle(() => {
        this.#lock.release();
        this.#reportStopped(error);
      });
    });
  }
}
