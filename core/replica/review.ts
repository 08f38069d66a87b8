/**
 * Looks now and then at all that the members have said: what is stable, and what the journal may give up.
 *
 * That costs members times logs, so it is done at most every `probeMs`, and only when something has changed.
 */
import type { Knowledge, ReplicaOptions } from './knowledge.js';
import type { Running } from './running.js';
import { clockOf } from './status-of.js';

export class Review {
  readonly #options: ReplicaOptions;
  readonly #knowledge: Knowledge;
  #doneAtMs = -Infinity;
  /** More may have become superfluous in the journal. */
  #mayRelease = true;
  #releaseAddress = 0;

  constructor(options: ReplicaOptions, knowledge: Knowledge) {
    this.#options = options;
    this.#knowledge = knowledge;
  }

  /** Nothing that the journal holds in front of it is needed. */
  get releaseAddress(): number {
    return this.#releaseAddress;
  }

  /** Something has become durable. */
  noteDurable(): void {
    this.#mayRelease = true;
  }

  /** `endAddress`: where the journal ends. */
  maybeDo(running: Running, endAddress: number, nowMs: number): void {
    const { membership, outbox, stability } = this.#knowledge;
    if (!stability.isDirty && !this.#mayRelease) return;
    const dueMs = this.#doneAtMs + this.#options.timings.probeMs;
    if (nowMs < dueMs) {
      outbox.wakeBy(dueMs);
      return;
    }
    this.#doneAtMs = nowMs;
    // Who is added catches up with what we had applied when that was asked for: nothing more counts without it.
    if (stability.isDirty && !membership.isChanging) this.#advanceStability(running);
    this.#mayRelease = false;
    const { deliveries, pieces, retention } = this.#knowledge;
    if (retention === undefined || deliveries.hasSnapshot) return;
    if (!pieces.isEmpty) {
      // They lie somewhere in the journal.
      if (running.receiver.isNeeded) return;
      pieces.clear();
    }
    const address = retention.neededFrom(running.self, endAddress, nowMs);
    this.#releaseAddress = Math.min(address, running.pluto.neededFrom);
  }

  #advanceStability({ encoder, self }: Running): void {
    const { closedLogs, deliveries, logs, outbox, origins, peers, plutoPeers, stability, view } = this.#knowledge;
    const hasAdvanced = stability.advance({
      name: this.#options.name,
      own: self,
      ownSeq: encoder.lastSeq,
      view: view(),
      members: [...peers.keys(), ...plutoPeers.keys()],
      closedLogs: closedLogs.all,
      appliedSeq: (origin) => deliveries.appliedSeq(origin),
      receivedSeq: (origin) => logs.receivedSeq(origin),
    });
    if (!hasAdvanced) return;
    outbox.event({ type: 'stable', clock: clockOf(origins, (origin) => stability.stableSeq(origin)) });
  }
}
