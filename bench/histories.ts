/**
 * Who broadcasts when, and what it had delivered by then: histories for what depends on clocks alone. Each is the same in
 * every run.
 *
 * In every kind of traffic a member has delivered everything that exists when it broadcasts, message by message: nobody falls
 * behind, and clocks change as often as they can. (Messages that arrive in one batch change a clock only once.)
 */
import { randomStream, type RandomStream } from '../transport-sim/random.js';

/**
 * - `chatty`: all members write all the time, in turns of random order, and hear all others before each message. The worst
 *   case for clocks: every message names every other member.
 * - `moderate`: a conversation of a few members; now and then one leaves it and another takes its place, until all have
 *   taken part many times. Each message follows the messages of a few others; 1 to 16 make a batch.
 * - `sparse`: a tenth of the members write, one message at a time, in random order.
 */
export type Traffic = 'chatty' | 'moderate' | 'sparse';

export interface Broadcast {
  readonly origin: number;
  readonly seq: number;
  /** Delivered by the origin since its last broadcast: the new seqs, by origin, in ascending order. */
  readonly changed: ReadonlyMap<number, number>;
  /** True for the last message of a batch. */
  readonly endsBatch: boolean;
}

/** Members that take part in a moderate conversation at a time. */
const talkersMax = 4;
/** Messages that one of them broadcasts before it leaves, on average. */
const stayMessages = 200;
const batchMax = 16;

/** A history of `count` broadcasts by `members` members; member 0 makes the first. */
export function makeHistory(traffic: Traffic, members: number, count: number): readonly Broadcast[] {
  const random = randomStream('histories', `${traffic} ${members}`);
  const writers = writersOf[traffic](members, random);
  const seqs = Array.from({ length: members }, () => 0);
  const named = Array.from({ length: members }, () => Array.from({ length: members }, () => 0));
  /** Messages that the open batch of a member has still room for. */
  const left = Array.from({ length: members }, () => 0);
  const history: Broadcast[] = [];
  while (history.length < count) {
    const origin = history.length === 0 ? 0 : writers.next().value;
    const known = named[origin] ?? [];
    const changed = new Map<number, number>();
    seqs.forEach((seq, other) => {
      if (other === origin || seq === known[other]) return;
      changed.set(other, seq);
      known[other] = seq;
    });
    const seq = (seqs[origin] ?? 0) + 1;
    seqs[origin] = seq;
    const open = left[origin] ?? 0;
    const rest = (open > 0 ? open : traffic === 'moderate' ? random.between(1, batchMax) : 1) - 1;
    left[origin] = rest;
    history.push({ origin, seq, changed, endsBatch: rest === 0 });
  }
  return history;
}

type Writers = Generator<number, never, undefined>;

const writersOf: Readonly<Record<Traffic, (members: number, random: RandomStream) => Writers>> = {
  *chatty(members, random) {
    const all = Array.from({ length: members }, (_, member) => member);
    // The first turn is not shuffled, so that member 0 comes first.
    yield* all.slice(1);
    for (;;) yield* random.shuffle(all);
  },
  *moderate(members, random) {
    const order = random.shuffle(Array.from({ length: members }, (_, member) => member));
    const talkers = order.splice(0, talkersMax);
    for (;;) {
      const place = random.below(talkers.length);
      const talker = talkers[place] ?? 0;
      yield talker;
      const next = random.below(stayMessages) === 0 ? order.shift() : undefined;
      if (next === undefined) continue;
      talkers[place] = next;
      order.push(talker);
    }
  },
  *sparse(members, random) {
    const writers = Math.max(2, Math.round(members / 10));
    for (;;) yield random.below(writers);
  },
};
