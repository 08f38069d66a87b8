/**
 * Dialling and listening in the simulation.
 *
 * Invariants:
 * - A dial takes a round trip: it arrives, is accepted or refused there, and the answer travels back.
 * - A machine with power and no listener refuses; one without power, or one that cannot be reached, stays silent for ever.
 * - The accepted end exists before the dialler knows: if the answer never arrives, that link is half open, and the first
 *   write on it after the network has healed is answered with a reset.
 * - A dial knows its target by its identity; where several machines have it, one of those that run answers, by chance.
 */
import {
  AntecedentError,
  type Cancel,
  type Link,
  type LinkHandlers,
  type Links,
  type NodeName,
  type Result,
} from '../core/index.js';
import { anyLife, SimulationEvent } from './event.js';
import type { Host, Hosts } from './host.js';
import type { Kernel } from './kernel.js';
import { LinkEnd } from './link-end.js';
import type { Parcel, Route } from './route.js';
import type { RouteTable } from './route-table.js';
import { nobody, traceKinds } from './trace.js';

type OnLink = (link: Link) => LinkHandlers;

/** The machines and the ways between them. */
export interface Topology {
  readonly hosts: Hosts;
  readonly routes: RouteTable;
}

export class SimulatedLinks implements Links {
  readonly #kernel: Kernel;
  readonly #topology: Topology;
  readonly #host: Host;
  readonly #life: number;
  #isListening = false;

  constructor(kernel: Kernel, topology: Topology, host: Host) {
    this.#kernel = kernel;
    this.#topology = topology;
    this.#host = host;
    this.#life = host.life;
  }

