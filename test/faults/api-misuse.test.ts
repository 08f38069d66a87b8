/** Section 6 of docs/FAULTS.md: programs that use the library wrongly. Rows A1, A3, A4, A6 and A7. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Node, nodeName, ORSet, clusterName, type ErrorCode } from '../../core/index.js';
import { openNode, type OpenNodeOptions } from '../../transport-tls/index.js';
import { removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { nodeDigests } from '../support/digests.js';
import { MemoryDisk } from '../support/memory-disk.js';
import { Inbox } from '../transport-tls/waiting.js';
import { nobody, NotingNode, openPair, optionsOf } from './node-pair.js';

let authority: TestAuthority;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b', 'c']);
});
afterAll(removeTestDirectories);

/** A view of bytes that were given away. */
function transferred(): Uint8Array {
  const view = Uint8Array.of(1, 2, 3);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

test('A1: what is no payload is refused, and takes no number: the next message is the first', async () => {
  const bad: readonly (readonly [unknown, ErrorCode])[] = [
    ['text', 'E_PAYLOAD'],
    [undefined, 'E_PAYLOAD'],
    [[1, 2], 'E_PAYLOAD'],
    [new ArrayBuffer(1), 'E_PAYLOAD'],
    [new Uint16Array(1), 'E_PAYLOAD'],
    [new Uint8ClampedArray(1), 'E_PAYLOAD'],
    [new DataView(new ArrayBuffer(1)), 'E_PAYLOAD'],
    [new Proxy(new Uint8Array(1), {}), 'E_PAYLOAD'],
    [new Uint8Array(new SharedArrayBuffer(1)), 'E_PAYLOAD'],
    [transferred(), 'E_PAYLOAD'],
    [new Uint8Array((1 << 20) + 1), 'E_MESSAGE_TOO_LARGE'],
  ];
  await using a = await NotingNode.open(optionsOf(authority, 'a'));
  for (const [payload, code] of bad) {
    await expect(a.node.broadcast(payload as Uint8Array)).rejects.toMatchObject({ code });
  }
  const good = [new Uint8Array(), Buffer.from('a Buffer'), new Uint8Array(new ArrayBuffer(9), 3, 2)];
  for (const [index, payload] of good.entries()) {
    expect((await a.node.broadcast(payload)).seq).toBe(index + 1);
    expect(Buffer.compare((await a.deliveries.take()).payload, payload)).toBe(0);
  }
});

test.each<readonly [unknown]>([[0], [3], [-1], [1.5], [Number.NaN], ['everywhere'], [{}]])(
  'A1: durable %j is refused where there are two members, and takes no number',
  async (durable) => {
    await using a = await NotingNode.open(optionsOf(authority, 'a', { b: nobody }));
    const options = { durable } as { durable: 'all' };
    await expect(a.node.broadcast(Uint8Array.of(1), options)).rejects.toMatchObject({ code: 'E_CONFIG' });
    expect(await a.broadcast('the first')).toBe(1);
  },
);

test.each([
  ['', 'E_CONFIG'],
  ['x'.repeat(65), 'E_NAME'],
  ['..', 'E_NAME'],
  ['a/b', 'E_NAME'],
  ['\u00c9', 'E_NAME'],
  ['E\u0301', 'E_NAME'],
  ['a.', 'E_NAME'],
  ['-a', 'E_NAME'],
  ['a\n', 'E_NAME'],
] as const)('A3: the name %j is refused, for a node and for a peer, before anything is made', async (name, code) => {
  const options = optionsOf(authority, 'a');
  await expect(openNode({ ...options, name })).rejects.toMatchObject({ code });
  await expect(openNode({ ...options, peers: { [name]: nobody } })).rejects.toMatchObject({ code: 'E_NAME' });
  expect(existsSync(options.dataDir)).toBe(false);
});

describe('A4: a list of members that cannot be', () => {
  test('A4: that names the node itself is refused', async () => {
    await expect(openNode(optionsOf(authority, 'a', { a: nobody }))).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  test('A4: that names somebody twice is refused, where that can be said', () => {
    const twice = { name: nodeName('a'), cluster: clusterName('demo'), peers: [nodeName('b'), nodeName('b')] };
    const ports = {
      links: {
        listen: () => undefined,
        dial: () => () => undefined,
        learn: () => undefined,
        forget: () => undefined,
        close: () => undefined,
      },
      disk: new MemoryDisk(),
      clock: { nowMs: () => 0, wakeAt: () => () => undefined },
      random: { nextUint32: () => 0 },
      digests: nodeDigests,
      logger: { log: () => undefined },
    };
    const handlers = {
      onReady: () => undefined,
      onDeliver: () => undefined,
      onPeer: () => undefined,
      onAlarm: () => undefined,
      onStorage: () => undefined,
      onStable: () => undefined,
      onMembers: () => undefined,
      onIncarnation: () => undefined,
      onStopped: () => undefined,
    };
    expect(() => new Node(twice, ports, handlers)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });

  test('A4: of two nodes of which only one lists the other keeps them apart, with the reason, and each goes on', async () => {
    const log = new Inbox<string>('a refusal');
    const options = optionsOf(authority, 'a', { b: nobody });
    await using a = await NotingNode.open({
      ...options,
      logger: { log: (_level, event, fields) => log.put(`${event} ${String(fields['code'])}`) },
    });
    await using c = await NotingNode.open(optionsOf(authority, 'c', { a: a.node.address }));
    await log.takeWhere((line) => line === 'link-refused E_NOT_MEMBER');
    for (const one of [a, c]) {
      expect(await one.broadcast('alone')).toBe(1);
      expect(await one.texts(1)).toEqual(['alone']);
    }
  });
});

describe('A6: operations on a set that no honest program sends', () => {
  test('A6: tags are opaque: separators in them, and a tag used for two elements, mix nothing up', () => {
    const set = new ORSet();
    set.add('x', 'a|1;2');
    set.add('y', 'a|1;2');
    set.add('x', 'a');
    expect(set.remove('x', ['a|1', '1;2', 'a|1;2'])).toBe(1);
    expect([...set.entries()]).toEqual([
      ['x', ['a']],
      ['y', ['a|1;2']],
    ]);
  });

  test('A6: a remove of what was never added, and of 10^6 tags at once, takes away nothing else', () => {
    const set = new ORSet();
    set.add('x', 'a:1');
    const { digest } = set;
    expect(set.remove('x', ['never'])).toBe(0);
    expect(set.remove('never', ['a:1'])).toBe(0);
    expect(
      set.remove(
        'x',
        Array.from({ length: 1_000_000 }, (_, index) => `b:${index % 1000}`),
      ),
    ).toBe(0);
    expect([set.digest, set.tagsOf('x')]).toEqual([digest, ['a:1']]);
  });
});

describe('A7: options', () => {
  const cases: readonly (readonly [string, object, RegExp])[] = [
    ['an unknown name', { dataDirr: 'x' }, /unknown option "dataDirr": did you mean "dataDir"\?/],
    ['the name of a property of every object', { constructor: 1 }, /unknown option "constructor"/],
    ['a wrong type', { peers: 7 }, /option peers must be an object/],
    ['null for a table', { limits: null }, /option limits must be an object/],
    ['a table that is a list', { timings: [1] }, /option timings must be an object/],
    ['NaN for a number', { limits: { windowBytes: Number.NaN } }, /limits\.windowBytes must be a whole number from 1/],
    ['a text for a number', { timings: { deadMs: '5' } }, /timings\.deadMs must be a whole number from 1/],
    ['a bad address', { peers: { b: 'b:0' } }, /port/],
  ];
  test.each(cases)('A7: with %s are refused, before anything is made', async (_what, change, message) => {
    const options = optionsOf(authority, 'a');
    const given: OpenNodeOptions = { ...options, ...change };
    await expect(openNode(given)).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringMatching(message) as unknown,
    });
    expect(existsSync(options.dataDir)).toBe(false);
  });

  /** Counts how often each property is read. */
  function counting<T extends object>(table: T, path: string, reads: Map<string, number>): T {
    return new Proxy(table, {
      get: (target, key, receiver): unknown => {
        const name = `${path}${String(key)}`;
        reads.set(name, (reads.get(name) ?? 0) + 1);
        return Reflect.get(target, key, receiver);
      },
    });
  }

  test('A7: are read once: what a getter or a proxy says later counts for nothing', async () => {
    const reads = new Map<string, number>();
    const plain = optionsOf(authority, 'a', { b: nobody });
    const options = counting(
      {
        ...plain,
        peers: counting(plain.peers, 'peers.', reads),
        tls: counting(plain.tls, 'tls.', reads),
        limits: counting({ messageBytesMax: 4 }, 'limits.', reads),
        transport: counting({ lingerMs: 100 }, 'transport.', reads),
      },
      '',
      reads,
    );
    await using a = await openNode(options);
    await expect(a.broadcast(new Uint8Array(5))).rejects.toMatchObject({ code: 'E_MESSAGE_TOO_LARGE' });
    expect((await a.broadcast(new Uint8Array(4))).seq).toBe(1);
    expect([...reads].filter(([, count]) => count !== 1)).toEqual([]);
    const some = ['name', 'peers.b', 'tls.ca', 'limits.messageBytesMax', 'transport.lingerMs'];
    expect([...reads.keys()]).toEqual(expect.arrayContaining(some));
  });

  test('A7: that change after the call change nothing: the limit of the call holds', async () => {
    const limits = { messageBytesMax: 4 };
    const { a, b } = await openPair(authority, { limits });
    await using _a = a;
    await using _b = b;
    limits.messageBytesMax = 1000;
    await expect(a.broadcast('12345')).rejects.toMatchObject({ code: 'E_MESSAGE_TOO_LARGE' });
    expect(await a.broadcast('1234', 'all')).toBe(1);
  });
});
