/** Makes checkpoints of what a replica knows, and begins with one. */
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import type { Knowledge } from './knowledge.js';
import type { LineBegun } from './line-begun.js';
import type { Members } from './members.js';

/** What is durable here, for the journal to begin with. Not while deliveries of an earlier life come from the disk. */
export function checkpointOf({ deliveries, logs, membership, origins, plutoPeers }: Knowledge): Uint8Array {
  const all = Array.from({ length: origins.size }, (_, origin) => origin);
  const held = deliveries.filingOrder;
  const order = [...all.filter((origin) => !held.includes(origin)), ...held];
  const states = order.map((origin) => ({ origin, ...deliveries.heldLog(origin), state: logs.durableState(origin) }));
  const { releasedPosition: position, skipped } = deliveries;
  const begun = [...plutoPeers.values()].flatMap(({ name, begunSeq }) =>
    begunSeq === 0 ? [] : { peer: name, seq: begunSeq },
  );
  return encodeCheckpoint({ position, skipped, members: membership.changes, logs: states, begun }, all.map(origins.at));
}

/** Begins behind a checkpoint. Throws `RemoteProtocolError` for what is none, and what `Deliveries.restoreCheckpoint` throws. */
export function restoreCheckpoint(
  body: Uint8Array,
  knowledge: Knowledge,
  members: Pick<Members, 'restore'>,
  hasSnapshots: boolean,
): void {
  const { deliveries, logs, origins } = knowledge;
  const checkpoint = decodeCheckpoint(body, (changes) => members.restore(changes), origins.resolve);
  for (const { origin, state } of checkpoint.logs) logs.startAt(origin, state);
  deliveries.restoreCheckpoint(checkpoint.position, checkpoint.skipped, checkpoint.logs, hasSnapshots);
  deliveries.restoreStored();
  for (const begun of checkpoint.begun) restoreLineBegun(begun, knowledge);
}

/** A message may have been sent to a peer, which may be none any more. */
export function restoreLineBegun({ peer: name, seq }: LineBegun, { plutoPeers }: Knowledge): void {
  const peer = plutoPeers.get(name);
  if (peer !== undefined) peer.begunSeq = seq;
}
