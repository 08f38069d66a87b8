/**
 * A node of pluto v0.4 over the ports of the core: a receiver and a sender, in one process.
 *
 * It is a model, made to be looked at in the simulator: it keeps the rules of v0.4, its durable steps and their order, and with them
 * its mistakes. Left out is what belongs to Go alone (a panic is an error here) and the orderly end, which v0.4 does not come to: one
 * of its routines waits for a connection, and is told to end only when one comes. A node of v0.4 is killed.
 * Source: sender.go, receiver.go, connection.go and message.go of github.com/go-pluto/pluto, package comm, as of v0.4.
 */
import type { AntecedentError } from '../../errors.js';
import type { NodeName } from '../../names.js';
import type { Ports } from '../../ports.js';
import type { ConnectionOptions } from './connection.js';
import { complete } from './file.js';
import { Receiver } from './receiver.js';
import { Routines, type Steps } from './routines.js';
import { Sender } from './sender.js';
import { Stream } from './stream.js';

export interface PlutoOptions extends Pick<ConnectionOptions, 'timeoutMs' | 'retryMs' | 'isRefused' | 'readEnd'> {
  readonly name: NodeName;
  readonly peers: readonly NodeName[];
}

/** What a peer has sent. */
export interface PlutoDelivery {
  readonly sender: string;
  readonly payload: string;
}

export interface PlutoHandlers {
  /** Both halves have started, and connections are accepted. */
  onReady(): void;
  /**
   * The application is given a message of a peer. `done` is called once it has applied it, or with an error when it cannot: then
   * the process ends, and begins with this message again at its next start.
   */
  onDeliver(message: PlutoDelivery, done: (error?: AntecedentError) => void): void;
  /** The process has ended by itself. Nothing else is called after it. */
  onStopped(error: AntecedentError): void;
}

export class PlutoNode {
  readonly #ports: Ports;
  readonly #handlers: PlutoHandlers;
  readonly #streamOptions: ConnectionOptions;
  readonly #routines: Routines;
  readonly #receiver: Receiver;
  readonly #sender: Sender;

  constructor(options: PlutoOptions, ports: Ports, handlers: PlutoHandlers) {
    const { name, peers } = options;
    const { disk, clock, random, links, digests } = ports;
    this.#ports = ports;
    this.#handlers = handlers;
    this.#streamOptions = { ...options, links, clock, digests };
    this.#routines = new Routines((error) => handlers.onStopped(error));
    const shared = { name, peers, disk, clock, random, routines: this.#routines };
    this.#receiver = new Receiver({ ...shared, apply: (message, done) => handlers.onDeliver(message, done) });
    this.#sender = new Sender({ ...this.#streamOptions, ...shared, nextClock: () => this.#receiver.nextClock() });
  }

  /** Payloads that have not been sent to everybody. */
  get unsent(): number {
    return this.#sender.unsent;
  }

  /** True while the receiver looks again and again at lines for which nothing new has come. */
  get isSpinning(): boolean {
    return this.#receiver.isSpinning;
  }

  start(): void {
    this.#routines.start(this.#start());
  }

  /**
   * Hands a payload to the sender: characters below 256, each a byte. `taken` is called when the application would go on; v0.4
   * never says more than that.
   */
  broadcast(payload: string, taken: () => void): void {
    const { clock } = this.#ports;
    // Not at once: a port would call back later as well, and the caller has yet to make a note of the message.
    clock.wakeAt(clock.nowMs(), () => {
      if (this.#routines.isAlive) this.#sender.offer(payload, taken);
    });
  }

  *#start(): Steps<void> {
    yield* this.#receiver.start();
    yield* this.#sender.start();
    const { links } = this.#ports;
    yield* complete((done) => {
      links.listen((link) => {
        const stream = new Stream(link, this.#streamOptions);
        this.#routines.start(this.#receiver.store(stream));
        return stream;
      }, done);
    });
    this.#handlers.onReady();
  }
}
