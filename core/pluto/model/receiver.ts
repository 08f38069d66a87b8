/**
 * The receiving half of pluto v0.4: `Receiver` of its package comm, routine by routine.
 *
 * Its durable steps, in this order:
 * - A message comes: its line is written behind the log, then its line end, then the log is synced.
 * - A message is due: the application applies it; the file of the clock is overwritten in place and not synced; the rest of the log
 *   is written over the line, the log is cut and synced.
 * - The sender wants the next number: it is counted, and the file of the clock is overwritten in place and not synced.
 * One lock covers the log and the clock, and is held while the application applies.
 *
 * Delivery rule: the entry of the sender is the local one (a duplicate: its line is dropped) or the next one (it is applied), and no
 * other entry is ahead of the local one. Every other line stays in the log and is looked at again, and again, without a pause: one
 * that waits for its cause, and just so an older duplicate and one behind a gap, for which nothing will ever come.
 *
 * A process of v0.4 that looks for ever takes all of a core. Here a look at the whole log takes at least a millisecond, and is not
 * repeated in earnest while neither log nor clock has changed: it would find the same.
 */
import { assert, type AntecedentError } from '../../errors.js';
import type { NodeName } from '../../names.js';
import type { Clock, Disk, DiskFile, Random } from '../../ports.js';
import { plutoPing } from '../message.js';
import { sleep } from './connection.js';
import { append, openOrCreate, overwriteUnsynced, readFrom, replaceFrom, sizeOf } from './file.js';
import { answerOf, fatal, Lock, Signal, type Routines, type Steps } from './routines.js';
import type { Stream } from './stream.js';
import {
  bytesOf,
  firstLineLength,
  formatClock,
  parseClockFile,
  parseMessage,
  textOf,
  trimLineEnd,
  type TextMessage,
} from './text.js';

export interface ReceiverOptions {
  readonly name: NodeName;
  readonly peers: readonly NodeName[];
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly routines: Routines;
  /** The application is given a message, and says when it has applied it, or why it cannot. */
  readonly apply: (message: TextMessage, done: (error: AntecedentError | undefined) => void) => void;
}

/** What the rule makes of a message: apply it, drop its line as that of a duplicate, or look at it again later. */
export type DeliveryVerdict = 'apply' | 'drop' | 'wait';

export const receivingLogName = 'receiving.log';
export const clockFileName = 'vclock.log';

const pokeEveryMs = 5000;
const roundMs = 1;
const lineEnd = bytesOf('\n');

