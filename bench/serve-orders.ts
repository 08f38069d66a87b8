/**
 * The process side of `orders.ts`: a program for each system under test hands its system over, and calls `deliver` for
 * every message that its application gets.
 *
 * Messages that carry their time have it in their first eight bytes, in nanoseconds of the monotonic clock, which all
 * processes of a machine share.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Order, Report } from './orders.js';

/** One member of a system under test. */
export interface SystemMember {
  /** Broadcasts it `count` times, as fast as it is taken; resolves when the system has accepted them all. */
  readonly broadcastAll: (payload: Uint8Array, count: number) => Promise<void>;
  /** Broadcasts one, at once; resolves when every member has it, as durable as the system makes it. */
  readonly broadcastOne: (payload: Uint8Array) => Promise<unknown>;
  /** Position of the last delivery, when the system remembers it from an earlier life. */
  readonly recoveredPosition?: number;
  readonly close: () => Promise<void>;
}

const stampBytes = 8;
/** Time between two looks at what is due; and how much later a timer may be than that before messages count as late. */
const tickMs = 1;
const tickSlackNs = 2_000_000n;
/** Between one message at a time and the next, so that nothing of the one before is still under way. */
const restMs = 2;

/** Deliveries of this process, counted, and timed when that is asked for. */
export class DeliveryCounter {
  position = 0;
  #expected = Infinity;
  #latenciesMs: number[] | undefined;
  #cpu: NodeJS.CpuUsage = process.cpuUsage();

  /** Counts a delivery at the next position. */
  deliver(payload: Uint8Array): void {
    this.position += 1;
    if (this.#latenciesMs !== undefined) this.#latenciesMs.push(ageMs(payload));
    if (this.position >= this.#expected) this.#reportDelivered();
  }

  /** Counts what is delivered without being looked at. */
  skip(count: number): void {
    this.position += count;
    if (this.position >= this.#expected) this.#reportDelivered();
  }

  expect(position: number): void {
    this.#cpu = process.cpuUsage();
    this.#expected = position;
    if (this.position >= position) this.#reportDelivered();
  }

  time(): void {
    this.#latenciesMs = [];
  }

  takeTimes(): readonly number[] {
    const latenciesMs = this.#latenciesMs ?? [];
    this.#latenciesMs = undefined;
    return latenciesMs;
  }

  startWork(): void {
    this.#cpu = process.cpuUsage();
  }

  cpuMicros(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return user + system;
  }

  #reportDelivered(): void {
    this.#expected = Infinity;
    report({ type: 'delivered', cpuMicros: this.cpuMicros() });
  }
}

export function report(message: Report): void {
  process.send?.(message);
}

/** Obeys the orders of the parent process until it says `close`. */
export function serveOrders(member: SystemMember, counter: DeliveryCounter): void {
  // Whoever ended the benchmark before its end has ended us too.
  process.on('disconnect', () => process.exit(1));
  process.on('message', (order: Order) => {
    switch (order.type) {
      case 'broadcast':
        counter.startWork();
        return obey(member.broadcastAll(new Uint8Array(order.bytes).fill(7), order.count), counter);
      case 'stamped':
        counter.startWork();
        return obey(broadcastStamped(member, order), counter);
      case 'expect':
        // What was applied in an earlier life is not delivered again.
        counter.position = Math.max(counter.position, member.recoveredPosition ?? 0);
        return counter.expect(order.position);
      case 'time':
        return counter.time();
      case 'times':
        return report({ type: 'times', latenciesMs: counter.takeTimes() });
      case 'close':
        void member.close().then(() => process.exit(0));
    }
  });
}

/** A rejection ends the process, which the parent notices. */
function obey(work: Promise<void>, counter: DeliveryCounter): void {
  void work.then(() => report({ type: 'accepted', cpuMicros: counter.cpuMicros() }));
}

async function broadcastStamped(
  member: SystemMember,
  { count, bytes, perSecond }: Extract<Order, { readonly type: 'stamped' }>,
): Promise<void> {
  if (perSecond === undefined) {
    for (let sent = 0; sent < count; sent++) {
      await member.broadcastOne(stamped(bytes, process.hrtime.bigint()));
      await sleep(restMs);
    }
    return;
  }
  const nsPerMessage = 1e9 / perSecond;
  const startedAtNs = process.hrtime.bigint();
  let last: Promise<unknown> = Promise.resolve();
  for (let sent = 0; sent < count;) {
    await sleep(tickMs);
    const nowNs = process.hrtime.bigint();
    const dueCount = Math.min(count, Math.floor(Number(nowNs - startedAtNs) / nsPerMessage));
    for (; sent < dueCount; sent++) {
      // Whoever keeps its process from looking at the clock is late: then time counts from when the message was due.
      const latestNs = startedAtNs + BigInt(Math.ceil((sent + 1) * nsPerMessage)) + tickSlackNs;
      last = member.broadcastOne(stamped(bytes, nowNs < latestNs ? nowNs : latestNs));
    }
  }
  await last;
}

function stamped(bytes: number, atNs: bigint): Uint8Array {
  const payload = new Uint8Array(Math.max(bytes, stampBytes)).fill(7);
  new DataView(payload.buffer).setBigUint64(0, atNs);
  return payload;
}

function ageMs(payload: Uint8Array): number {
  const stamp = new DataView(payload.buffer, payload.byteOffset, stampBytes).getBigUint64(0);
  return Number(process.hrtime.bigint() - stamp) / 1e6;
}
