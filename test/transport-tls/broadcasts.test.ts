import { describe, expect, test } from 'vitest';
import { AntecedentError, nodeName, type Durability, type Receipt, type Result } from '../../core/index.js';
import { Broadcasts } from '../../transport-tls/broadcasts.js';
import { ManualClock } from './manual-clock.js';

/** A node that takes as many broadcasts as it has room for. */
class FakeNode {
  room = Infinity;
  /** Why the disk takes no writes. */
  trouble: AntecedentError | undefined;
  readonly taken: number[][] = [];
  readonly #accepts: ((result: Result<Receipt>) => void)[] = [];

  broadcast(payload: Uint8Array, _durable: Durability, accepted: (result: Result<Receipt>) => void): Receipt {
    if (this.trouble !== undefined) throw this.trouble;
    if (this.room === 0) throw new AntecedentError('E_BACKPRESSURE', 'full');
    if (payload.length > 100) throw new AntecedentError('E_MESSAGE_TOO_LARGE', 'too large');
    this.room -= 1;
    this.taken.push([...payload]);
    this.#accepts.push(accepted);
    return receipt(this.taken.length);
  }

  accept(index: number, error?: AntecedentError): void {
    this.#accepts[index]?.(error === undefined ? { error, value: receipt(index + 1) } : { error });
  }
}

function receipt(seq: number): Receipt {
  return { origin: nodeName('a'), incarnation: 1, seq };
}

function setUp(waitingBytesMax = 1000): {
  readonly node: FakeNode;
  readonly clock: ManualClock;
  readonly broadcasts: Broadcasts;
} {
  const node = new FakeNode();
  const clock = new ManualClock();
  return { node, clock, broadcasts: new Broadcasts(node, clock, waitingBytesMax) };
}

const byte = (value: number): Uint8Array => Uint8Array.of(value);