/** The delivery rule of v0.4. An absent entry counts as 0. */
export function judgeDelivery({ sender, clock }: TextMessage, local: ReadonlyMap<string, number>): DeliveryVerdict {
  const before = local.get(sender) ?? 0;
  const own = clock.get(sender) ?? 0;
  if (own !== before && own !== before + 1) return 'wait';
  for (const [name, value] of clock) if (name !== sender && value > (local.get(name) ?? 0)) return 'wait';
  return own === before ? 'drop' : 'apply';
}

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #lock = new Lock();
  readonly #inLog = new Signal();
  readonly #vclock = new Map<string, number>();
  #files: { readonly log: DiskFile; readonly clock: DiskFile } | undefined;
  /** Where the next look into the log begins. */
  #position = 0;
  /** Counts what could make a line due that was not: lines stored, and changes of the clock. */
  #changes = 0;
  /** What it was when the present look at the whole log began, and whether a line was due since. */
  #roundChanges = -1;
  #wasLineDue = false;
  /** Looks at a whole log in which nothing was due and nothing new had come. */
  #vainRounds = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** True while it looks again and again at lines for which nothing new has come. */
  get isSpinning(): boolean {
    return this.#vainRounds > 1;
  }

  /** `InitReceiver`: opens the files, reads the clock, starts the routines. */
  *start(): Steps<void> {
    const { name, peers, disk, clock, routines } = this.#options;
    const log = yield* openOrCreate(disk, receivingLogName);
    for (const node of [...peers, name]) this.#vclock.set(node, 0);
    const clockFile = yield* openOrCreate(disk, clockFileName);
    this.#files = { log, clock: clockFile };
    const stored = textOf(yield* readFrom(clockFile, 0, yield* sizeOf(clockFile)));
    for (const [node, value] of parseClockFile(stored)) this.#vclock.set(node, value);
    routines.start(this.#applyStored());
    this.#inLog.put();
    routines.start(this.#poke(clock));
  }

  /** `IncVClockEntry`: the clock of the next message of this node. */
  *nextClock(): Steps<ReadonlyMap<string, number>> {
    const { name } = this.#options;
    yield* this.#lock.acquire();
    this.#vclock.set(name, (this.#vclock.get(name) ?? 0) + 1);
    this.#changes += 1;
    const clock = new Map(this.#vclock);
    yield* this.#saveClock();
    this.#lock.release();
    return clock;
  }

  /** `StoreIncMsgs`: stores the first line of a connection that is no ping. What follows it is never read. */
  *store(stream: Stream): Steps<void> {
    let line = plutoPing;
    while (line === plutoPing) {
      const reading = yield* stream.readLine();
      if (reading.end === 'closed') return;
      if (reading.end !== undefined) {
        throw fatal('E_UNREACHABLE', 'a peer reset its connection before its message came, and v0.4 cannot read on');
      }
      line = trimLineEnd(reading.line);
    }
    yield* this.#lock.acquire();
    yield* append(this.#log, [bytesOf(line), lineEnd]);
    this.#changes += 1;
    this.#lock.release();
    this.#inLog.put();
  }

  /** `TriggerMsgApplier`. */
  *#poke(clock: Clock): Steps<void> {
    for (;;) {
      yield* sleep(clock, pokeEveryMs);
      this.#inLog.put();
    }
  }

  /** `ApplyStoredMsgs`. */
  *#applyStored(): Steps<void> {
    for (;;) {
      yield* this.#inLog.take();
      yield* this.#lock.acquire();
      const size = yield* sizeOf(this.#log);
      if (size === 0) {
        this.#vainRounds = 0;
        this.#lock.release();
      } else if (size <= this.#position) {
        this.#position = 0;
        this.#lock.release();
        yield* this.#endRound();
        this.#inLog.put();
      } else {
        if (this.#position === 0) this.#beginRound();
        yield* this.#applyLine(size);
        this.#lock.release();
        this.#inLog.put();
      }
    }
  }

  *#applyLine(size: number): Steps<void> {
    const bytes = yield* readFrom(this.#log, this.#position, size);
    const length = firstLineLength(bytes);
    const message = parseMessage(textOf(bytes.subarray(0, length)));
    const verdict = judgeDelivery(message, this.#vclock);
    if (verdict === 'wait') {
      this.#position += length;
      return;
    }
    this.#wasLineDue = true;
    if (verdict === 'apply') yield* this.#apply(message);
    for (const [node, value] of message.clock) {
      if (value > (this.#vclock.get(node) ?? 0)) this.#vclock.set(node, value);
    }
    this.#changes += 1;
    yield* this.#saveClock();
    yield* replaceFrom(this.#log, this.#position, bytes.subarray(length));
    this.#position = 0;
  }

  *#apply(message: TextMessage): Steps<void> {
    const error = yield* answerOf<AntecedentError | undefined>((done) => this.#options.apply(message, done));
    if (error !== undefined) throw error;
  }

  #beginRound(): void {
    this.#roundChanges = this.#changes;
    this.#wasLineDue = false;
  }

  /** The end of the log was reached: the next look begins in front. */
  *#endRound(): Steps<void> {
    if (this.#wasLineDue || this.#roundChanges !== this.#changes) {
      this.#vainRounds = 0;
      yield* sleep(this.#options.clock, roundMs);
      return;
    }
    do {
      this.#vainRounds += 1;
      yield* sleep(this.#options.clock, roundMs);
    } while (this.#roundChanges === this.#changes);
  }

  /** `SaveVClockEntries`: in the random order in which Go walks a map. */
  *#saveClock(): Steps<void> {
    const entries = shuffled([...this.#vclock], this.#options.random);
    yield* overwriteUnsynced(this.#opened.clock, bytesOf(formatClock(entries)));
  }

  get #log(): DiskFile {
    return this.#opened.log;
  }

  get #opened(): { readonly log: DiskFile; readonly clock: DiskFile } {
    assert(this.#files !== undefined, 'the receiver opens its files before it uses them');
    return this.#files;
  }
}

/** The items in a random order, each equally likely (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const left = [...items];
  const order: T[] = [];
  while (left.length > 0) order.push(...left.splice(random.nextUint32() % left.length, 1));
  return order;
}
