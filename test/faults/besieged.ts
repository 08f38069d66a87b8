/**
 * Node a between b, a member as it should be, and d, which has a link as good as b's and sends on it what a test likes.
 *
 * After each attack `expectUnharmed` looks at everything that must not have changed: the link to b, what a and b have said
 * so far, and what a finds in its journal when it starts again.
 */
import { expect } from 'vitest';
import type { Limits, Timings } from '../../core/index.js';
import { encodeBatchFrame, type EncodableFrame } from '../../core/message/frame.js';
import { connect, framesIn, ReplicaUnderTest, settle } from '../support/replicas.js';

export interface BesiegedOptions {
  readonly limits?: Partial<Limits>;
  readonly timings?: Partial<Timings>;
  /** Whether b fetches from a what d has sent to a alone. */
  readonly repair?: 'any-member' | 'origin-only';
}

const names = ['a', 'b', 'd'] as const;
const linkToB = 1;

export class Besieged {
  readonly a: ReplicaUnderTest;
  readonly b: ReplicaUnderTest;
  /** Shakes hands as a member should; what it would say afterwards stays where it is. */
  readonly d: ReplicaUnderTest;
  /** What a has delivered, in order. */
  readonly delivered: string[] = [];
  #linkToD = linkToB;
  #said = 0;

  constructor(options: BesiegedOptions = {}) {
    const [a, b, d] = names.map(
      (name, index) =>
        new ReplicaUnderTest({ name, peers: names.filter((other) => other !== name), nonce: index + 1, ...options }),
    );
    if (a === undefined || b === undefined || d === undefined) throw new Error('three names make three replicas');
    this.a = a;
    this.b = b;
    this.d = d;
    connect(a, b, linkToB);
    this.letIn();
    this.expectUnharmed();
  }

  /** Opens a link dialled by d and shakes hands on it. */
  letIn(): void {
    this.#linkToD++;
    connect(this.d, this.a, this.#linkToD);
    this.a.takeSent(this.#linkToD);
    this.a.events.length = 0;
  }

  /** Opens a link dialled by d, on which a alone has said HELLO. */
  letKnock(): void {
    this.#linkToD++;
    this.a.open(this.#linkToD, 'd', false);
    this.a.takeSent(this.#linkToD);
    this.a.events.length = 0;
  }

  get link(): number {
    return this.#linkToD;
  }

  /** d sends bytes. */
  attack(bytes: Uint8Array): void {
    this.a.receive(this.#linkToD, bytes);
  }

  /** The connection to d breaks. */
  cut(): void {
    this.a.replica.handleLinkClosed(this.#linkToD, 'cut', this.a.nowMs);
    this.a.step();
    this.d.replica.handleLinkClosed(this.#linkToD, 'cut', this.d.nowMs);
    this.d.step();
  }

  /** Code with which a has refused d on this link; undefined while it has not. */
  get refusal(): string | undefined {
    if (!this.a.isClosed(this.#linkToD)) return undefined;
    const last = this.a.takeSent(this.#linkToD).flatMap(framesIn).at(-1);
    return last?.type === 'goaway' ? last.code : undefined;
  }

  /** Takes what a would hand to its application; syncs what comes of it. */
  deliver(): readonly string[] {
    this.a.syncAll();
    const texts = this.a.deliver();
    this.a.syncAll();
    this.delivered.push(...texts);
    return texts;
  }

  /** Checks that a and b go on as if nothing had been, and that a has delivered nothing but `extra` besides what they say. */
  expectUnharmed(extra: readonly string[] = []): void {
    expect(this.deliver()).toEqual(extra);
    for (const one of [this.a, this.b]) {
      const text = `${one.name} ${++this.#said}`;
      const seq = one.broadcast(text, 2);
      one.syncAll();
      settle(this.a, this.b, linkToB);
      expect(this.deliver()).toEqual([text]);
      this.b.deliver();
      settle(this.a, this.b, linkToB);
      expect(one.receipts).toContain(seq);
    }
    expect(this.a.events.filter((event) => event.type === 'peer-down' && event.peer === 'b')).toEqual([]);
    expect(this.restarted().deliver()).toEqual(this.delivered);
    this.a.takeSent(this.#linkToD);
  }

  /** a, begun again from what its disk holds; its application remembers nothing. */
  restarted(): ReplicaUnderTest {
    const { name, journal } = this.a;
    return new ReplicaUnderTest({ name, peers: ['b', 'd'], nonce: 9, journal, position: 0 });
  }
}

/** What a member d broadcasts from its beginning, which the one in `Besieged` has not: one frame each. */
export function batchFramesOf(texts: readonly string[]): readonly Uint8Array[] {
  const twin = new ReplicaUnderTest({ name: 'd', peers: ['a', 'b'] });
  broadcastAll(twin, texts);
  return twin.journal.map(({ body }) => encodeBatchFrame(body));
}

/** Broadcasts and syncs messages one by one, each in a batch of its own. */
export function broadcastAll(from: ReplicaUnderTest, texts: readonly string[]): void {
  for (const text of texts) {
    from.broadcast(text);
    from.syncAll();
  }
}

/** d has synced what a has broadcast up to `seq`. */
export function ackFrame(seq: number): EncodableFrame {
  return { type: 'ack', seq, creditBytes: 1 << 20 };
}
