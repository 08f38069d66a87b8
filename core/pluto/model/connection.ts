/**
 * How pluto v0.4 reaches a peer: `ReliableConnect` and `ReliableSend` of its package comm.
 *
 * Rules:
 * - A refused connection is tried again for ever, with the same wait each time: whoever is down is waited for. Any other failure
 *   ends the process.
 * - A message is a ping, a sleep of the whole timeout, and the message; there is no acknowledgement. The ping is what shows that a
 *   peer has gone *before* it. If the peer goes during the sleep, the write of the message succeeds, and the message is lost.
 * - A broken pipe at the message leads to a new connection and the message again, this time without ping; a reset ends the process.
 * - A connection is never closed.
 * Underneath, a connection that is not answered is asked for again by the system after 1, 2, 4, ... seconds, and given up after
 * six times: 127 s, as on Linux.
 */
import type { AntecedentError } from '../../errors.js';
import type { NodeName } from '../../names.js';
import type { Cancel, Clock, Links } from '../../ports.js';
import { plutoPing } from '../message.js';
import { answerOf, fatal, untilDone, type Steps } from './routines.js';
import { Stream, type StreamOptions } from './stream.js';
import { bytesOf } from './text.js';

export interface ConnectionOptions extends StreamOptions {
  readonly links: Links;
  /** Slept between ping and message. */
  readonly timeoutMs: number;
  /** Slept after a refused connection. */
  readonly retryMs: number;
  /** True for the failure of a dial to a machine that runs, on which nobody listens. */
  readonly isRefused: (error: AntecedentError) => boolean;
}

const firstSynRetryMs = 1000;
const synRetriesMax = 6;
const ping = bytesOf(`${plutoPing}\r\n`);

export function* sleep(clock: Clock, ms: number): Steps<void> {
  yield* untilDone((done) => void clock.wakeAt(clock.nowMs() + ms, done));
}

/** Ends when connected. Throws `E_UNREACHABLE`. */
export function* connect(peer: NodeName, options: ConnectionOptions): Steps<Stream> {
  for (;;) {
    const outcome = yield* answerOf<Stream | AntecedentError>((done) => new Dial(peer, options, done).begin());
    if (outcome instanceof Stream) return outcome;
    if (!options.isRefused(outcome)) {
      throw fatal(
        'E_UNREACHABLE',
        `it could not connect to ${peer} (${outcome.message}), and v0.4 tries again only what was refused`,
      );
    }
    yield* sleep(options.clock, options.retryMs);
  }
}

/** Ends when a system has taken the message. Throws `E_UNREACHABLE`. */
export function* send(peer: NodeName, line: string, stream: Stream, options: ConnectionOptions): Steps<void> {
  const pinged = stream.write(ping);
  if (pinged !== 'written') throw fatal('E_UNREACHABLE', `its ping to ${peer} failed (${pinged})`);
  yield* sleep(options.clock, options.timeoutMs);
  const message = bytesOf(`${line}\r\n`);
  let current = stream;
  for (let sent = current.write(message); sent !== 'written'; sent = current.write(message)) {
    if (sent === 'reset') {
      throw fatal(
        'E_UNREACHABLE',
        `its connection to ${peer} was reset before the message, and v0.4 knows only the broken pipe`,
      );
    }
    current = yield* connect(peer, options);
  }
}

/** One call of the system to connect. */
class Dial {
  readonly #peer: NodeName;
  readonly #options: ConnectionOptions;
  readonly #done: (outcome: Stream | AntecedentError) => void;
  #retries = 0;
  #cancelDial: Cancel | undefined;
  #cancelRetry: Cancel | undefined;

  constructor(peer: NodeName, options: ConnectionOptions, done: (outcome: Stream | AntecedentError) => void) {
    this.#peer = peer;
    this.#options = options;
    this.#done = done;
  }

  begin(): void {
    const { links, clock } = this.#options;
    this.#cancelDial = links.dial(
      this.#peer,
      (link) => {
        this.#cancelRetry?.();
        const stream = new Stream(link, this.#options);
        this.#done(stream);
        return stream;
      },
      (error) => {
        this.#cancelRetry?.();
        this.#done(error);
      },
    );
    this.#cancelRetry = clock.wakeAt(clock.nowMs() + firstSynRetryMs * 2 ** this.#retries, () => {
      this.#cancelDial?.();
      this.#retries += 1;
      if (this.#retries > synRetriesMax) this.#done(fatal('E_UNREACHABLE', 'connection timed out'));
      else this.begin();
    });
  }
}
