/**
 * Three processes over TLS under constant load, of which one or more are killed again and again (SIGKILL), at random
 * moments: while messages flow, or while those killed before are still recovering.
 *
 * - Everything is judged by what an observer saw, with the oracles of the simulator; besides, the sets of delivered messages
 *   are compared by plain counting.
 * - Seeds decide who is killed and when. The machine decides how far everybody is by then, so a seed repeats a run only
 *   roughly.
 * - Every cycle adds messages, and kills after fewer lines than these must still lead to: it never waits in vain.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Daemon, payloadOf, type DaemonEvent } from '../../examples/daemon.js';
import { nodeName, type Dot } from '../../core/index.js';
import { Judge, type HistoryEvent } from '../../scenarios/index.js';
import { randomStream, type RandomStream } from '../../transport-sim/random.js';
import { bundleNode } from '../support/bundled-program.js';
import { makeTestDirectory, TestAuthority } from '../support/certificates.js';
import { processHangMs, within } from './waiting.js';
import { quietPorts } from './quiet-port.js';

const names = ['a', 'b', 'c'] as const;
/** Messages that each member is given in a cycle. */
const messagesPerCycle = 40;
/** Lines that they lead to at least: every member prints every message. */
const linesPerCycle = messagesPerCycle * names.length * names.length;
/** Broadcasts of a member on their way at a time: few, so that they flow for as long as possible. */
const inFlightMax = 4;
/** Small, so that many kills fall into the change to a new segment. */
const segmentBytes = 64 << 10;
const logLinesKept = 100;

export interface KillCyclesOptions {
  readonly seed: string;
  readonly cycles: number;
}

export interface KillCyclesResult {
  /** What did not hold, with the seed; empty when all is well. */
  readonly problems: readonly string[];
  /** Processes killed, and how many of them before they were ready. */
  readonly kills: number;
  readonly killsWhileStarting: number;
  /** Broadcast by the applications, and accepted. */
  readonly messages: number;
  /** Deliveries printed again after a kill, with the position they had before. */
  readonly repeated: number;
  readonly exitCodes: readonly (number | null)[];
  /** The last lines that the processes logged. */
  readonly log: readonly string[];
}

/** Runs the cycles; resolves when everybody has everything and has ended in peace. Rejects when a process fails. */
export async function killCycles(options: KillCyclesOptions): Promise<KillCyclesResult> {
  const authority = await TestAuthority.make('cycles', names);
  const program = await bundleNode();
  const configs = await writeConfigs(authority);
  const run = new KillCycles(options, program, configs);
  try {
    return await run.run();
  } finally {
    await run.killAll();
  }
}

class Member {
  readonly name: string;
  readonly daemon: Daemon;
  readonly payloads: readonly Uint8Array[];
  /** What it printed at each position, from 1 on; 0 is unused. */
  readonly delivered: string[] = [''];
  isReady = false;
  startedAtMs = 0;
  accepted = 0;

  constructor(name: string, payloads: readonly Uint8Array[], daemon: Daemon) {
    this.name = name;
    this.payloads = payloads;
    this.daemon = daemon;
  }
}

class KillCycles {
  readonly #options: KillCyclesOptions;
  readonly #random: RandomStream;
  readonly #members: readonly Member[];
  readonly #judge = new Judge({ nodes: names.map(nodeName) });
  readonly #problems: string[] = [];
  readonly #log: string[] = [];
  /** From the start of a process to its first line, the last time. */
  #startMs = 0;
  /** How many messages each member may broadcast by now. */
  #budget = 0;
  /** Lines printed by anybody. */
  #lines = 0;
  #kills = 0;
  #killsWhileStarting = 0;
  #repeated = 0;
  #wake: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;
  readonly #failed = new Promise<never>((_resolve, reject) => (this.#fail = reject));

