/**
 * The sending half of pluto v0.4: `Sender` of its package comm, routine by routine.
 *
 * Its durable steps, in this order:
 * - The application hands a payload over, and is told nothing more about it: the payload is written behind the log, which is synced.
 * - The first line of the log is sent: the receiver counts the next number and writes the file of the clock (not synced); every peer,
 *   one after the other, is connected to and sent the message; the rest of the log is written over its beginning, and the log is
 *   cut and synced.
 * A crash in between sends the same line again at the next start, under the next number: peers that had it apply it twice, and
 * those that had not wait for ever for the number that nobody was given. A peer that is down is waited for, and all others with it.
 */
import { assert } from '../../errors.js';
import type { NodeName } from '../../names.js';
import type { Disk, DiskFile, Random } from '../../ports.js';
import { connect, send, type ConnectionOptions } from './connection.js';
import { append, openOrCreate, readFrom, replaceFrom, sizeOf } from './file.js';
import { shuffled } from './receiver.js';
import { Channel, Lock, Signal, type Routines, type Steps } from './routines.js';
import { bytesOf, firstLineLength, formatMessage, textOf, trimSpace } from './text.js';

export interface SenderOptions extends ConnectionOptions {
  readonly name: NodeName;
  readonly peers: readonly NodeName[];
  readonly disk: Disk;
  readonly random: Random;
  readonly routines: Routines;
  /** Counts the next message of this node, and gives the clock to send with it. */
  readonly nextClock: () => Steps<ReadonlyMap<string, number>>;
}

export const sendingLogName = 'sending.log';

export class Sender {
  readonly #options: SenderOptions;
  readonly #lock = new Lock();
  readonly #payloads = new Channel<string>();
  readonly #inLog = new Signal();
  #file: DiskFile | undefined;
  /** Payloads taken and not yet in the log. */
  #taken = 0;
  /** Lines in the log, the one that is being sent included. */
  #lines = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Payloads that have not been sent to everybody. */
  get unsent(): number {
    return this.#payloads.length + this.#taken + this.#lines;
  }

  /** `InitSender`. */
  *start(): Steps<void> {
    this.#file = yield* openOrCreate(this.#options.disk, sendingLogName);
    this.#options.routines.start(this.#broker());
    this.#options.routines.start(this.#sendLogged());
    this.#inLog.put();
  }

  /** `taken` is called when the application may go on; that is before anything is written. */
  offer(payload: string, taken: () => void): void {
    this.#payloads.offer(payload, taken);
  }

  /** `BrokerMsgs`. */
  *#broker(): Steps<void> {
    for (;;) {
      const payload = yield* this.#payloads.take();
      this.#taken = 1;
      const line = payload.endsWith('\r\n') ? payload : `${payload}\r\n`;
      yield* this.#lock.acquire();
      yield* append(this.#log, [bytesOf(line)]);
      this.#taken = 0;
      this.#lines += 1;
      this.#lock.release();
      this.#inLog.put();
    }
  }

  /** `SendMsgs`. */
  *#sendLogged(): Steps<void> {
    for (;;) {
      yield* this.#inLog.take();
      yield* this.#lock.acquire();
      const size = yield* sizeOf(this.#log);
      if (size === 0) {
        this.#lines = 0;
        this.#lock.release();
        continue;
      }
      this.#lines = Math.max(this.#lines, 1);
      const bytes = yield* readFrom(this.#log, 0, size);
      const line = textOf(bytes.subarray(0, firstLineLength(bytes)));
      const message = yield* this.#messageOf(line);
      this.#lock.release();
      yield* this.#sendToAll(message);
      yield* this.#dropFirstLine();
      this.#inLog.put();
    }
  }

  *#messageOf(line: string): Steps<string> {
    const { name, random, nextClock } = this.#options;
    const clock = yield* nextClock();
    return formatMessage({ sender: name, clock: new Map(shuffled([...clock], random)), payload: trimSpace(line) });
  }

  /** In the random order in which Go walks a map. */
  *#sendToAll(message: string): Steps<void> {
    const { peers, random } = this.#options;
    for (const peer of shuffled(peers, random)) {
      const stream = yield* connect(peer, this.#options);
      yield* send(peer, message, stream, this.#options);
    }
  }

  *#dropFirstLine(): Steps<void> {
    yield* this.#lock.acquire();
    const bytes = yield* readFrom(this.#log, 0, yield* sizeOf(this.#log));
    yield* replaceFrom(this.#log, 0, bytes.subarray(firstLineLength(bytes)));
    this.#lines = Math.max(0, this.#lines - 1);
    this.#lock.release();
  }

  get #log(): DiskFile {
    assert(this.#file !== undefined, 'the sender opens its log before it uses it');
    return this.#file;
  }
}
