/** Section 1 of docs/FAULTS.md: streams that are cut, damaged, chopped, repeated and flooded. Rows W2, W4, W6, W7, W10, W17, W19. */
import { describe, expect, test } from 'vitest';
import { defaultTimings } from '../../core/index.js';
import { framesIn, ReplicaUnderTest, settle, connect } from '../support/replicas.js';
import { batchFramesOf, Besieged, broadcastAll } from './besieged.js';

/** Two members, each with messages that both must have in the end. */
class Session {
  readonly a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
  readonly b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
  readonly #delivered = { a: new Array<string>(), b: new Array<string>() };

  /** Runs until nothing moves, or until `from` has been heard `bytesMax` bytes of. Returns how many it was heard of. */
  run(from: 'a' | 'b', bytesMax: number): number {
    this.a.broadcast('a 1', 2);
    this.a.syncAll();
    this.a.open(1, 'b', true);
    this.b.open(1, 'a', false);
    let heard = 0;
    for (const step of ['handshake', 'b 1', 'a 2']) {
      if (step !== 'handshake') (step === 'b 1' ? this.b : this.a).broadcast(step, 2);
      for (let moved = true; moved && heard < bytesMax;) {
        moved = false;
        for (const [writer, reader] of [[this.a, this.b] as const, [this.b, this.a] as const]) {
          writer.syncAll();
          for (const bytes of writer.takeSent(1)) {
            const left = writer.name === from ? Math.max(bytesMax - heard, 0) : bytes.length;
            if (writer.name === from) heard += Math.min(left, bytes.length);
            if (left > 0) reader.receive(1, bytes.subarray(0, left));
            moved = true;
          }
        }
      }
      this.#deliver();
    }
    return heard;
  }

  /** Cuts the link; the two find each other again. */
  recover(): void {
    for (const one of [this.a, this.b]) {
      one.replica.handleLinkClosed(1, 'reset', one.nowMs);
      one.step();
      one.syncAll();
    }
    connect(this.a, this.b, 2);
    settle(this.a, this.b, 2);
    this.#deliver();
    settle(this.a, this.b, 2);
  }

  /** What each has delivered, sorted. */
  get delivered(): readonly (readonly string[])[] {
    return [this.#delivered.a.toSorted(), this.#delivered.b.toSorted()];
  }

  get receipts(): readonly (readonly number[])[] {
    return [this.a.receipts, this.b.receipts];
  }

  #deliver(): void {
    this.#delivered.a.push(...this.a.deliver());
    this.#delivered.b.push(...this.b.deliver());
  }
}

test.each(['a', 'b'] as const)(
  'W2: a link that is reset at any byte of what %s says loses nothing and doubles nothing',
  (from) => {
    const total = new Session().run(from, Infinity);
    expect(total).toBeGreaterThan(100);
    for (let bytes = 0; bytes <= total; bytes++) {
      const session = new Session();
      expect(session.run(from, bytes)).toBe(bytes);
      session.recover();
      const all = ['a 1', 'a 2', 'b 1'];
      expect(session.delivered, `after ${bytes} bytes`).toEqual([all, all]);
      expect(session.receipts, `after ${bytes} bytes`).toEqual([[1, 2], [1]]);
    }
  },
);

describe('W4: a byte a second', () => {
  function dribble(besieged: Besieged, bytes: Uint8Array): number {
    for (const byte of bytes) {
      besieged.a.wake(besieged.a.nowMs + 1000);
      if (besieged.a.isClosed(besieged.link)) return besieged.a.nowMs;
      besieged.attack(Uint8Array.of(byte));
    }
    return Infinity;
  }

  test('W4: of HELLO is cut off at the deadline of the handshake', () => {
    const besieged = new Besieged();
    besieged.cut();
    besieged.letKnock();
    besieged.d.open(99, 'a', true);
    const [hello] = besieged.d.takeSent(99);
    expect(dribble(besieged, hello ?? new Uint8Array())).toBe(defaultTimings.handshakeMs);
    expect(besieged.refusal).toBe('E_TIMEOUT');
    expect(besieged.a.events).toContainEqual(
      expect.objectContaining({ type: 'refused', peer: 'd', code: 'E_TIMEOUT' }),
    );
  });

  test('W4: of a batch is cut off when it has been silence for too long, and the batch comes whole later', () => {
    const besieged = new Besieged();
    const [bytes = new Uint8Array()] = batchFramesOf(['x'.repeat(200)]);
    expect(dribble(besieged, bytes)).toBe(defaultTimings.deadMs);
    expect(besieged.refusal).toBe('E_TIMEOUT');
    expect(besieged.deliver()).toEqual([]);
    besieged.letIn();
    besieged.attack(bytes);
    expect(besieged.deliver()).toEqual(['x'.repeat(200)]);
  });
});

