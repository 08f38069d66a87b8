/**
 * What happened, as a rolling hash, and on demand as the last lines for people.
 *
 * Invariants:
 * - Everything that happens is folded in: time, kind, nodes, a number, and of payloads the length and both ends. Two runs
 *   with one hash took the same course.
 * - Keeping lines changes nothing in the hash, and costs nothing when off.
 * 64 bits in two interleaved words, mixed by multiplication: a cryptographic hash would cost a third of the speed, and
 * nobody attacks a trace. The middle of a payload is left out for speed; it shows in its length, in its checksum at the
 * end if it has one, and in what the receiver does next.
 */
import type { NodeName } from '../core/index.js';

/**
 * Kinds of events, as numbers: looking a name up at every event would cost more than the event. New ones go to the end.
 */
export const traceKinds = {
  start: 1,
  crash: 2,
  powerLoss: 3,
  pause: 4,
  resume: 5,
  dial: 6,
  accept: 7,
  connect: 8,
  refuse: 9,
  bytes: 10,
  close: 11,
  drain: 12,
  timer: 13,
  listen: 14,
  list: 15,
  open: 16,
  rename: 17,
  remove: 18,
  syncDirectory: 19,
  size: 20,
  read: 21,
  write: 22,
  sync: 23,
  truncate: 24,
  closeFile: 25,
  action: 26,
  note: 27,
  partition: 28,
  block: 29,
  heal: 30,
  cut: 31,
  hold: 32,
  release: 33,
  profile: 34,
  exit: 35,
  phantomWrite: 36,
  misdirectedWrite: 37,
  rot: 38,
  stall: 39,
  goOn: 40,
  room: 41,
  crashPoint: 42,
  clockJump: 43,
  clockRate: 44,
  timersLate: 45,
} as const;

/** One kind of event in the trace. */
export type TraceKind = (typeof traceKinds)[keyof typeof traceKinds];

const kindNames: ReadonlyMap<number, string> = new Map(Object.entries(traceKinds).map(([name, kind]) => [kind, name]));

/** No node: an event of the world. */
export const nobody = -1;

export class Trace {
  readonly #names: NodeName[] = [];
  readonly #lines: string[] = [];
  readonly #linesMax: number;
  #oldest = 0;
  #first = 0x243f6a88;
  #second = 0x13198a2e;

  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  /** True when lines are kept, and building a text for `describe` is worth while. */
  get keepsLines(): boolean {
    return this.#linesMax > 0;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.#first, this.#second].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return [...this.#lines.slice(this.#oldest), ...this.#lines.slice(0, this.#oldest)];
  }

  /** Gives the next index, counted from 0, a name. */
  nameNode(name: NodeName): void {
    this.#names.push(name);
    this.#foldText(name);
  }

  /** Something happened at node `at`, caused by node `by`. */
  record(nowUs: number, kind: TraceKind, at: number, by: number, amount: number): void {
    this.#fold(nowUs, (kind << 20) ^ (Math.floor(nowUs / 0x1_0000_0000) & 0xfffff));
    this.#fold((at << 16) ^ (by & 0xffff), amount);
    if (this.#linesMax > 0) this.#keep(nowUs, `${this.#describeNodes(at, by)}${kindNames.get(kind) ?? ''} ${amount}`);
  }

  /** Bytes arrived at node `at` from node `by`. */
  recordBytes(nowUs: number, kind: TraceKind, at: number, by: number, bytes: Uint8Array): void {
    this.record(nowUs, kind, at, by, bytes.length);
    this.foldBytes(bytes);
  }

  /** Folds in both ends of `bytes`. */
  foldBytes(bytes: Uint8Array): void {
    const length = bytes.length;
    if (length >= 8) this.#fold(wordAt(bytes, 0), wordAt(bytes, length - 4));
    else for (const byte of bytes) this.#fold(byte, length);
  }

  /** As `record`, with a word and two numbers of any kind in place of the amount. */
  recordText(nowUs: number, kind: TraceKind, at: number, text: string, a: number, b: number): void {
    this.#fold(nowUs, (kind << 20) ^ (Math.floor(nowUs / 0x1_0000_0000) & 0xfffff));
    this.#fold(at, text.length);
    this.#foldText(text);
    this.#foldNumber(a);
    this.#foldNumber(b);
    if (this.#linesMax > 0) {
      this.#keep(nowUs, `${this.#describeNodes(at, nobody)}${kindNames.get(kind) ?? ''} ${text} ${a} ${b}`);
    }
  }

  /** Adds a line for people that is not part of the hash. */
  describe(nowUs: number, at: number, text: string): void {
    if (this.#linesMax > 0) this.#keep(nowUs, `${this.#describeNodes(at, nobody)}${text}`);
  }

  #fold(a: number, b: number): void {
    // Rounds in the manner of MurmurHash3 (Appleby, 2011), each word stirred by the other. Bit operations take numbers
    // modulo 2^32, so whole microseconds beyond that need not be cut first.
    let first = this.#first ^ Math.imul(a | 0, 0xcc9e2d51);
    let second = this.#second ^ Math.imul(b | 0, 0x1b873593);
    first = Math.imul((first << 15) | (first >>> 17), 0x85ebca6b) + second;
    second = Math.imul((second << 13) | (second >>> 19), 0xc2b2ae35) + first;
    this.#first = first ^ (first >>> 16);
    this.#second = second ^ (second >>> 15);
  }

  #foldNumber(value: number): void {
    const whole = Math.floor(value);
    this.#fold(whole, Math.floor(whole / 0x1_0000_0000));
    if (value !== whole) this.#fold((value - whole) * 0x1_0000_0000, 1);
  }

  #foldText(text: string): void {
    for (let index = 0; index < text.length; index += 2) {
      this.#fold(text.charCodeAt(index), index + 1 < text.length ? text.charCodeAt(index + 1) : -1);
    }
  }

  #describeNodes(at: number, by: number): string {
    if (at === nobody) return '';
    return by === nobody ? `${this.#names[at] ?? ''} ` : `${this.#names[at] ?? ''}<-${this.#names[by] ?? ''} `;
  }

  #keep(nowUs: number, text: string): void {
    const line = `${(nowUs / 1000).toFixed(3)}ms ${text}`;
    if (this.#lines.length < this.#linesMax) {
      this.#lines.push(line);
      return;
    }
    this.#lines[this.#oldest] = line;
    this.#oldest = (this.#oldest + 1) % this.#linesMax;
  }
}

function wordAt(bytes: Uint8Array, position: number): number {
  return (
    (bytes[position] as number) |
    ((bytes[position + 1] as number) << 8) |
    ((bytes[position + 2] as number) << 16) |
    ((bytes[position + 3] as number) << 24)
  );
}
