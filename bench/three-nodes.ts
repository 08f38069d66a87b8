/**
 * The job that Antecedent exists for: three processes, mutual TLS, every message synced to disk on all three before it
 * counts, delivered to the application on the two others.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemberOptions, Order, Report } from './tls-member.js';

const names = ['a', 'b', 'c'] as const;

export interface Throughput {
  readonly messagesPerSecond: number;
  /** CPU time a message, in the process that broadcasts and in one that receives. */
  readonly senderCpuMicros: number;
  readonly receiverCpuMicros: number;
}

/** A cluster of three processes in a temporary directory. `keys` holds ca.pem and the members' certificates. */
export class ThreeNodes implements AsyncDisposable {
  readonly #directory: string;
  readonly #members: ReadonlyMap<string, ChildProcess>;

  private constructor(directory: string, members: ReadonlyMap<string, ChildProcess>) {
    this.#directory = directory;
    this.#members = members;
  }

  static async open(keys: string): Promise<ThreeNodes> {
    const data = mkdtempSync(join(tmpdir(), 'antecedent-bench-'));
    const ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
    const members = new Map<string, ChildProcess>();
    for (const name of names) {
      const options: MemberOptions = { name, keys, data, ports };
      members.set(name, fork(join(import.meta.dirname, 'tls-member.js'), [JSON.stringify(options)]));
    }
    const cluster = new ThreeNodes(data, members);
    await Promise.all(names.map((name) => cluster.#report(name, 'connected')));
    return cluster;
  }

  /** `a` broadcasts `count` messages of `bytes` as fast as they are taken; ends when b and c have delivered them all. */
  async throughput(count: number, bytes: number): Promise<Throughput> {
    const receivers = ['b', 'c'];
    for (const name of receivers) this.#order(name, { type: 'expect', deliveries: count });
    const delivered = Promise.all(receivers.map((name) => this.#report(name, 'delivered')));
    const accepted = this.#report('a', 'accepted');
    const startedAtMs = performance.now();
    this.#order('a', { type: 'broadcast', count, bytes });
    const [reports, sender] = await Promise.all([delivered, accepted]);
    const elapsedMs = performance.now() - startedAtMs;
    return {
      messagesPerSecond: (count * 1000) / elapsedMs,
      senderCpuMicros: sender / count,
      receiverCpuMicros: Math.max(...reports) / count,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, child] of this.#members) {
      if (child.exitCode !== null) continue;
      const exited = once(child, 'exit');
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