describe('a broadcast', () => {
  test('resolves with its receipt once accepted', async () => {
    const { node, broadcasts } = setUp();
    const promise = broadcasts.broadcast(byte(1), 'here', undefined);
    node.accept(0);
    expect(await promise).toEqual(receipt(1));
  });

  test('rejects with what the node says', async () => {
    const { node, broadcasts } = setUp();
    await expect(broadcasts.broadcast(new Uint8Array(101), 'here', undefined)).rejects.toMatchObject({
      code: 'E_MESSAGE_TOO_LARGE',
    });
    const promise = broadcasts.broadcast(byte(1), 'here', undefined);
    node.accept(0, new AntecedentError('E_STORAGE', 'gone'));
    await expect(promise).rejects.toMatchObject({ code: 'E_STORAGE' });
  });

  test.each([['text'], [[1, 2]], [new Uint16Array(1)], [undefined], [new ArrayBuffer(1)]])(
    'of %j is refused',
    async (payload) => {
      const { broadcasts } = setUp();
      await expect(broadcasts.broadcast(payload as never, 'here', undefined)).rejects.toMatchObject({
        code: 'E_PAYLOAD',
      });
    },
  );

  test('waits while the node is full, and keeps the order of the calls', async () => {
    const { node, clock, broadcasts } = setUp();
    node.room = 1;
    const all = [1, 2, 3].map((value) => broadcasts.broadcast(byte(value), 'here', undefined));
    expect(node.taken).toEqual([[1]]);
    node.room = 1;
    clock.advance(1000);
    expect(node.taken).toEqual([[1], [2]]);
    // Room again, but 3 is ahead of 4.
    node.room = 1;
    all.push(broadcasts.broadcast(byte(4), 'here', undefined));
    expect(node.taken).toEqual([[1], [2]]);
    node.room = 2;
    node.accept(0);
    expect(node.taken).toEqual([[1], [2], [3], [4]]);
    for (const index of [1, 2, 3]) node.accept(index);
    expect((await Promise.all(all)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });

  /** As many as may wait for the disk, accepted in any order later. */
  async function filled(): Promise<ReturnType<typeof setUp>> {
    const rig = setUp();
    let sent = 0;
    for (; sent < 20_000; sent++) {
      const room = rig.broadcasts.room();
      if ((await Promise.race([room, Promise.resolve('none')])) === 'none') break;
      rig.broadcasts.broadcast(byte(1), 'here', undefined).catch(() => undefined);
    }
    expect(sent).toBe(16_384);
    return rig;
  }

  test('that asks for room waits while 16,384 are under way, until half of them are answered', async () => {
    const { node, broadcasts } = await filled();
    let hasRoom = false;
    void broadcasts.room().then(() => (hasRoom = true));
    for (let index = 0; index < 8_191; index++) node.accept(index);
    await Promise.resolve();
    expect(hasRoom).toBe(false);
    node.accept(8_191);
    await Promise.resolve();
    expect(hasRoom).toBe(true);
  });

  test('is refused at once while the disk takes no writes, however many are under way, and has room to be', async () => {
    const { node, broadcasts } = await filled();
    const waiting = broadcasts.broadcast(byte(2), 'here', undefined);
    const room = broadcasts.room();
    node.trouble = new AntecedentError('E_DISK_FULL', 'no space');
    broadcasts.handleStorage(true);
    await expect(waiting).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    await room;
    await broadcasts.room();
    await expect(broadcasts.broadcast(byte(3), 'here', undefined)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    node.trouble = undefined;
    broadcasts.handleStorage(false);
    for (let index = 0; index < 16_384; index++) node.accept(index);
    const taken = broadcasts.broadcast(byte(4), 'here', undefined);
    node.accept(16_384);
    expect(await taken).toEqual(receipt(16_385));
  });

  test('that waits is a copy of what it was at the call', () => {
    const { node, clock, broadcasts } = setUp();
    node.room = 0;
    const payload = byte(1);
    void broadcasts.broadcast(payload, 'here', undefined);
    payload[0] = 9;
    node.room = 1;
    clock.advance(1000);
    expect(node.taken).toEqual([[1]]);
  });

  test('is refused when too many bytes are waiting already', async () => {
    const { node, broadcasts } = setUp(50);
    node.room = 0;
    void broadcasts.broadcast(new Uint8Array(40), 'here', undefined);
    await expect(broadcasts.broadcast(new Uint8Array(20), 'here', undefined)).rejects.toMatchObject({
      code: 'E_BACKPRESSURE',
    });
  });

  test('without a byte counts all the same: so many wait for the disk, as many more for room, and the rest is refused', async () => {
    const { node, broadcasts } = setUp();
    const most = 16_384;
    const all = Array.from({ length: 2 * most + 2 }, () => broadcasts.broadcast(new Uint8Array(), 'here', undefined));
    for (const outcome of await Promise.allSettled(all.slice(2 * most))) {
      expect(outcome).toMatchObject({ reason: { code: 'E_BACKPRESSURE' } });
    }
    expect(node.taken).toHaveLength(most);
    node.accept(0);
    expect(await all[0]).toEqual(receipt(1));
    expect(node.taken).toHaveLength(most + 1);
    void broadcasts.broadcast(new Uint8Array(), 'here', undefined);
    await expect(broadcasts.broadcast(new Uint8Array(), 'here', undefined)).rejects.toMatchObject({
      code: 'E_BACKPRESSURE',
    });
  });

  test('that waits for the disks of others takes no place from those that wait for ours', () => {
    const { node, broadcasts } = setUp();
    for (let count = 0; count < 20_000; count++) void broadcasts.broadcast(new Uint8Array(), 'all', undefined);
    expect(node.taken).toHaveLength(20_000);
  });

  test('that is aborted while it waits is never broadcast', async () => {
    const { node, clock, broadcasts } = setUp();
    node.room = 0;
    const abort = new AbortController();
    const first = broadcasts.broadcast(byte(1), 'here', abort.signal);
    void broadcasts.broadcast(byte(2), 'here', undefined);
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    node.room = 2;
    clock.advance(1000);
    expect(node.taken).toEqual([[2]]);
  });

  test('that is aborted after it was taken rejects, and its acceptance is ignored', async () => {
    const { node, broadcasts } = setUp();
    const abort = new AbortController();
    const promise = broadcasts.broadcast(byte(1), 'all', abort.signal);
    abort.abort(new Error('enough'));
    await expect(promise).rejects.toThrow('enough');
    node.accept(0);
    await expect(broadcasts.broadcast(byte(2), 'here', abort.signal)).rejects.toThrow('enough');
    expect(node.taken).toEqual([[1]]);
  });

  test('is refused while the disk is full, and taken again when there is room', async () => {
    const { node, broadcasts } = setUp();
    const before = broadcasts.broadcast(byte(1), 'here', undefined);
    node.trouble = new AntecedentError('E_DISK_FULL', 'no room');
    await expect(broadcasts.broadcast(byte(2), 'here', undefined)).rejects.toBe(node.trouble);
    node.trouble = undefined;
    const after = broadcasts.broadcast(byte(3), 'here', undefined);
    node.accept(0);
    node.accept(1);
    expect((await Promise.all([before, after])).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(node.taken).toEqual([[1], [3]]);
  });

  test('that waits when the disk fills up is refused like those that come later, and none overtakes another', async () => {
    const { node, clock, broadcasts } = setUp();
    node.room = 0;
    const waiting = [1, 2, 3].map((value) => broadcasts.broadcast(byte(value), 'here', undefined));
    const outcomes = Promise.allSettled(waiting);
    node.trouble = new AntecedentError('E_DISK_FULL', 'no room');
    clock.advance(1000);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'E_DISK_FULL' } });
    await broadcasts.room();
    expect(clock.pending).toBe(0);
    node.trouble = undefined;
    node.room = Infinity;
    void broadcasts.broadcast(byte(4), 'here', undefined);
    expect(node.taken).toEqual([[4]]);
  });

  test('rejects when the node ends before, and ever after', async () => {
    const { node, clock, broadcasts } = setUp();
    node.room = 0;
    const waiting = broadcasts.broadcast(byte(1), 'here', undefined);
    broadcasts.end(new AntecedentError('E_CLOSED', 'closed'));
    await expect(waiting).rejects.toMatchObject({ code: 'E_CLOSED' });
    await expect(broadcasts.broadcast(byte(2), 'here', undefined)).rejects.toMatchObject({ code: 'E_CLOSED' });
    expect(clock.pending).toBe(0);
  });
});

describe('room', () => {
  test('is there at once while nothing waits', async () => {
    await setUp().broadcasts.room();
  });

  test.each([
    [
      'the last waiting broadcast was taken',
      ({ node, clock }: ReturnType<typeof setUp>) => {
        node.room = 1;
        clock.advance(1000);
      },
    ],
    [
      'the last waiting broadcast was refused, because the disk is full',
      ({ node, clock }: ReturnType<typeof setUp>) => {
        node.trouble = new AntecedentError('E_DISK_FULL', 'no room');
        clock.advance(1000);
      },
    ],
    [
      'the node has ended',
      ({ broadcasts }: ReturnType<typeof setUp>) => broadcasts.end(new AntecedentError('E_CLOSED', '')),
    ],
  ])('comes when %s', async (_claim, event) => {
    const all = setUp();
    all.node.room = 0;
    const waiting = all.broadcasts.broadcast(byte(1), 'here', undefined);
    waiting.catch(() => {});
    const seen: string[] = [];
    const room = all.broadcasts.room().then(() => seen.push('room'));
    await Promise.resolve();
    expect(seen).toEqual([]);
    event(all);
    await room;
    expect(seen).toEqual(['room']);
  });

  test('is not waited for after an abort', async () => {
    const { node, broadcasts } = setUp();
    node.room = 0;
    void broadcasts.broadcast(byte(1), 'here', undefined);
    const abort = new AbortController();
    const room = broadcasts.room(abort.signal);
    abort.abort();
    await room;
  });
});
