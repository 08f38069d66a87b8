/**
 * A process for each member of a system under test: they obey the orders of `orders.ts`, and are all measured alike.
 *
 * With `tls-member.js` it is the job that Antecedent exists for: mutual TLS, every message synced to disk by every member before it
 * counts, delivered to every application. Members can be killed and started again, and stopped in their tracks.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemberOptions, Order, Report, ReportOf } from './orders.js';

export interface Load {
  /** Each broadcasts `count` messages of `bytes`, as fast as they are taken. */
  readonly senders: readonly string[];
  readonly count: number;
  readonly bytes: number;
  /** It is over when these have delivered them all. */
  readonly receivers: readonly string[];
}

export interface Throughput {
  readonly messagesPerSecond: number;
  /** CPU time that a member has used, all threads together, divided by the messages of all senders. By name. */
  readonly cpuMicros: ReadonlyMap<string, number>;
}

/** Stamped messages, see `orders.ts`. */
export interface StampedLoad {
  readonly sender: string;
  readonly receivers: readonly string[];
  readonly count: number;
  readonly bytes: number;
  /** One at a time when undefined. */
  readonly perSecond: number | undefined;
}

/** Programs beside this file of which members are made. */
export type MemberProgram = 'tls-member' | 'bare-member' | 'jetstream-member' | 'hypercore-member' | 'grpc-member';

/** A cluster in a temporary directory. `keys` holds ca.pem and the members' certificates. */
export class Cluster implements AsyncDisposable {
  readonly #program: MemberProgram;
  readonly #options: Omit<MemberOptions, 'name'>;
  readonly #members = new Map<string, ChildProcess>();
  /** Messages broadcast by anybody: the position of whoever has delivered everything. */
  #total = 0;

  private constructor(program: MemberProgram, options: Omit<MemberOptions, 'name' | 'data'>) {
    this.#program = program;
    this.#options = { ...options, data: mkdtempSync(join(tmpdir(), 'antecedent-bench-')) };
  }

  static async open(
    keys: string,
    names: readonly string[],
    program: MemberProgram = 'tls-member',
    settings: Readonly<Record<string, number>> = {},
  ): Promise<Cluster> {
    const ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
    const cluster = new Cluster(program, { keys, ports, settings });
    try {
      await Promise.all(names.map((name) => cluster.start(name)));
      return cluster;
    } catch (error) {
      await cluster.#end();
      throw error;
    }
  }

  /**
   * Starts a process for `name`; resolves when it is connected to all others, with everything delivered: with the messages a
   * second that it was delivered from the moment when it was connected.
   */
  async start(name: string): Promise<number> {
    const options: MemberOptions = { ...this.#options, name };
    const program = join(import.meta.dirname, `${this.#program}.js`);
    this.#members.set(name, fork(program, [JSON.stringify(options)], { stdio: ['ignore', 2, 2, 'ipc'] }));
    const { position } = await this.#report(name, 'connected');
    const startedAtMs = performance.now();
    await this.catchUp(name);
    return ((this.#total - position) * 1000) / (performance.now() - startedAtMs);
  }

  /** Resolves when `name` has delivered everything. */
  async catchUp(name: string): Promise<void> {
    const delivered = this.#report(name, 'delivered');
    this.#order(name, { type: 'expect', position: this.#total });
    await delivered;
  }

  async throughput({ senders, count, bytes, receivers }: Load): Promise<Throughput> {
    const messages = senders.length * count;
    this.#total += messages;
    const delivered = receivers.map(async (name) => [name, await this.#report(name, 'delivered')] as const);
    const accepted = senders.map(async (name) => [name, await this.#report(name, 'accepted')] as const);
    for (const name of receivers) this.#order(name, { type: 'expect', position: this.#total });
    const startedAtMs = performance.now();
    for (const name of senders) this.#order(name, { type: 'broadcast', count, bytes });
    // Who sends and receives has reported twice; the second report is the later one, with the CPU time of all of it.
    const cpuMicros = new Map<string, number>();
    for (const [name, { cpuMicros: cpu }] of await Promise.all([...delivered, ...accepted])) {
      cpuMicros.set(name, Math.max(cpuMicros.get(name) ?? 0, cpu / messages));
    }
    return { messagesPerSecond: (messages * 1000) / (performance.now() - startedAtMs), cpuMicros };
  }

  /** Milliseconds from broadcast to delivery, of all receivers together. */
  async latenciesMs({ sender, receivers, count, bytes, perSecond }: StampedLoad): Promise<readonly number[]> {
    this.#total += count;
    for (const name of receivers) {
      this.#order(name, { type: 'time' });
      this.#order(name, { type: 'expect', position: this.#total });
    }
    const done = [...receivers.map((name) => this.#report(name, 'delivered')), this.#report(sender, 'accepted')];
    this.#order(sender, { type: 'stamped', count, bytes, perSecond });
    await Promise.all(done);
    const times = receivers.map((name) => {
      const report = this.#report(name, 'times');
      this.#order(name, { type: 'times' });
      return report;
    });
    return (await Promise.all(times)).flatMap(({ latenciesMs }) => latenciesMs);
  }

  /** Ends its process at once; resolves when it is gone. */
  async kill(name: string): Promise<void> {
    const child = this.#member(name);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Stops it until `resume`: its connections stay, and it answers nobody. */
  pause(name: string): void {
    this.#member(name).kill('SIGSTOP');
  }

  resume(name: string): void {
    this.#member(name).kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, child] of this.#members) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      this.resume(name);
      this.#order(name, { type: 'close' });
      await exited;
    }
    rmSync(this.#options.data, { recursive: true });
  }

  /** Ends all processes at once, whatever they are doing. */
  async #end(): Promise<void> {
    const running = [...this.#members].filter(
      ([, { exitCode, signalCode }]) => exitCode === null && signalCode === null,
    );
    await Promise.all(running.map(([name]) => this.kill(name)));
    rmSync(this.#options.data, { recursive: true });
  }

  #member(name: string): ChildProcess {
    const child = this.#members.get(name);
    if (child === undefined) throw new Error(`no member ${name}`);
    return child;
  }

  #order(name: string, order: Order): void {
    this.#member(name).send(order);
  }

  /** Waits for a report of this type. Rejects when the process ends before. */
  #report<Type extends Report['type']>(name: string, type: Type): Promise<ReportOf<Type>> {
    const child = this.#member(name);
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`member ${name} ended with ${String(code)}`));
      const onMessage = (report: Report): void => {
        if (!isOfType(report, type)) return;
        child.off('message', onMessage);
        child.off('exit', onExit);
        resolve(report);
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
    });
  }
}

function isOfType<Type extends Report['type']>(report: Report, type: Type): report is ReportOf<Type> {
  return report.type === type;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
