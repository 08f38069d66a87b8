/**
 * Counts what a replica keeps in memory, for `NodeStatus`: what grows with the load, with the journal, and with members times logs.
 *
 * Counted and not measured, so that the same run gives the same numbers everywhere. Left out are what is fixed or kept once
 * for each member, the numbers of broadcasts and deliveries that wait for a receipt or a mark, what waits in the links, and what the virtual machine adds to all of it.
 */
import type { NodeMemory } from '../status.js';
import type { Knowledge } from './knowledge.js';
import type { Running } from './running.js';
import type { Session } from './session.js';

const numberBytes = 8;
/** Of a position in a WELCOME: three numbers and a chain. */
const positionNumbers = 7;

export function memoryOf(knowledge: Knowledge, { donor, encoder, ownLog }: Running): NodeMemory {
  const { deliveries, logs, origins, peers, pieces, stability } = knowledge;
  let messageBytes = deliveries.undeliveredBytes + logs.waitingBytes + encoder.pendingMemory;
  messageBytes += ownLog.cachedBytes + pieces.bytes + deliveries.installedBytes + donor.keptBytes;
  for (let origin = 0; origin < origins.size; origin++) messageBytes += deliveries.heldBytes(origin);
  let numbers = stability.numbers + logs.numbers;
  for (const { session } of peers.values()) {
    if (session === undefined) continue;
    messageBytes += session.reader.partialBytes;
    numbers += numbersOf(session);
  }
  return { messageBytes, indexBytes: logs.indexBytes, tableBytes: numberBytes * numbers };
}

function numbersOf({ asked, gaps, givenUp, held, welcome }: Session): number {
  return 2 * held.size + 3 * gaps.size + asked.size + givenUp.size + positionNumbers * (welcome?.length ?? 0);
}
