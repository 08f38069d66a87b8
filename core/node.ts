/**
 * Drives a replica over the ports. The same code runs in production and in simulation.
 *
 * Every input goes to the replica, and what the replica then wants is carried out: records to the journal, bytes to the
 * links, messages to the application. The order "persist before send, acknowledge, deliver" is the replica's; nothing
 * here can break it. Callbacks and no promises: in simulation the world decides when a sync completes.
 */
import { AntecedentError, assert } from './errors.js';
import type { Durability, Receipt } from './delivery.js';
import { HandingOver } from './handing-over.js';
import { Journal, type StorageEvent } from './journal/journal.js';
import { defaultLimits, defaultTimings, type Limits, type Timings } from './limits.js';
import { membersMax, type Dot } from './message/origin.js';
import type { NodeName } from './names.js';
import { LineDriver } from './line-driver.js';
import type { Cancel, Link, LinkHandlers, Ports, Result } from './ports.js';
import type { LinkAction, LinkId, ReadRequest, Ready } from './replica/ready.js';
import { Replica } from './replica/replica.js';
import { retentionOf } from './replica/retention.js';
import type { NodeHandlers, NodeOptions } from './node-options.js';
import { Reporter } from './reporter.js';
import { SeqWindow } from './seq-window.js';
import type { NodeStatus } from './status.js';
import { WakeUp } from './wake-up.js';

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
  /** Undefined when no member speaks pluto v0.4. */
  readonly #lines: LineDriver | undefined;
  readonly #reporter: Reporter;
  readonly #accepted = new SeqWindow<(result: Result<Receipt>) => void>();
  /** Who waits for what was asked of the replica, by number. */
  readonly #requested = new Map<number, (result: Result<void>) => void>();
  #incarnation = 0;
  #isBeginning = false;
  /** What the journal was told last that it need not keep. */
  #releaseAddress = 0;
  /** Why the journal cannot write at the moment. */
  #storageTrouble: AntecedentError | undefined;

  readonly #wakeUp: WakeUp;
  #isAdvancing = false;
  #mustAdvance = false;
  readonly #handingOver: HandingOver;

  /** Throws `E_CONFIG` when the members are not distinct, or too many. */
  constructor(options: NodeOptions, ports: Ports, handlers: NodeHandlers) {
    const { plutoPeers = [] } = options;
    const others = [...options.peers, ...plutoPeers];
    const members = new Set([options.name, ...others]);
    if (members.size !== others.length + 1) {
      const message = `peers of ${options.name} must be distinct and not include itself: ${others.join(', ')}`;
      throw new AntecedentError('E_CONFIG', message);
    }
    if (members.size > membersMax) {
      throw new AntecedentError('E_CONFIG', `${members.size} members, a cluster has at most ${membersMax}`);
    }
    this.#options = options;
    this.#ports = ports;
    this.#handlers = handlers;
    this.#reporter = new Reporter(options.name, ports, handlers);
    this.#wakeUp = new WakeUp(ports.clock, () => this.#handleWakeUp());
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#replica = new Replica({
      name: options.name,
      cluster: options.cluster,
      peers: options.peers,
      plutoPeers,
      position: options.position,
      repair: options.repair ?? 'any-member',
      joins: options.joins ?? false,
      retention: retentionOf(options.retention, handlers.snapshots !== undefined),
      hasSnapshots: handlers.snapshots !== undefined,
      limits: this.#limits,
      timings: this.#timings,
      random: ports.random,
      digests: ports.digests,
    });
    const { lines } = ports;
    assert(lines !== undefined || plutoPeers.length === 0, 'peers that speak pluto v0.4 need the Lines port');
    if (lines !== undefined) {
      this.#lines = new LineDriver({
        ...{ lines, inputs: () => this.#replica.pluto, nowMs: () => ports.clock.nowMs() },
        isRunning: () => this.#state === 'running',
        onProgress: () => this.#advance(),
      });
    }
    this.#handingOver = new HandingOver({
      ...{ replica: this.#replica, handlers, nowMs: () => ports.clock.nowMs() },
      isRunning: () => this.#state === 'running',
      onProgress: () => this.#advance(),
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
        checkpoint: () => this.#replica.checkpoint(),
        onReleased: (beginAddress) => this.#replica.handleReleased(beginAddress),
        segmentBytesMax: this.#limits.segmentBytesMax,
        retryMs: this.#timings.storageRetryMs,
        onStorage: (event) => this.#handleStorage(event),
        scrubEveryMs: this.#timings.scrubEveryMs,
        onDamage: (error) => this.#handleDamage(error),
      },
      (entry, place, isFirst) => {
        failure ??= attempt(() => this.#replica.restore(entry, place, isFirst));
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
    this.#checkRunning();
    if (this.#storageTrouble !== undefined) {
      const { code, message } = this.#storageTrouble;
      throw new AntecedentError(code, `nothing can be written at the moment: ${message}`, {
        cause: this.#storageTrouble,
      });
    }
    const dot = this.#replica.broadcast(payload, durable);
    this.#accepted.put(dot.seq, accepted);
    // While a group is on its way to the disk, a broadcast only waits for the next one: nothing is to be done now.
    if (!this.#replica.isWriting) this.#advance();
    return dot;
  }

  /**
   * Gives up the delivery at `position`, which the application is applying and cannot: the journal keeps the reason, and the next
   * delivery comes. What broadcasts depend on does not change. Throws `E_POSITION` for any other delivery, `E_STATE` and `E_CLOSED`
   * as `broadcast` does. `done` is called once it is durable.
   */
  skip(position: number, reason: string, done: (result: Result<void>) => void): void {
    this.#checkRunning();
    const giveUp = this.#handingOver.givingUp(position);
    this.#ports.logger.log('warn', 'delivery-skipped', { position, reason });
    this.#request(this.#replica.skip(position, reason), (result) => {
      if (result.error === undefined) giveUp();
      done(result);
    });
  }

  /**
   * Makes `name` a member, reached at `address` (in the words of the transport). `done` is called once that is durable here; the others hear of
   * it from each other. Throws `E_CONFIG` for a member and when there are too many, `E_STATE` and `E_CLOSED` as `broadcast` does.
   */
  addMember(name: NodeName, address: string, done: (result: Result<void>) => void): void {
    this.#checkRunning();
    this.#request(this.#replica.addMember(name, address), done);
  }

  /**
   * Removes a member for good, whether it lives or not. What it has sent to any remaining member reaches all of them. `done` is
   * called once that is durable here. Throws `E_CONFIG` for who is no member and for ourselves, `E_STATE` and `E_CLOSED` as `broadcast` does.
   */
  removeMember(name: NodeName, done: (result: Result<void>) => void): void {
    this.#checkRunning();
    this.#request(this.#replica.removeMember(name), done);
  }

  /** Position of the last delivery that the application has applied. */
  get appliedPosition(): number {
    return this.#replica.appliedPosition;
  }

  /** What the node knows now. Throws `E_STATE` before `onReady`. */
  status(): NodeStatus {
    const state = this.#state;
    if (state === 'new' || state === 'starting') throw notReady();
    const status = this.#replica.status();
    return { ...status, refusal: status.refusal ?? this.#storageTrouble, state };
  }

  #request(request: number, done: (result: Result<void>) => void): void {
    this.#requested.set(request, done);
    if (!this.#replica.isWriting) this.#advance();
  }

  #checkRunning(): void {
    if (this.#state === 'new' || this.#state === 'starting') throw notReady();
    if (this.#state !== 'running') throw new AntecedentError('E_CLOSED', 'the node is closed');
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
    else if (before === 'running') {
      this.#replica.handleClosing();
      this.#advance();
    }
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
        if (this.#lines === undefined) return this.#becomeReady(journal.incarnation);
        this.#lines.listen(({ error: problem }) => {
          if (problem !== undefined) return this.#stop(problem);
          this.#becomeReady(journal.incarnation);
        });
      },
    );
  }

  #becomeReady(incarnation: number): void {
    // `close` may have been called meanwhile.
    if (this.#state === 'starting') {
      this.#state = 'running';
      this.#handlers.onReady({ incarnation, position: this.#replica.position, seq: this.#replica.seq });
    }
    this.#advance();
  }

  /** Ends at once: after an error, or when everything is done. */
  #stop(error: AntecedentError | undefined): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#wakeUp.cancel();
    this.#handingOver.end();
    for (const cancel of this.#dials.values()) cancel();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    const reason =
      error ?? new AntecedentError('E_CLOSED', 'the node was closed before the message was as durable as asked');
    const requested = [...this.#requested.values()];
    this.#requested.clear();
    for (const done of [...this.#accepted.takeAll(), ...requested]) done({ error: reason });
    if (error !== undefined) this.#ports.logger.log('error', 'stopped', { code: error.code, message: error.message });
    this.#ports.links.close(() => {
      if (this.#lines === undefined) this.#closeJournal(error);
      else this.#lines.close(() => this.#closeJournal(error));
    });
  }

  #closeJournal(error: AntecedentError | undefined): void {
    if (this.#journal === undefined) this.#handlers.onStopped(error);
    else this.#journal.close((result) => this.#handlers.onStopped(error ?? result.error));
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
      this.#handingOver.goOn();
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
    this.#lines?.carryOut(ready.lines);
    for (const seq of ready.receipts) this.#accept(seq);
    for (const seq of ready.impossible) this.#refuse(seq);
    for (const request of ready.confirmations) this.#confirm(request);
    for (const event of ready.events) this.#reporter.report(event);
    if (ready.releaseAddress !== this.#releaseAddress) this.#release(ready.releaseAddress);
    if (ready.incarnation !== undefined) this.#beginIncarnation(ready.incarnation);
    this.#wakeUp.set(ready.wakeAtMs);
  }

  #release(address: number): void {
    const journal = this.#journal;
    if (journal === undefined) return;
    this.#releaseAddress = address;
    journal.release(address);
  }

  /** Our name was used before. The replica appends nothing until this is done. */
  #beginIncarnation(incarnation: number): void {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    this.#ports.logger.log('warn', 'incarnation', { incarnation });
    this.#journal?.beginIncarnation(incarnation, (result) => {
      this.#isBeginning = false;
      if (this.#state === 'stopped') return;
      if (result.error !== undefined) return this.#stop(result.error);
      this.#incarnation = incarnation;
      const nowMs = this.#ports.clock.nowMs();
      this.#replica.handleIncarnation({ incarnation, nonce: this.#ports.random.nextUint32(), nowMs });
      this.#handlers.onIncarnation(incarnation);
      this.#advance();
    });
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
    this.#reporter.report({
      type: 'alarm',
      alarm: { code, peer: this.#options.name, message: `${message}; ${remedy}` },
    });
  }

  #accept(seq: number): void {
    const accepted = this.#accepted.take(seq);
    accepted?.({ error: undefined, value: { origin: this.#options.name, incarnation: this.#incarnation, seq } });
  }

  #refuse(seq: number): void {
    const accepted = this.#accepted.take(seq);
    const message = `message ${seq} asked for more copies than there are members: some were removed since; it stays broadcast`;
    accepted?.({ error: new AntecedentError('E_CONFIG', message) });
  }

  #confirm(request: number): void {
    const done = this.#requested.get(request);
    this.#requested.delete(request);
    done?.({ error: undefined, value: undefined });
  }

  #sayGoodbye(): void {
    // No more rounds, whatever the application does when it hears that its peers are gone.
    this.#isAdvancing = true;
    this.#replica.closeLinks(this.#ports.clock.nowMs());
    const { links, events } = this.#replica.takeReady();
    this.#carryOutLinks(links);
    for (const event of events) this.#reporter.report(event);
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
    if (actions.length === 0) return;
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
    this.#mustAdvance = true;
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

  // --- Time ----------------------------------------------------------------------------------------------------------------

  #handleWakeUp(): void {
    if (this.#state === 'stopped') return;
    this.#replica.handleTimeout(this.#ports.clock.nowMs());
    this.#advance();
  }
}

function notReady(): AntecedentError {
  return new AntecedentError('E_STATE', 'the node is not ready: wait for onReady');
}

/** Runs a step that may fail; bugs of our own pass through. */
function attempt(step: () => void): AntecedentError | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    if (error instanceof AntecedentError) return error;
    throw error;
  }
}
