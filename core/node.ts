/**
 * Drives a replica over the ports. The same code runs in production and in simulation.
 *
 * Every input goes to the replica, and what the replica then wants is carried out: records to the journal, bytes to the
 * links, messages to the application. The order "persist before send, acknowledge, deliver" is the replica's; nothing
 * here can break it. Callbacks and no promises: in simulation the world decides when a sync completes.
 */
import { AntecedentError, assert, type ErrorCode } from './errors.js';
import type { Delivery, Durability, Receipt } from './delivery.js';
import { Journal, type StorageEvent } from './journal/journal.js';
import { defaultLimits, defaultTimings, type Limits, type Timings } from './limits.js';
import type { Dot } from './message/origin.js';
import type { ClusterName, NodeName } from './names.js';
import type { Cancel, Link, LinkHandlers, Ports, Result } from './ports.js';
import type { LinkAction, LinkId, NodeAlarm, ReadRequest, Ready, ReplicaEvent } from './replica/ready.js';
import { Replica } from './replica/replica.js';

export interface NodeOptions {
  readonly cluster: ClusterName;
  readonly name: NodeName;
  /** The other members. */
  readonly peers: readonly NodeName[];
  /**
   * Last position that the application has stored; 0 when it has stored none. Deliveries go on behind it. Without it
   * the node journals what was applied, and after a crash may hand over again what was applied but not yet journalled.
   */
  readonly position?: number | undefined;
  readonly limits?: Partial<Limits>;
  readonly timings?: Partial<Timings>;
}

/** What recovery found. */
export interface ReadyInfo {
  readonly incarnation: number;
  /** Position behind which deliveries go on. */
  readonly position: number;
  /**
   * Seq of our own last message on disk. Whoever broadcast before a crash and got no receipt finds out here: seqs up to
   * this one were kept, those after it were not and may be broadcast again.
   */
  readonly seq: number;
}

/** Nothing here may throw: there is nobody to catch it. */
export interface NodeHandlers {
  /** Recovery is done and links are accepted; `broadcast` may be called from now on. */
  onReady(info: ReadyInfo): void;
  /** Applies a message, then calls `applied`, at once or later; the next delivery comes only after that. */
  onDeliver(delivery: Delivery, applied: () => void): void;
  /** A peer is connected in both directions (`up`) or no longer (`down`). */
  onPeer(peer: NodeName, state: 'up' | 'down', reason: string): void;
  /** Somebody's disk has lost what it had promised to keep: ours or a peer's. An operator must look at it. */
  onAlarm(alarm: NodeAlarm): void;
  /**
   * The disk takes no writes for now (`blocked`), such as when it is full: broadcasts are refused with the code, those made
   * before wait, and peers are sent no acknowledgements. It is tried again by itself until it works (`ok`).
   */
  onStorage(state: StorageState): void;
  /** The node has stopped: after `close`, or by itself with an error. Called once; nothing follows. */
  onStopped(error: AntecedentError | undefined): void;
}

export type StorageState =
  { readonly state: 'blocked'; readonly code: ErrorCode; readonly message: string } | { readonly state: 'ok' };

type NodeState = 'new' | 'starting' | 'running' | 'closing' | 'stopped';

export class Node {
  readonly #options: NodeOptions;
  readonly #ports: Ports;
  readonly #handlers: NodeHandlers;
  readonly #replica: Replica;
  readonly #limits: Limits;
  readonly #timings: Timings;
  #state: NodeState = 'new';
  #journal: Journal | undefined;

  readonly #links = new Map<LinkId, Link>();
  #nextLinkId: LinkId = 1;
  readonly #dials = new Map<NodeName, Cancel>();
  /** Why the last dial failed, by peer. */
  readonly #dialFailures = new Map<NodeName, string>();
  readonly #accepted = new Map<number, (result: Result<Receipt>) => void>();
  #incarnation = 0;
  /** Why the journal cannot write at the moment. */
  #storageTrouble: AntecedentError | undefined;

  #alarm: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  #isAdvancing = false;
  #mustAdvance = false;
  #isApplying = false;

