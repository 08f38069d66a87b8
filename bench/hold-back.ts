/**
 * How long a late origin holds the others up once it has come: 20,000 messages that wait for it are released.
 *
 * The traffic is chatty, the worst case: every message names most other members. As after a partition, the others' messages
 * arrive log by log; nothing of member 0 comes until they are all there. Then its log is offered in order, and only that is
 * timed. Beside it, in the same run: the same messages offered in an order in which nobody waits, and a list that is looked
 * through again after each release, on a tenth of the messages.
 */
import { HoldBackQueue, type Message } from '../core/index.js';
import { alternate, type BenchResult } from './case.js';
import { makeHistory } from './histories.js';

const rounds = 7;
const heldMessages = 20_000;
const rescannedMessages = 2_000;
const memberCounts = [3, 10, 32, 100];
const payload: Uint8Array = new Uint8Array(100).fill(7);

/** What one member receives, member 0 last. */
interface Arrivals {
  readonly inOrder: readonly Message[];
  /** Wait for member 0. */
  readonly held: readonly Message[];
  readonly late: readonly Message[];
}

export async function benchHoldBack(): Promise<readonly BenchResult[]> {
  const results: BenchResult[] = [];
  for (const members of memberCounts) {
    const arrivals = makeArrivals(members, heldMessages);
    const few = makeArrivals(members, rescannedMessages);
    const name = `release ${heldMessages} held back, ${members} members`;
    const figures = await alternate(rounds, {
      [`${name}, ms`]: () => releaseMs(arrivals),
      'the same messages in order, ms': () => inOrderMs(arrivals),
      [`looking through a list of ${rescannedMessages} again and again, ms`]: () => rescanMs(few),
    });
    const [ours = Number.NaN, ordered = Number.NaN, rescanned = Number.NaN] = Object.values(figures);
    results.push({
      case: `hold-back: ${name}`,
      unit: 'ms',
      ours,
      peers: { 'nobody waits': ordered, [`rescanning ${rescannedMessages}`]: rescanned },
    });
  }
  return results;
}

/** A history in which all but member 0 broadcast `count` messages. */
function makeArrivals(members: number, count: number): Arrivals {
  const total = Math.ceil((count * members) / (members - 1)) + members;
  const history: Message[] = makeHistory('chatty', members, total).map(({ origin, seq, changed }) => ({
    origin,
    seq,
    changes: [...changed].flat(),
    dictionary: [],
    clock: [],
    payloadLength: payload.length,
    payload,
    end: undefined,
  }));
  const others = history.filter(({ origin }) => origin !== 0).slice(0, count);
  const last = others.at(-1);
  const inOrder = last === undefined ? [] : history.slice(0, history.indexOf(last) + 1);
  // The sort is stable: within a log the order stays.
  const held = others.toSorted((a, b) => b.origin - a.origin);
  return { inOrder, held, late: inOrder.filter(({ origin }) => origin === 0) };
}

function releaseMs({ held, late }: Arrivals): number {
  const queue = new HoldBackQueue();
  for (const message of held) queue.offer(message);
  if (queue.heldCount !== held.length) throw new Error(`${queue.heldCount} of ${held.length} are held back`);
  const startedAtMs = performance.now();
  for (const message of late) queue.offer(message);
  const elapsedMs = performance.now() - startedAtMs;
  if (queue.heldCount !== 0) throw new Error(`${queue.heldCount} are still held back`);
  return elapsedMs;
}

function inOrderMs({ inOrder }: Arrivals): number {
  const queue = new HoldBackQueue();
  const startedAtMs = performance.now();
  for (const message of inOrder) queue.offer(message);
  const elapsedMs = performance.now() - startedAtMs;
  if (queue.heldCount !== 0) throw new Error(`${queue.heldCount} are held back`);
  return elapsedMs;
}

/** A list in order of arrival, looked through from the front until nothing in it is deliverable. */
function rescanMs({ held, late }: Arrivals): number {
  const released: number[] = [];
  const waiting = [...held];
  const isDeliverable = ({ origin, seq, changes }: Message): boolean => {
    if ((released[origin] ?? 0) !== seq - 1) return false;
    for (let index = 0; index < changes.length; index += 2) {
      if ((released[changes[index] ?? 0] ?? 0) < (changes[index + 1] ?? 0)) return false;
    }
    return true;
  };
  const startedAtMs = performance.now();
  for (const message of late) {
    waiting.push(message);
    for (let at = waiting.findIndex(isDeliverable); at >= 0; at = waiting.findIndex(isDeliverable)) {
      const [next] = waiting.splice(at, 1);
      if (next !== undefined) released[next.origin] = next.seq;
    }
  }
  const elapsedMs = performance.now() - startedAtMs;
  if (waiting.length > 0) throw new Error(`${waiting.length} are still held back`);
  return elapsedMs;
}