test('W6: a frame that is cut at any byte is told as such, delivers nothing, and comes whole over the next link', () => {
  const besieged = new Besieged();
  const [bytes = new Uint8Array()] = batchFramesOf(['whole']);
  for (let length = 1; length < bytes.length; length++) {
    besieged.attack(bytes.subarray(0, length));
    besieged.cut();
    expect(besieged.a.events, `after ${length} bytes`).toContainEqual(
      expect.objectContaining({ type: 'peer-down', reason: expect.stringContaining('E_FRAME_TRUNCATED') as unknown }),
    );
    expect(besieged.deliver()).toEqual([]);
    besieged.letIn();
  }
  besieged.attack(bytes);
  besieged.expectUnharmed(['whole']);
});

test('W7: no flipped bit of a frame, its length included, is ever taken for what it is not', () => {
  const besieged = new Besieged();
  const [bytes = new Uint8Array(), next = new Uint8Array()] = batchFramesOf(['right', 'next']);
  let refused = 0;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    besieged.attack(damaged);
    besieged.attack(next);
    if (besieged.a.isClosed(besieged.link)) refused++;
    expect([bit, besieged.a.unsynced]).toEqual([bit, 0]);
    besieged.cut();
    besieged.letIn();
  }
  // Where the length grew, the frame is waited for until the link is dead.
  expect(refused).toBeGreaterThanOrEqual(bytes.length * 8 - 8);
  for (const frame of [bytes, next]) besieged.attack(frame);
  besieged.expectUnharmed(['right', 'next']);
});

describe('W10: how a stream is chopped does not matter', () => {
  test('W10: 10,000 frames in one piece', () => {
    const besieged = new Besieged({ repair: 'origin-only' });
    const texts = Array.from({ length: 10_000 }, (_, index) => `${index}`);
    besieged.attack(Buffer.concat(batchFramesOf(texts)));
    besieged.expectUnharmed(texts);
  });

  test('W10: one frame in 10,000 pieces', () => {
    const besieged = new Besieged();
    const text = 'x'.repeat(10_000);
    for (const byte of Buffer.concat(batchFramesOf([text]))) besieged.attack(Uint8Array.of(byte));
    besieged.expectUnharmed([text]);
  });
});

describe('W17: a recorded session', () => {
  /** Everything that d says to a, from HELLO on. */
  function record(besieged: Besieged): readonly Uint8Array[] {
    const { a, d } = besieged;
    const link = 500;
    const said: Uint8Array[] = [];
    d.open(link, 'a', true);
    a.open(link, 'd', false);
    for (let moved = true; moved;) {
      const [fromD, fromA] = [d.takeSent(link), a.takeSent(link)];
      moved = fromD.length + fromA.length > 0;
      for (const bytes of fromD) a.receive(link, bytes);
      for (const bytes of fromA) d.receive(link, bytes);
      said.push(...fromD);
      a.syncAll();
    }
    return said;
  }

  function replay(target: ReplicaUnderTest, link: number, said: readonly Uint8Array[]): void {
    target.open(link, 'd', false);
    for (const bytes of said) target.receive(link, bytes);
  }

  test('W17: that is played again and again brings no message twice, and leaves nothing behind', () => {
    const besieged = new Besieged();
    const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
    besieged.cut();
    broadcastAll(besieged.d, texts);
    const said = record(besieged);
    expect(besieged.deliver()).toEqual(texts);
    besieged.expectUnharmed();
    const { a } = besieged;
    for (let round = 0; round < 200; round++) {
      replay(a, 1000 + round, said);
      expect(a.unsynced).toBe(0);
      // Its own link of before, or the one of the replay: one of the two is given up, and with it everything about it.
      expect(a.events.splice(0).length).toBeLessThan(10);
      a.actions.length = 0;
    }
    expect(besieged.deliver()).toEqual([]);
    besieged.expectUnharmed();
  });

  test('W17: that is played to a process which has been started since is refused', () => {
    const besieged = new Besieged();
    besieged.cut();
    broadcastAll(besieged.d, ['once']);
    const said = record(besieged);
    expect(besieged.deliver()).toEqual(['once']);
    const again = besieged.restarted();
    replay(again, 1, said);
    expect(again.takeSent(1).flatMap(framesIn).at(-1)).toMatchObject({ type: 'goaway', code: 'E_STATE' });
    expect(again.unsynced).toBe(0);
    expect(again.deliver()).toEqual(besieged.delivered);
  });
});

test('W19: a flood behind a gap is asked for once, kept nowhere, wakes nobody, and comes when the gap is filled', () => {
  const besieged = new Besieged({ repair: 'origin-only' });
  const { a, link } = besieged;
  const texts = Array.from({ length: 10_000 }, (_, index) => `${index}`);
  const frames = batchFramesOf(texts);
  const records = a.journal.length;
  for (const bytes of frames.slice(1)) besieged.attack(bytes);
  expect(a.takeFrames(link).filter(({ type }) => type === 'want')).toHaveLength(1);
  expect([a.unsynced, a.journal.length]).toEqual([0, records]);
  expect(a.wakeAtMs ?? Infinity).toBeGreaterThan(a.nowMs);
  expect(a.isClosed(link)).toBe(false);
  besieged.expectUnharmed();
  for (const bytes of frames) besieged.attack(bytes);
  besieged.expectUnharmed(texts);
});