  constructor(options: KillCyclesOptions, program: string, configs: ReadonlyMap<string, string>) {
    this.#options = options;
    this.#random = randomStream(options.seed, 'kills');
    const messages = randomStream(options.seed, 'messages');
    this.#failed.catch(() => undefined);
    this.#members = names.map((name) => {
      const payloads = makePayloads(name, options.cycles * messagesPerCycle, messages);
      const daemon = new Daemon({
        name,
        config: configs.get(name) ?? '',
        program: [program],
        payloads,
        onEvent: (event) => this.#handle(name, event),
        onSend: (seq, payload) =>
          this.#observe({ type: 'broadcast', ...this.#at(name), dot: dotOf(name, seq), payload }),
        onLog: (text) => this.#keepLog(name, text),
        onFailure: (error) => this.#fail(this.#describe(error.message)),
      });
      return new Member(name, payloads, daemon);
    });
  }

  async run(): Promise<KillCyclesResult> {
    await Promise.race([this.#cycles(), this.#failed]);
    // After the first thing that did not hold, nothing else means anything.
    const exitCodes = this.#problems.length === 0 ? await Promise.race([this.#end(), this.#failed]) : [];
    if (this.#problems.length === 0) this.#compareSets();
    return {
      problems: this.#problems.map((problem) => this.#describe(problem).message),
      kills: this.#kills,
      killsWhileStarting: this.#killsWhileStarting,
      messages: this.#members.reduce((sum, { payloads }) => sum + payloads.length, 0),
      repeated: this.#repeated,
      exitCodes,
      log: this.#log,
    };
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#members.map(({ daemon }) => daemon.kill()));
  }

  async #cycles(): Promise<void> {
    for (const member of this.#members) this.#start(member);
    for (let cycle = 1; cycle <= this.#options.cycles && this.#problems.length === 0; cycle += 1) {
      this.#budget = cycle * messagesPerCycle;
      for (const member of this.#members) this.#release(member);
      await this.#moment(cycle);
      const victims = this.#random.shuffle(this.#members).slice(0, this.#random.pick([1, 1, 1, 2, 3]));
      await this.#kill(victims);
      for (const victim of victims) this.#start(victim);
    }
  }

  /** Half of the kills come after so many lines, the others at some time in the start of those killed before. */
  async #moment(cycle: number): Promise<void> {
    const isEarly = this.#random.chance(0.5);
    if (isEarly && this.#startMs > 0) {
      await setTimeout(this.#random.below(Math.ceil(this.#startMs)));
      return;
    }
    const until = this.#lines + this.#random.between(1, linesPerCycle - 1);
    await this.#until(`line ${until} in cycle ${cycle}`, () => this.#lines >= until);
  }

  async #kill(victims: readonly Member[]): Promise<void> {
    this.#kills += victims.length;
    this.#killsWhileStarting += victims.filter(({ isReady }) => !isReady).length;
    // Resolves when everything they printed has been read: until then they are alive to an observer.
    await Promise.all(victims.map(({ daemon }) => daemon.kill()));
    for (const { name } of victims) this.#observe({ type: 'crash', ...this.#at(name) });
  }

  #start(member: Member): void {
    member.isReady = false;
    member.startedAtMs = performance.now();
    this.#observe({ type: 'start', ...this.#at(member.name), position: undefined });
    member.daemon.start();
  }

  /** Lets everybody finish; resolves with the exit codes. */
  async #end(): Promise<readonly (number | null)[]> {
    const total = this.#members.reduce((sum, { payloads }) => sum + payloads.length, 0);
    const isDone = ({ delivered, accepted, payloads }: Member): boolean =>
      delivered.length > total && accepted === payloads.length;
    await this.#until('everybody to have everything', () => this.#members.every(isDone));
    const exitCodes = await within(
      'the end',
      Promise.all(this.#members.map(({ daemon }) => daemon.end())),
      processHangMs,
    );
    const live = names.map(nodeName);
    const violation = this.#judge.finish({ atMs: performance.now(), live, busy: false });
    if (violation !== undefined) this.#problems.push(`${violation.property}: ${violation.sentence}`);
    return exitCodes;
  }

  /** The oracles aside: everybody printed every message, and each under one position. */
  #compareSets(): void {
    const wanted = this.#members.flatMap(({ payloads }) => payloads.map(textOf)).sort();
    for (const { name, delivered } of this.#members) {
      const got = delivered.slice(1).sort();
      if (got.length === wanted.length && got.every((text, index) => text === wanted[index])) continue;
      const missing = wanted.find((text) => !got.includes(text));
      const what = missing === undefined ? 'some more than once' : `not ${missing.slice(0, 20)}`;
      this.#problems.push(`${name} delivered ${got.length} of ${wanted.length} messages, ${what}`);
    }
  }

  #handle(name: string, event: DaemonEvent): void {
    const member = this.#member(name);
    this.#lines += 1;
    if (event.event === 'ready') {
      member.isReady = true;
      member.accepted = event.seq ?? 0;
      this.#startMs = performance.now() - member.startedAtMs;
    }
    if (event.event === 'accepted') {
      member.accepted = event.seq ?? 0;
      this.#observe({ type: 'accepted', ...this.#at(name), dot: dotOf(name, member.accepted) });
    }
    if (event.event === 'deliver') this.#deliver(member, event);
    this.#release(member);
    this.#wake();
  }

  #release({ daemon, accepted }: Member): void {
    daemon.release(Math.min(this.#budget, accepted + inFlightMax));
  }

  #deliver(member: Member, event: DaemonEvent): void {
    const { origin = '', incarnation = 0, seq = 0, position = 0 } = event;
    const payload = payloadOf(event);
    const dot = { ...dotOf(origin, seq), incarnation };
    this.#observe({ type: 'deliver', ...this.#at(member.name), dot, position, payload });
    if (position < member.delivered.length) this.#repeated += 1;
    member.delivered[position] = textOf(payload);
  }

  #observe(event: HistoryEvent): void {
    if (this.#problems.length > 0) return;
    const violation = this.#judge.observe(event);
    if (violation === undefined) return;
    this.#problems.push(`${violation.property}: ${violation.sentence}`);
    this.#wake();
  }

  /** Resolves when `condition` holds, or the run is lost anyway. Rejects when nobody prints anything for long. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    while (!condition() && this.#problems.length === 0) {
      const nextLine = new Promise<void>((resolve) => (this.#wake = resolve));
      try {
        await within(what, nextLine, processHangMs);
      } catch (error) {
        throw this.#describe(error instanceof Error ? error.message : String(error));
      }
    }
  }

  #keepLog(name: string, text: string): void {
    this.#log.push(
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `${name} ${line}`),
    );
    this.#log.splice(0, this.#log.length - logLinesKept);
  }

  /** With all that helps to find the cause. */
  #describe(problem: string): Error {
    const progress = this.#members.map(
      ({ name, delivered, accepted, isReady }) =>
        `${name} ${isReady ? 'ready' : 'starting'}, accepted ${accepted}, delivered ${delivered.length - 1}`,
    );
    return new Error(
      `seed ${JSON.stringify(this.#options.seed)}, kill ${this.#kills}: ${problem} (${progress.join('; ')})`,
    );
  }

  #at(name: string): { readonly atMs: number; readonly node: ReturnType<typeof nodeName> } {
    return { atMs: performance.now(), node: nodeName(name) };
  }

  #member(name: string): Member {
    const member = this.#members.find((other) => other.name === name);
    if (member === undefined) throw new Error(`no member ${name}`);
    return member;
  }
}