  listen(onLink: OnLink, done: (result: Result<void>) => void): void {
    if (this.#isListening) {
      const error = new AntecedentError('E_LISTEN', `${this.#host.name} listens already; close the links first`);
      this.#answer(() => done({ error }));
      return;
    }
    this.#isListening = true;
    this.#answer(() => {
      if (this.#isListening) this.#host.listener = onLink;
      done({ error: undefined, value: undefined });
    });
  }

  dial(peer: NodeName, onLink: OnLink, onFail: (error: AntecedentError) => void): Cancel {
    const { routes } = this.#topology;
    const target = this.#find(peer);
    const dial = new Dial(this.#kernel, this.#host, this.#life, onLink, onFail);
    if (this.#host.life !== this.#life) return () => undefined;
    if (target === undefined) dial.failSoon(`no machine is called ${peer}`);
    else new DialArrival(dial, routes.get(this.#host, target), routes.get(target, this.#host)).send();
    return () => dial.cancel();
  }

  #find(peer: NodeName): Host | undefined {
    const hosts = this.#topology.hosts.of(peer);
    if (hosts.length <= 1) return hosts[0];
    const running = hosts.filter(({ isUp }) => isUp);
    return running.length <= 1 ? (running[0] ?? hosts[0]) : this.#kernel.random(`link/dial/${peer}`).pick(running);
  }

  /** Names are addresses here. */
  learn(): void {}

  /** Who was a member is let in, to be told so. */
  forget(): void {}

  close(done: () => void): void {
    this.#isListening = false;
    if (this.#host.life === this.#life) this.#host.listener = undefined;
    this.#answer(done);
  }

  #answer(answer: () => void): void {
    this.#kernel.schedule(new ListenAnswer(this.#kernel, this.#host, this.#life, answer), this.#kernel.nowUs);
  }
}

class ListenAnswer extends SimulationEvent {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #answer: () => void;

  constructor(kernel: Kernel, host: Host, life: number, answer: () => void) {
    super(host, life);
    this.#kernel = kernel;
    this.#host = host;
    this.#answer = answer;
  }

  override fire(): void {
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.listen, this.#host.index, nobody, 0);
    this.#answer();
  }
}

/** One attempt, as the dialler sees it. */
class Dial {
  readonly kernel: Kernel;
  readonly host: Host;
  readonly life: number;
  readonly #onLink: OnLink;
  readonly #onFail: (error: AntecedentError) => void;
  #isSettled = false;
  #end: LinkEnd | undefined;

  constructor(kernel: Kernel, host: Host, life: number, onLink: OnLink, onFail: (error: AntecedentError) => void) {
    this.kernel = kernel;
    this.host = host;
    this.life = life;
    this.#onLink = onLink;
    this.#onFail = onFail;
  }

  /** False once nobody waits for the answer. */
  get isWanted(): boolean {
    return !this.#isSettled && this.host.life === this.life;
  }

  /** The dial was accepted by the other end of `end`. */
  expect(end: LinkEnd): void {
    this.#end = end;
  }

  cancel(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#end?.abandon(true);
  }

  connect(): void {
    const end = this.#end;
    if (this.#isSettled || end === undefined) return;
    if (end.isCut) {
      this.fail(unreachable('the link was cut'));
      return;
    }
    this.#isSettled = true;
    this.kernel.trace.record(this.kernel.nowUs, traceKinds.connect, this.host.index, end.route.to.index, 0);
    end.open(this.#onLink);
  }

  fail(error: AntecedentError): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#end?.abandon(false);
    this.kernel.trace.record(this.kernel.nowUs, traceKinds.refuse, this.host.index, nobody, 0);
    this.#onFail(error);
  }

  failSoon(reason: string): void {
    this.kernel.schedule(new DialAnswer(this, unreachable(reason), 0), this.kernel.nowUs);
  }
}

/** The dial on its way to the target. */
class DialArrival extends SimulationEvent implements Parcel {
  readonly #dial: Dial;
  readonly #there: Route;
  readonly #back: Route;

  constructor(dial: Dial, there: Route, back: Route) {
    super(there.to, anyLife);
    this.#dial = dial;
    this.#there = there;
    this.#back = back;
  }

  send(): void {
    if (this.#there.isBlocked) this.#dial.kernel.countFault('unreachable-dial');
    else this.#there.carry(this);
  }

  launch(): void {
    const kernel = this.#dial.kernel;
    kernel.schedule(this, kernel.nowUs + this.#there.latencyUs());
  }

  copy(): undefined {
    return undefined;
  }

  override fire(): void {
    const dial = this.#dial;
    const target = this.#there.to;
    const kernel = dial.kernel;
    kernel.trace.record(kernel.nowUs, traceKinds.dial, target.index, dial.host.index, 0);
    if (!target.hasPower || !dial.isWanted) return;
    const listener = target.listener;
    if (listener === undefined) {
      const answer = new DialAnswer(dial, target.refusal, this.#back.latencyUs());
      if (!this.#back.isBlocked) this.#back.carry(answer);
      return;
    }
    const [mine, theirs] = LinkEnd.pair(kernel, this.#there, this.#back);
    dial.expect(mine);
    // Before the program hears of the link: what it writes at once must come behind the answer.
    if (this.#back.isBlocked) mine.abandon(false);
    else this.#back.carry(new DialAnswer(dial, theirs, this.#back.latencyUs()));
    kernel.trace.record(kernel.nowUs, traceKinds.accept, target.index, dial.host.index, 0);
    theirs.open(listener);
  }

  /** The target crashed while the dial waited in it: the system answers instead. */
  override handleAbandoned(): void {
    this.#dial.kernel.schedule(this, this.#dial.kernel.nowUs);
  }
}

/** The answer on its way back: the accepted end of a link, or why there is none. */
class DialAnswer extends SimulationEvent implements Parcel {
  readonly #dial: Dial;
  readonly #answer: LinkEnd | AntecedentError;
  readonly #latencyUs: number;

  constructor(dial: Dial, answer: LinkEnd | AntecedentError, latencyUs: number) {
    super(dial.host, dial.life);
    this.#dial = dial;
    this.#answer = answer;
    this.#latencyUs = latencyUs;
  }

  launch(): void {
    const kernel = this.#dial.kernel;
    const atUs = kernel.nowUs + this.#latencyUs;
    const answer = this.#answer;
    if (answer instanceof LinkEnd) {
      // Nothing of the link, in order or not, arrives before it exists.
      answer.lastInOrderUs = atUs;
      answer.lastArrivalUs = atUs;
      answer.openAtUs = atUs;
    }
    kernel.schedule(this, atUs);
  }

  copy(): undefined {
    return undefined;
  }

  override fire(): void {
    if (this.#answer instanceof LinkEnd) this.#dial.connect();
    else this.#dial.fail(this.#answer);
  }
}

function unreachable(reason: string): AntecedentError {
  return new AntecedentError('E_UNREACHABLE', reason);
}
