/**
 * What causal order costs on the wire and on the disk: bytes of clock a message, as batches encode them, beside the same
 * clocks written in full.
 *
 * Every log is decoded again, and its clocks must come out as they went in: what is counted is what a reader needs.
 */
import { BatchEncoder } from '../core/message/batch-encoder.js';
import { Slab } from '../core/message/slab.js';
import { batchTrailerBytes } from '../core/message/batch.js';
import { varintLength } from '../core/message/bytes.js';
import { decodeBatch, decodeBatchHeader, emptyLogState, nodeName, type Digests, type Origin } from '../core/index.js';
import { simulatedDigests } from '../transport-sim/index.js';
import { formatFigure, type BenchResult } from './case.js';
import { makeHistory, type Broadcast, type Traffic } from './histories.js';

const payload: Uint8Array = new Uint8Array(100).fill(7);
const traffics: readonly Traffic[] = ['chatty', 'moderate', 'sparse'];
const memberCounts = [3, 10, 32, 100];
/** Messages of all members together. */
const messages = 100_000;
const digests: Digests = simulatedDigests;

/** Bytes of all messages of a history together. */
interface Bytes {
  clock: number;
  /** Everything in a frame but the payloads. */
  overhead: number;
  /** The clocks as pluto's text, and as plain varints in the order of the members, who need no names then. */
  text: number;
  binary: number;
}

export function benchClockBytes(): readonly BenchResult[] {
  return traffics.flatMap((traffic) => memberCounts.flatMap((members) => benchHistory(traffic, members)));
}

function benchHistory(traffic: Traffic, members: number): readonly BenchResult[] {
  const bytes = encodeHistory(makeHistory(traffic, members, messages), members);
  const [clock, overhead, text, binary] = [bytes.clock, bytes.overhead, bytes.text, bytes.binary].map(
    (sum) => sum / messages,
  ) as [number, number, number, number];
  const name = `${traffic}, ${members} members`;
  process.stderr.write(`  ${name}: ${formatFigure(clock)} bytes of clock\n`);
  return [
    {
      case: `clock: ${name}`,
      unit: 'B/message',
      ours: clock,
      peers: { 'full vector as text': text, 'full vector, binary': binary },
    },
    { case: `clock, header, chain, checksum, frame: ${name}`, unit: 'B/message', ours: overhead, peers: {} },
  ];
}

function encodeHistory(history: readonly Broadcast[], members: number): Bytes {
  const origins = Array.from({ length: members }, (_, member) => ({ name: nodeName(`n${member}`), incarnation: 1 }));
  const encoders = origins.map((self) => new LogUnderTest(self, origins));
  const bytes: Bytes = { clock: 0, overhead: 0, text: 0, binary: 0 };
  for (const broadcast of history) encoders[broadcast.origin]?.add(broadcast, bytes);
  for (const encoder of encoders) encoder.seal(bytes);
  return bytes;
}

/** One member's log: encodes, counts, and reads back. */
class LogUnderTest {
  readonly #self: Origin;
  readonly #origins: readonly Origin[];
  readonly #encoder: BatchEncoder;
  readonly #clock: number[];
  /** Clocks of the messages that are not sealed. */
  readonly #unsealed: (readonly number[])[] = [];
  #state = emptyLogState;

  constructor(self: Origin, origins: readonly Origin[]) {
    this.#self = self;
    this.#origins = origins;
    this.#clock = origins.map(() => 0);
    this.#encoder = new BatchEncoder({
      self,
      state: emptyLogState,
      origins: (index) => origins[index] ?? self,
      digests,
      slab: new Slab(),
      bytesTarget: 64 << 10,
    });
  }

  add({ origin, seq, changed, endsBatch }: Broadcast, bytes: Bytes): void {
    for (const [other, count] of changed) this.#clock[other] = count;
    this.#clock[origin] = seq;
    this.#unsealed.push(this.#clock.slice());
    bytes.binary += this.#clock.reduce((sum, count) => sum + varintLength(count), 0);
    bytes.text += this.#clock.map((count, other) => `${this.#origins[other]?.name ?? ''}:${count}`).join(';').length;
    this.#encoder.add(payload, changed);
    if (endsBatch) this.seal(bytes);
  }

  seal(bytes: Bytes): void {
    for (const { batch, frame, count } of this.#encoder.seal()) {
      const header = decodeBatchHeader(batch, digests);
      const payloads = count * payload.length;
      bytes.overhead += frame.length - payloads;
      bytes.clock +=
        batch.length - header.bodyStart - batchTrailerBytes - payloads - count * varintLength(payload.length);
      const resolve = (name: string): number => this.#origins.findIndex((origin) => origin.name === name);
      const { messages: decoded, next } = decodeBatch(batch, header, this.#state, resolve, digests);
      this.#state = next;
      for (const { seq, dictionary, clock } of decoded) this.#check(seq, dictionary, clock);
    }
  }

  #check(seq: number, dictionary: readonly number[], clock: readonly number[]): void {
    const wanted = this.#unsealed.shift() ?? [];
    const known = new Map(dictionary.map((origin, index) => [origin, clock[index] ?? 0]));
    wanted.forEach((count, other) => {
      const got = this.#origins[other] === this.#self ? seq : (known.get(other) ?? 0);
      if (got !== count) throw new Error(`${this.#self.name}:${seq} counts ${got} of member ${other}, not ${count}`);
    });
  }
}