/** Every one different: mostly short, some long enough for several pages and for a batch of their own. */
function makePayloads(name: string, count: number, random: RandomStream): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const padding = random.chance(0.005) ? random.between(4_000, 90_000) : random.below(300);
    return new TextEncoder().encode(`${name} ${index + 1} ${'x'.repeat(padding)}`);
  });
}

function textOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}

function dotOf(origin: string, seq: number): Dot {
  return { origin: nodeName(origin), incarnation: 1, seq };
}

/** A configuration for each member, which finds its peers again soon after they were killed. */
async function writeConfigs(authority: TestAuthority): Promise<ReadonlyMap<string, string>> {
  const directory = makeTestDirectory('cycles');
  const ports = await quietPorts(names.length);
  const address = (name: (typeof names)[number]): string => `"127.0.0.1:${ports[names.indexOf(name)] ?? 0}"`;
  return new Map(
    names.map((name) => {
      const { ca, cert, key } = authority.files(name);
      const path = join(directory, `${name}.toml`);
      const lines = [
        `name = "${name}"\ncluster = "cycles"\ndata = "${name}"\nlisten = ${address(name)}`,
        `[tls]\nca = "${ca}"\ncert = "${cert}"\nkey = "${key}"`,
        `[limits]\nsegmentBytesMax = ${segmentBytes}`,
        '[timings]\nbackoffMs = 20\nbackoffMaxMs = 100',
        `[peers]\n${names
          .filter((peer) => peer !== name)
          .map((peer) => `${peer} = ${address(peer)}`)
          .join('\n')}`,
      ];
      mkdirSync(join(directory, name), { mode: 0o700 });
      writeFileSync(path, `${lines.join('\n')}\n`);
      return [name, path];
    }),
  );
}
