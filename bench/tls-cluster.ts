/**
 * The job that Antecedent exists for: a process for each member, mutual TLS, every message synced to disk by every member
 * before it counts, delivered to every application.
 *
 * Members can be killed and started again, and stopped in their tracks.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemberOptions, Order, Report } from './tls-member.js';

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

/** A cluster in a temporary directory. `keys` holds ca.pem and the members' certificates. */
export class TlsCluster implements AsyncDisposable {
  readonly #keys: string;
  readonly #directory: string;
  readonly #ports: Readonly<Record<string, number>>;
  readonly #members = new Map<string, ChildProcess>();
  /** Messages broadcast by anybody: the position of whoever has delivered everything. */
  #total = 0;

  private constructor(keys: string, ports: Readonly<Record<string, number>>) {
    this.#keys = keys;
    this.#directory = mkdtempSync(join(tmpdir(), 'antecedent-bench-'));
    this.#ports = ports;
  }

  static async open(keys: string, names: readonly string[]): Promise<TlsCluster> {
    const ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
    const cluster = new TlsCluster(keys, ports);
    await Promise.all(names.map((name) => cluster.start(name)));
    return cluster;
  }

  /** Starts a process for `name`; resolves when it is connected to all others, with everything delivered. */
  async start(name: string): Promise<void> {
    const options: MemberOptions = { name, keys: this.#keys, data: this.#directory, ports: this.#ports };
    this.#members.set(name, fork(join(import.meta.dirname, 'tls-member.js'), [JSON.stringify(options)]));
    await this.#report(name, 'connected');
    await this.catchUp(name);
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
    for (const [name, cpu] of await Promise.all([...delivered, ...accepted])) {
      cpuMicros.set(name, Math.max(cpuMicros.get(name) ?? 0, cpu / messages));
    }
    return { messagesPerSecond: (messages * 1000) / (performance.now() - startedAtMs), cpuMicros };
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
    rmSync(this.#directory, { recursive: true });
  }

  #member(name: string): ChildProcess {
    const child = this.#members.get(name);
    if (child === undefined) throw new Error(`no member ${name}`);
    return child;
  }

  #order(name: string, order: Order): void {
    this.#member(name).send(order);
  }

  /** Waits for a report of this type; returns the CPU time in it. Rejects when the process ends before. */
  #report(name: string, type: Report['type']): Promise<number> {
    const child = this.#member(name);
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`member ${name} ended with ${String(code)}`));
      const onMessage = (report: Report): void => {
        if (report.type !== type) return;
        child.off('message', onMessage);
        child.off('exit', onExit);
        resolve('cpuMicros' in report ? report.cpuMicros : 0);
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
