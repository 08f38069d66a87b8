/** Whole nodes over loopback: the library as a service uses it. */
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Delivery, Logger, NodeAlarm, Receipt, StorageState } from '../../core/index.js';
import {
  AntecedentError,
  openNode,
  type AntecedentNode,
  type OpenNodeOptions,
  type PeerEvent,
} from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { freePorts } from './free-ports.js';
import { lastStraw, leaveNoRoom, makeRoom } from './filling-disk.js';
import { Inbox, within } from './waiting.js';

vi.mock(import('../../transport-tls/disk.js'), async (importOriginal) => {
  const { fillingDisks } = await import('./filling-disk.js');
  return fillingDisks(importOriginal);
});

const names = ['a', 'b', 'c'];
let authority: TestAuthority;
const open: AntecedentNode[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', names);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
});
afterAll(removeTestDirectories);

const silent: Logger = { log: () => {} };

async function start(options: OpenNodeOptions): Promise<AntecedentNode> {
  const node = await within('a node', openNode(options));
  open.push(node);
  return node;
}

/** Options of each node of a cluster. */
async function cluster(members: readonly string[]): Promise<(name: string) => OpenNodeOptions> {
  const ports = await freePorts(members.length);
  const address = (name: string): string => `127.0.0.1:${ports[members.indexOf(name)] ?? 0}`;
  const directory = makeTestDirectory('nodes');
  return (name) => ({
    name,
    cluster: 'demo',
    dataDir: `${directory}/${name}`,
    listen: address(name),
    peers: Object.fromEntries(members.filter((other) => other !== name).map((other) => [other, address(other)])),
    tls: authority.files(name),
    logger: silent,
    timings: { backoffMs: 20, backoffMaxMs: 100 },
  });
}