  /** Throws `E_CONFIG` when the members are not distinct. */
  constructor(options: NodeOptions, ports: Ports, handlers: NodeHandlers) {
    const members = new Set([options.name, ...options.peers]);
    if (members.size !== options.peers.length + 1) {
      throw new AntecedentError(
        'E_CONFIG',
        `peers of ${options.name} must be distinct and not include itself: ${options.peers.join(', ')}`,
      );
    }
    this.#options = options;
    this.#ports = ports;
    this.#handlers = handlers;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#replica = new Replica({
      name: options.name,
      cluster: options.cluster,
      peers: options.peers,
      position: options.position,
      limits: this.#limits,
      timings: this.#timings,
      random: ports.random,
      digests: ports.digests,
    });
  }

  // --- What the application does -----------------------------------------------------------------------------------------

  /** Recovers from the disk, then listens and dials. */
  start(): void {
    assert(this.#state === 'new', 'a node is started once');
    this.#state = 'starting';
    let failure: AntecedentError | undefined;
    const { disk, digests, random, clock, logger } = this.#ports;
    Journal.open(
      {
        disk,
        digests,
        random,
        clock,
        logger,
        approve: () => failure,
        segmentBytesMax: this.#limits.segmentBytesMax,
        retryMs: this.#timings.storageRetryMs,
        onStorage: (event) => this.#handleStorage(event),
        scrubEveryMs: this.#timings.scrubEveryMs,
        onDamage: (error) => this.#handleDamage(error),
      },
      (entry, place) => {
        failure ??= attempt(() => this.#replica.restore(entry, place));
      },
      (result) => {
        if (result.error !== undefined) return this.#stop(result.error);
        this.#journal = result.value;
        this.#listen(result.value);
      },
    );
  }

  /**
   * Broadcasts a copy of `payload` and returns its dot. `accepted` is called once: with the receipt when the message is
   * as durable as asked, or with `E_CLOSED` or the error that stopped the node when it never got there; the message may
   * then exist or not. Throws `E_STATE` before `onReady`, `E_CLOSED` after `close`, `E_DISK_FULL` or `E_STORAGE` while the
   * disk takes no writes, and what `Replica.broadcast` throws.
   */
  broadcast(payload: Uint8Array, durable: Durability, accepted: (result: Result<Receipt>) => void): Dot {
    if (this.#state === 'new' || this.#state === 'starting') {
      throw new AntecedentError('E_STATE', 'the node is not ready: wait for onReady');
    }
    if (this.#state !== 'running') throw new AntecedentError('E_CLOSED', 'the node is closed');
    if (this.#storageTrouble !== undefined) {
      const { code, message } = this.#storageTrouble;
      throw new AntecedentError(code, `nothing can be written at the moment: ${message}`, {
        cause: this.#storageTrouble,
      });
    }
    const dot = this.#replica.broadcast(payload, durable);
    this.#accepted.set(dot.seq, accepted);
    // While a group is on its way to the disk, a broadcast only waits for the next one: nothing is to be done now.
    if (!this.#replica.isWriting) this.#advance();
    return dot;
  }

  /**
   * Finishes what is on its way to the disk, says goodbye, stops. A delivery that is being applied is not waited for, nor is
   * a disk that takes no writes: the node then stops with that error. `onStopped` follows. Idempotent.
   */
  close(): void {
    if (this.#state === 'closing' || this.#state === 'stopped') return;
    const before = this.#state;
    this.#state = 'closing';
    if (before === 'new') this.#stop(undefined);
    else if (this.#storageTrouble !== undefined) this.#stop(this.#storageTrouble);
    else if (before === 'running') this.#advance();
  }

  // --- Starting and stopping ---------------------------------------------------------------------------------------------

  #listen(journal: Journal): void {
    this.#incarnation = journal.incarnation;
    const nonce = this.#ports.random.nextUint32();
    const nowMs = this.#ports.clock.nowMs();
    const error = attempt(() => this.#replica.start({ incarnation: journal.incarnation, nonce, nowMs }));
    if (error !== undefined) return this.#stop(error);
    this.#ports.links.listen(
      (link) => this.#openLink(link, false),
      (result) => {
        if (result.error !== undefined) return this.#stop(result.error);
        // `close` may have been called meanwhile.
        if (this.#state === 'starting') {
          this.#state = 'running';
          this.#handlers.onReady({
            incarnation: journal.incarnation,
            position: this.#replica.position,
            seq: this.#replica.seq,
          });
        }
        this.#advance();
      },
    );
  }

  /** Ends at once: after an error, or when everything is done. */
  #stop(error: AntecedentError | undefined): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#alarm?.cancel();
    for (const cancel of this.#dials.values()) cancel();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    const reason =
      error ?? new AntecedentError('E_CLOSED', 'the node was closed before the message was as durable as asked');
    for (const accepted of this.#accepted.values()) accepted({ error: reason });
    this.#accepted.clear();
    if (error !== undefined) this.#ports.logger.log('error', 'stopped', { code: error.code, message: error.message });
    this.#ports.links.close(() => {
      if (this.#journal === undefined) this.#handlers.onStopped(error);
      else this.#journal.close((result) => this.#handlers.onStopped(error ?? result.error));
    });
  }

  // --- The loop ------------------------------------------------------------------------------------------------------------

  /** Carries out what the replica wants until it wants nothing more for now. */
  #advance(): void {
    // A callback of the application may broadcast, which brings us here again; the loop below then goes round once more.
    this.#mustAdvance = true;
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#mustAdvance && this.#state !== 'stopped') {
      this.#mustAdvance = false;
      this.#carryOut(this.#replica.takeReady());
      this.#deliver();
    }
    this.#isAdvancing = false;
    if (this.#state === 'closing' && this.#replica.isPersisted) this.#sayGoodbye();
  }

  #carryOut(ready: Ready): void {
    if (ready.appends.length > 0) this.#append(ready);
    for (const request of ready.reads) this.#read(request);
    // A journal that has failed before says so at once, and that ends the node.
    if (this.#isStopped()) return;
    this.#carryOutLinks(ready.links);
    for (const seq of ready.receipts) this.#accept(seq);
    for (const event of ready.events) this.#report(event);
    this.#setAlarm(ready.wakeAtMs);
  }

  #append(ready: Ready): void {
    this.#journal?.append(ready.appends, (result) => {
      if (this.#state === 'stopped') return;
      if (result.error !== undefined) return this.#stop(result.error);
      this.#replica.handlePersisted(result.value, this.#ports.clock.nowMs());
      this.#advance();
    });
  }

  #read(request: ReadRequest): void {
    this.#journal?.read(request, (result) => {
      if (this.#state === 'stopped') return;
      if (result.error !== undefined) return this.#stop(result.error);
      this.#replica.handleRead(request.id, result.value);
      this.#advance();
    });
  }

  #handleStorage(event: StorageEvent): void {
    if (this.#state === 'stopped') return;
    const { logger } = this.#ports;
    switch (event.state) {
      case 'blocked': {
        const { code, message } = event.cause;
        this.#storageTrouble = event.cause;
        logger.log('error', 'storage-blocked', { code, message, retryInMs: this.#timings.storageRetryMs });
        this.#handlers.onStorage({ state: 'blocked', code, message });
        // Who closes does not wait for an operator.
        if (this.#isClosing()) this.#stop(event.cause);
        return;
      }
      case 'ok':
        this.#storageTrouble = undefined;
        logger.log('info', 'storage-ok', {});
        return this.#handlers.onStorage({ state: 'ok' });
      case 'failed':
        return this.#stop(event.cause);
    }
  }

  /** The log is damaged where nobody has needed it yet: the node goes on, the next start would be refused. */
  #handleDamage({ code, message }: AntecedentError): void {
    if (this.#state === 'stopped') return;
    const remedy =
      code === 'E_STORAGE'
        ? 'stop the node, copy its data directory to another disk, and use "antecedent log repair" there'
        : 'stop the node and use "antecedent log repair" while its peers still hold what was lost';
    this.#report({ type: 'alarm', alarm: { code, peer: this.#options.name, message: `${message}; ${remedy}` } });
  }

  #deliver(): void {
    while (!this.#isApplying && this.#state === 'running') {
      const delivery = this.#replica.takeDelivery();
      if (delivery === undefined) return;
      this.#isApplying = true;
      let isApplied = false;
      this.#handlers.onDeliver(delivery, () => {
        // Said twice, it must not count for the next one.
        if (isApplied) return;
        isApplied = true;
        this.#handleApplied(delivery.position);
      });
    }
  }

  #handleApplied(position: number): void {
    if (this.#state === 'stopped') return;
    this.#isApplying = false;
    this.#replica.handleApplied(position);
    this.#advance();
  }

  #accept(seq: number): void {
    const accepted = this.#accepted.get(seq);
    this.#accepted.delete(seq);
    accepted?.({ error: undefined, value: { origin: this.#options.name, incarnation: this.#incarnation, seq } });
  }

  #sayGoodbye(): void {
    // No more rounds, whatever the application does when it hears that its peers are gone.
    this.#isAdvancing = true;
    this.#replica.closeLinks(this.#ports.clock.nowMs());
    const { links, events } = this.#replica.takeReady();
    this.#carryOutLinks(links);
    for (const event of events) this.#report(event);
    this.#stop(undefined);
  }

  // Questions, because the compiler would otherwise think that no call in between can change the answer.

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #isClosing(): boolean {
    return this.#state === 'closing';
  }

  // --- Links ---------------------------------------------------------------------------------------------------------------

  #carryOutLinks(actions: readonly LinkAction[]): void {
    const written = new Set<LinkId>();
    for (const action of actions) {
      switch (action.type) {
        case 'send':
          this.#links.get(action.link)?.write(action.bytes);
          written.add(action.link);
          break;
        case 'close':
          this.#links.get(action.link)?.close();
          this.#links.delete(action.link);
          break;
        case 'dial':
          this.#dial(action.peer);
          break;
        case 'cancel-dial':
          this.#dials.get(action.peer)?.();
          this.#dials.delete(action.peer);
          break;
      }
    }
    // Once everything is written: said after each frame, it would make room for frames that still wait in `actions`.
    for (const id of written) {
      const link = this.#links.get(id);
      if (link !== undefined) this.#replica.handleBuffered(id, link.bufferedBytes);
    }
    // Room in a link may let more out; what was sent may have changed when to wake.
    if (actions.length > 0) this.#mustAdvance = true;
  }

  #dial(peer: NodeName): void {
    const cancel = this.#ports.links.dial(
      peer,
      (link) => {
        this.#dials.delete(peer);
        return this.#openLink(link, true);
      },
      (error) => {
        this.#dials.delete(peer);
        if (this.#state === 'stopped') return;
        this.#replica.handleDialFailed(peer, `${error.code}: ${error.message}`, this.#ports.clock.nowMs());
        this.#advance();
      },
    );
    this.#dials.set(peer, cancel);
  }

  #openLink(link: Link, dialedByUs: boolean): LinkHandlers {
    const id = this.#nextLinkId++;
    if (this.#state === 'stopped') {
      link.close();
      return { onBytes: () => undefined, onDrain: () => undefined, onClose: () => undefined };
    }
    this.#links.set(id, link);
    this.#replica.handleLinkOpened(id, link.remote, dialedByUs, this.#ports.clock.nowMs());
    this.#advance();
    return {
      onBytes: (bytes) => {
        // A node that closes takes in nothing more, or a busy peer could keep it from ever being done.
        if (!this.#links.has(id) || this.#state === 'closing') return;
        this.#replica.handleBytes(id, bytes, this.#ports.clock.nowMs());
        this.#advance();
      },
      onDrain: () => {
        if (!this.#links.has(id)) return;
        this.#replica.handleBuffered(id, 0);
        this.#advance();
      },
      onClose: (reason) => {
        if (!this.#links.delete(id)) return;
        this.#replica.handleLinkClosed(id, reason, this.#ports.clock.nowMs());
        this.#advance();
      },
    };
  }

  // --- Time and events -------------------------------------------------------------------------------------------------------

  #setAlarm(atMs: number | undefined): void {
    if (this.#alarm?.atMs === atMs) return;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (atMs === undefined) return;
    const cancel = this.#ports.clock.wakeAt(atMs, () => {
      this.#alarm = undefined;
      if (this.#state === 'stopped') return;
      this.#replica.handleTimeout(this.#ports.clock.nowMs());
      this.#advance();
    });
    this.#alarm = { atMs, cancel };
  }

  #isNewDialFailure(peer: NodeName, reason: string): boolean {
    const isNew = this.#dialFailures.get(peer) !== reason;
    this.#dialFailures.set(peer, reason);
    return isNew;
  }

  #report(event: ReplicaEvent): void {
    const { logger } = this.#ports;
    switch (event.type) {
      case 'peer-up':
        this.#dialFailures.delete(event.peer);
        logger.log('info', 'peer-up', { peer: event.peer });
        return this.#handlers.onPeer(event.peer, 'up', '');
      case 'peer-down':
        logger.log('info', 'peer-down', { peer: event.peer, reason: event.reason });
        return this.#handlers.onPeer(event.peer, 'down', event.reason);
      case 'refused':
        return logger.log('warn', 'refused', {
          peer: event.peer,
          by: event.by,
          code: event.code,
          message: event.message,
        });
      case 'fetched-refused':
        return logger.log('warn', 'fetched-refused', { peer: event.peer, code: event.code, message: event.message });
      case 'dial-failed':
        // The first failure, and whenever the reason changes: a wrong address must be seen, an absent peer must not flood.
        return logger.log(this.#isNewDialFailure(event.peer, event.reason) ? 'warn' : 'debug', 'dial-failed', {
          peer: event.peer,
          reason: event.reason,
          retryInMs: Math.round(event.retryInMs),
        });
      case 'alarm':
        logger.log('error', 'alarm', { peer: event.alarm.peer, code: event.alarm.code, message: event.alarm.message });
        return this.#handlers.onAlarm(event.alarm);
    }
  }
}

/** Runs a step that may fail for a reason the caller can act on; bugs of our own pass through. */
function attempt(step: () => void): AntecedentError | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    if (error instanceof AntecedentError) return error;
    throw error;
  }
}
