/** Messages for queues, which look at everything but the payload's content. */
import type { Message } from '../../../core/message/batch.js';

export function message(origin: number, seq: number, changes: readonly number[] = [], payloadLength = 1): Message {
  const payload = new Uint8Array(payloadLength);
  return { origin, seq, changes, dictionary: [], clock: [], payloadLength, payload, end: undefined };
}