async function alone(): Promise<OpenNodeOptions> {
  return (await cluster(['a']))('a');
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (delivery: Delivery): string => new TextDecoder().decode(delivery.payload);

describe('nodes over TLS', () => {
  test('deliver what one broadcasts to all, after what caused it', async () => {
    const options = await cluster(names);
    const [a, b, c] = [
      new Inbox<Delivery>('a delivery to a'),
      new Inbox<Delivery>('to b'),
      new Inbox<Delivery>('to c'),
    ];
    const nodeA = await start({ ...options('a'), apply: (delivery) => a.put(delivery) });
    const nodeB = await start({ ...options('b'), apply: (delivery) => b.put(delivery) });
    await start({ ...options('c'), apply: (delivery) => c.put(delivery) });
    const receipt = await within('acceptance by all', nodeA.broadcast(bytes('question'), { durable: 'all' }));
    expect(receipt).toEqual({ origin: 'a', incarnation: 1, seq: 1 });
    expect(text(await b.take())).toBe('question');
    await nodeB.broadcast(bytes('answer'));
    for (const inbox of [a, c]) {
      expect(text(await inbox.take())).toBe('question');
      const answer = await inbox.take();
      expect(text(answer)).toBe('answer');
      expect(answer.clock.toJSON()).toEqual({ a: 1, b: 1 });
    }
  });

  test('report peers that come and go', async () => {
    const options = await cluster(['a', 'b']);
    const events = new Inbox<PeerEvent>('a peer event');
    await start({ ...options('a'), apply: () => {}, onPeer: (event) => events.put(event) });
    const b = await start({ ...options('b'), apply: () => {} });
    await events.takeWhere(({ name, state }) => name === 'b' && state === 'up');
    await b.close();
    await events.takeWhere(({ name, state }) => name === 'b' && state === 'down');
  });

  test('go on with a member that comes back without its disk, as its next incarnation, and raise an alarm about it', async () => {
    const options = await cluster(['a', 'b']);
    const alarms = new Inbox<NodeAlarm>('an alarm of a');
    const incarnations = new Inbox<number>('an incarnation of b');
    const a = await start({ ...options('a'), apply: () => {}, onAlarm: (alarm) => alarms.put(alarm) });
    const b = await start({ ...options('b'), apply: () => {} });
    await within('messages on both', Promise.all([a, b].map((node) => node.broadcast(bytes('x'), { durable: 'all' }))));
    await b.close();
    rmSync(options('b').dataDir, { recursive: true });
    const seen = new Inbox<string>('a delivery to b');
    const wiped = await start({
      ...options('b'),
      apply: (delivery) => seen.put(`${delivery.origin}~${delivery.incarnation}:${delivery.seq}`),
      onIncarnation: (incarnation) => incarnations.put(incarnation),
    });
    expect(await incarnations.take()).toBe(2);
    expect(wiped.incarnation).toBe(2);
    expect(await alarms.take()).toMatchObject({ code: 'E_PEER_FORGOT', peer: 'b' });
    // Its own forgotten message is among those that it must have before it makes new ones.
    expect([await seen.take(), await seen.take()].sort()).toEqual(['a~1:1', 'b~1:1']);
    const retry = async (error: unknown): Promise<Receipt> => {
      if (!(error instanceof AntecedentError) || error.code !== 'E_CATCHING_UP') throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
      return wiped.broadcast(bytes('y'), { durable: 'all' }).catch(retry);
    };
    const receipt = await within('the receipt', wiped.broadcast(bytes('y'), { durable: 'all' }).catch(retry));
    expect(receipt).toMatchObject({ origin: 'b', incarnation: 2, seq: 1 });
  });

  test('catch up after a restart, and deliver nothing twice', async () => {
    const options = await cluster(['a', 'b']);
    const seen: string[] = [];
    const arrivals = new Inbox<string>('a delivery to b');
    const apply = (delivery: Delivery): void => {
      seen.push(text(delivery));
      arrivals.put(text(delivery));
    };
    const a = await start({ ...options('a'), apply: () => {} });
    const b = await start({ ...options('b'), apply });
    await a.broadcast(bytes('1'));
    await arrivals.takeWhere((message) => message === '1');
    await b.close();
    await a.broadcast(bytes('2'));
    const again = await start({ ...options('b'), apply });
    await arrivals.takeWhere((message) => message === '2');
    expect(again.incarnation).toBe(1);
    expect(seen).toEqual(['1', '2']);
  });
});

describe('a node', () => {
  test('hands its deliveries to a loop', async () => {
    const node = await start(await alone());
    for (const message of ['1', '2', '3']) await node.broadcast(bytes(message));
    const seen: string[] = [];
    for await (const delivery of node.deliveries()) {
      seen.push(text(delivery));
      if (seen.length === 3) await node.close();
    }
    expect(seen).toEqual(['1', '2', '3']);
    expect(node.position).toBe(2);
  });

  test('begins behind the position that the application gives it', async () => {
    const options = await alone();
    const first = await start({ ...options, apply: () => {} });
    for (const message of ['1', '2', '3']) await first.broadcast(bytes(message));
    await first.close();
    const node = await start({ ...options, position: 1 });
    const seen: string[] = [];
    for await (const delivery of node.deliveries()) {
      seen.push(`${delivery.position}:${text(delivery)}`);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['2:2', '3:3']);
  });

  test('may broadcast from inside apply, causally after what it applies', async () => {
    const arrivals = new Inbox<Delivery>('a delivery');
    const node: AntecedentNode = await start({
      ...(await alone()),
      apply: async (delivery) => {
        arrivals.put(delivery);
        if (text(delivery) === 'ping') await node.broadcast(bytes('pong'));
      },
    });
    await node.broadcast(bytes('ping'));
    await arrivals.take();
    const pong = await arrivals.take();
    expect(text(pong)).toBe('pong');
    expect(pong.clock.get('a')).toBe(2);
  });

  test('sends the bytes of the call, whatever happens to the buffer afterwards', async () => {
    const arrivals = new Inbox<Delivery>('a delivery');
    const node = await start({ ...(await alone()), apply: (delivery) => arrivals.put(delivery) });
    const payload = bytes('before');
    const promise = node.broadcast(payload);
    payload.fill(0);
    await promise;
    expect(text(await arrivals.take())).toBe('before');
  });

  test('tells where it listens when the system chose the port', async () => {
    const node = await start({ ...(await alone()), listen: '127.0.0.1:0', apply: () => {} });
    expect(node.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  });

  describe('whose disk fills up', () => {
    async function fill(): Promise<{
      readonly node: AntecedentNode;
      readonly states: Inbox<StorageState>;
      readonly taken: Promise<Receipt>;
    }> {
      leaveNoRoom();
      const states = new Inbox<StorageState>('a storage event');
      const node = await start({
        ...(await alone()),
        ...{ apply: () => {}, timings: { storageRetryMs: 10 }, onStorage: (state) => states.put(state) },
      });
      const taken = node.broadcast(bytes(lastStraw));
      taken.catch(() => {});
      expect(await states.take()).toMatchObject({ state: 'blocked', code: 'E_DISK_FULL' });
      return { node, states, taken };
    }

    test('refuses broadcasts at once, accepts what it has taken when there is room, and goes on', async () => {
      const { node, states, taken } = await fill();
      await expect(node.broadcast(bytes('no'))).rejects.toMatchObject({ code: 'E_DISK_FULL' });
      expect(node.storage.state).toBe('blocked');
      await node.room();
      makeRoom();
      expect(await states.take()).toEqual({ state: 'ok' });
      expect(node.storage).toEqual({ state: 'ok' });
      expect((await within('the receipt', taken)).seq).toBe(1);
      expect((await node.broadcast(bytes('yes'))).seq).toBe(2);
    });

    test('does not wait for room when it is closed: it ends with the error', async () => {
      const { node, taken } = await fill();
      await node.close();
      await expect(taken).rejects.toMatchObject({ code: 'E_DISK_FULL' });
      expect(await node.stopped).toMatchObject({ code: 'E_DISK_FULL' });
      makeRoom();
    });
  });

  test('closes once, refuses broadcasts from then on, and may be opened again', async () => {
    const options = await alone();
    {
      await using node = await openNode(options);
      const closing = node.close();
      await expect(node.broadcast(bytes('x'))).rejects.toMatchObject({ code: 'E_CLOSED' });
      await Promise.all([closing, node.close()]);
      expect(await node.stopped).toBeUndefined();
    }
    await start(options);
  });

  test('is refused a directory that is in use, and leaves it alone', async () => {
    const options = await alone();
    const node = await start({ ...options, apply: () => {} });
    await expect(openNode({ ...options, listen: '127.0.0.1:0' })).rejects.toMatchObject({ code: 'E_LOCKED' });
    await node.broadcast(bytes('x'));
  });

  test('leaves nothing behind when it cannot listen', async () => {
    const options = await alone();
    const node = await start({ ...options, apply: () => {} });
    const other = { ...options, dataDir: makeTestDirectory('other') };
    await expect(openNode(other)).rejects.toMatchObject({ code: 'E_LISTEN' });
    await node.close();
    await start({ ...other, apply: () => {} });
  });

  test('is given up when the signal aborts', async () => {
    const options = await alone();
    await expect(openNode({ ...options, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    const abort = new AbortController();
    const opening = openNode({ ...options, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
    await start(options);
  });
});

describe('options are refused for', () => {
  test.each<readonly [string, Record<string, unknown>, RegExp]>([
    ['an unknown name', { datadir: 'x' }, /unknown option "datadir": did you mean "dataDir"\?/],
    ['a missing one', { cluster: undefined }, /option cluster is missing/],
    ['a wrong type', { apply: 'x' }, /option apply must be a function/],
    ['a bad name', { name: '' }, /option name must be a text that is not empty/],
    ['a name against the rule', { name: 'x/y' }, /"x\/y" is no node name/],
    ['peers as a list', { peers: ['b'] }, /option peers must be an object/],
    ['itself as a peer', { peers: { a: '127.0.0.1:1' } }, /peers names this node itself, a/],
    ['a bad address', { listen: 'here' }, /"here" is no address/],
    [
      'an unknown limit',
      { limits: { messageBytes: 1 } },
      /unknown key in limits "messageBytes": did you mean "messageBytesMax"\?/,
    ],
    ['a negative timing', { timings: { deadMs: -1 } }, /timings\.deadMs must be a whole number from 1, not -1/],
    ['a bad position', { position: 1.5 }, /option position must be a whole number from 0/],
    [
      'a flag that is no truth value',
      { allowNetworkFileSystem: 'no' },
      /option allowNetworkFileSystem must be true or false/,
    ],
    ['an unknown log level', { logLevel: 'loud' }, /option logLevel must be one of debug, info, warn, error/],
    [
      'an unknown key in tls',
      { tls: { ca: 'x', cert: 'x', pkey: 'x' } },
      /unknown key in tls "pkey": did you mean "key"\?/,
    ],
    ['a missing key in tls', { tls: { ca: 'x', cert: 'x' } }, /tls\.key must be the path of a PEM file, or its bytes/],
  ])('%s', async (_claim, change, message) => {
    const options: OpenNodeOptions = { ...(await alone()), ...change };
    await expect(openNode(options)).rejects.toThrow(message);
  });
});
