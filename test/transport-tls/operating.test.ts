/** Operating a node that runs: what it says of itself, members that come and go, and an application that fails. */
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Delivery, NodeAlarm, NodeName } from '../../core/index.js';
import {
  openNode,
  restoreDirectory,
  type AntecedentNode,
  type ApplyErrorEvent,
  type OpenNodeOptions,
  type RunningStatus,
} from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { freePorts } from './free-ports.js';
import type { LogLine } from './link-party.js';
import { Inbox, within } from './waiting.js';

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

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (delivery: Delivery): string => new TextDecoder().decode(delivery.payload);

/** A member with all that it tells. */
class Member {
  readonly delivered = new Inbox<string>('a delivery');
  readonly peers = new Inbox<string>('a peer that comes or goes');
  readonly members = new Inbox<readonly NodeName[]>('other members');
  readonly alarms = new Inbox<NodeAlarm>('an alarm');
  readonly log = new Inbox<LogLine>('a log line');
  /** Without what this class adds. */
  readonly given: OpenNodeOptions;
  readonly options: OpenNodeOptions;
  #node: AntecedentNode | undefined;

  constructor(options: OpenNodeOptions) {
    this.given = options;
    this.options = {
      apply: (delivery) => this.delivered.put(text(delivery)),
      onPeer: ({ name, state }) => this.peers.put(`${name} ${state}`),
      onMembers: (members) => this.members.put(members),
      onAlarm: (alarm) => this.alarms.put(alarm),
      logger: { log: (level, event, fields) => this.log.put({ level, event, ...fields }) },
      ...options,
    };
  }

  get node(): AntecedentNode {
    if (this.#node === undefined) throw new Error('not open');
    return this.#node;
  }

  async open(): Promise<this> {
    this.#node = await within('a node', openNode(this.options));
    open.push(this.#node);
    return this;
  }

  /** The status, as soon as it is as wanted: not everything that it shows is also told. */
  async status(isWanted: (status: RunningStatus) => boolean): Promise<RunningStatus> {
    const poll = async (): Promise<RunningStatus> => {
      for (;;) {
        const status = this.node.status();
        if (isWanted(status)) return status;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    return within('the status wanted', poll());
  }
}

/** Members that are not open yet, each with all others as peers. */
async function cluster(
  members: readonly string[],
  change: Partial<OpenNodeOptions> = {},
): Promise<readonly [Member, Member, Member]> {
  const ports = await freePorts(3);
  const address = (name: string): string => `127.0.0.1:${ports[names.indexOf(name)] ?? 0}`;
  const directory = makeTestDirectory('operating');
  const made = names.map(
    (name) =>
      new Member({
        name,
        cluster: 'demo',
        dataDir: `${directory}/${name}`,
        listen: address(name),
        peers: Object.fromEntries(members.filter((other) => other !== name).map((other) => [other, address(other)])),
        tls: authority.files(name),
        timings: { backoffMs: 20, backoffMaxMs: 100 },
        ...change,
      }),
  );
  const [a, b, c] = made;
  if (a === undefined || b === undefined || c === undefined) throw new Error('three members');
  return [a, b, c];
}

async function alone(change: Partial<OpenNodeOptions>): Promise<Member> {
  const [a] = await cluster(['a'], change);
  return a.open();
}

/** Resolves when `condition` holds, which nothing tells. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('the status of a node', () => {
  test('shows members that come and go, where they are, and what they lack', async () => {
    const [a, b] = await cluster(['a', 'b']);
    await a.open();
    const { name, incarnation, state, address, members, applying } = a.node.status();
    expect({ name, incarnation, state, address }).toEqual({
      ...{ name: 'a', incarnation: 1, state: 'running', address: a.options.listen },
    });
    expect(members).toMatchObject([{ name: 'b', state: 'down', address: b.options.listen, ackedSeq: 0 }]);
    expect(applying).toBeUndefined();
    await a.node.broadcast(bytes('one'));
    expect(a.node.status().members[0]?.lagBytes).toBeGreaterThan(0);
    await b.open();
    const caughtUp = await a.status(({ members: [peer] }) => peer?.state === 'up' && peer.ackedSeq === 1);
    expect(caughtUp.members[0]?.lagBytes).toBe(0);
    const [own] = caughtUp.logs;
    expect(own).toMatchObject({ origin: 'a', incarnation: 1, durableSeq: 1, deliveredSeq: 1, isClosed: false });
    await b.node.close();
    await a.status(({ members: [peer] }) => peer?.state === 'down');
  });

  test('tells when the certificate ends', async () => {
    const a = await alone({});
    const inMs = a.node.status().certificateNotAfterMs - Date.now();
    const dayMs = 24 * 60 * 60 * 1000;
    expect(inMs).toBeGreaterThan(700 * dayMs);
    expect(inMs).toBeLessThan(740 * dayMs);
  });

  test('is still there when the node was closed', async () => {
    const a = await alone({});
    await a.node.close();
    expect(a.node.status()).toMatchObject({ name: 'a', state: 'stopped' });
  });
});

describe('members', () => {
  test('one that is added is dialled by all, also by those who hear of it from others, and is given everything', async () => {
    const [a, b, c] = await cluster(['a', 'b']);
    await a.open();
    await b.open();
    await a.node.broadcast(bytes('before'), { durable: 'all' });
    await a.node.addMember('c', c.options.listen);
    expect(await b.members.take()).toEqual(['a', 'b', 'c']);
    expect(b.node.status().members).toMatchObject([{ name: 'a' }, { name: 'c', address: c.options.listen }]);
    // Its address is known before it is dialled.
    for (const member of [a, b]) {
      const failed = await member.log.takeWhere(({ event, peer }) => event === 'dial-failed' && peer === 'c');
      expect(failed.reason).toContain(`cannot reach c at ${c.options.listen}`);
    }
    await c.open();
    expect(await c.delivered.take()).toBe('before');
    await b.node.broadcast(bytes('after'), { durable: 'all' });
    expect(await c.delivered.take()).toBe('after');
    await c.status(({ members }) => members.every(({ state }) => state === 'up'));
  });

  test('one that needs what no journal holds any more is given the state of another', async () => {
    const total = new Map<string, number>();
    const stateOf = (name: string, change: Partial<OpenNodeOptions>): Partial<OpenNodeOptions> => ({
      ...change,
      apply: () => {
        total.set(name, (total.get(name) ?? 0) + 1);
      },
      snapshot: () => bytes(String(total.get(name) ?? 0)),
      restore: (state) => {
        total.set(name, Number(new TextDecoder().decode(state)));
      },
    });
    const [first, , third] = await cluster(['a']);
    const limits = { segmentBytesMax: 16_384, cacheBytesMax: 16_384 };
    const a = await new Member({ ...first.given, ...stateOf('a', { limits }) }).open();
    for (let count = 0; count < 200; count++) await a.node.broadcast(new Uint8Array(1_000));
    await a.status(({ appliedPosition }) => appliedPosition === 200);
    const listSegments = (): readonly string[] =>
      readdirSync(a.options.dataDir).filter((name) => name.endsWith('.log'));
    await within(
      'segments to be dropped',
      until(() => !listSegments().includes('journal-00000001.log')),
    );
    await a.node.addMember('c', third.options.listen);
    const c = await new Member({
      ...third.given,
      ...stateOf('c', { joins: true, peers: { a: first.given.listen } }),
    }).open();
    await within(
      'the state of a',
      until(() => total.get('c') === 200),
    );
    await a.node.broadcast(bytes('more'), { durable: 'all' });
    await within(
      'the next message',
      until(() => total.get('c') === 201),
    );
    expect(c.node.position).toBe(c.node.status().appliedPosition);
  });

  test('one that was added is a member after a restart, and still known where it is', async () => {
    const [a, , c] = await cluster(['a', 'b']);
    await a.open();
    await a.node.addMember('c', c.options.listen);
    await a.node.close();
    await a.open();
    expect(a.node.status().members).toMatchObject([{ name: 'b' }, { name: 'c', address: c.options.listen }]);
  });

  test('one that is removed is told, is let in no more, and nobody waits for it', async () => {
    const [a, b, c] = await cluster(names);
    await Promise.all([a.open(), b.open(), c.open()]);
    for (const member of [a, b, c]) {
      await member.status(({ members }) => members.every(({ state }) => state === 'up'));
    }
    await a.node.removeMember('c');
    expect(await c.alarms.take()).toMatchObject({ code: 'E_REMOVED' });
    await expect(c.node.broadcast(bytes('x'))).rejects.toMatchObject({ code: 'E_REMOVED' });
    await b.status(({ members }) => members.length === 1);
    await a.node.broadcast(bytes('after'), { durable: 'all' });
    expect(a.node.status().members).toMatchObject([{ name: 'b' }]);
  });

  test.each([
    ['no name', 'x/y', '127.0.0.1:1', 'E_NAME'],
    ['no address', 'd', 'nowhere', 'E_CONFIG'],
    ['a member already', 'b', '127.0.0.1:1', 'E_CONFIG'],
    ['the node itself', 'a', '127.0.0.1:1', 'E_CONFIG'],
  ])('%s is not added', async (_claim, name, address, code) => {
    const [a] = await cluster(['a', 'b']);
    await a.open();
    await expect(a.node.addMember(name, address)).rejects.toMatchObject({ code });
    expect(a.node.status().members).toHaveLength(1);
  });

  test.each([
    ['no name', 'x/y', 'E_NAME'],
    ['no member', 'd', 'E_CONFIG'],
    ['the node itself', 'a', 'E_CONFIG'],
  ])('%s is not removed', async (_claim, name, code) => {
    const [a] = await cluster(['a', 'b']);
    await a.open();
    await expect(a.node.removeMember(name)).rejects.toMatchObject({ code });
    expect(a.node.status().members).toHaveLength(1);
  });

  test('none is added or removed when the node is closed', async () => {
    const a = await alone({});
    const pending = a.node.addMember('d', '127.0.0.1:1');
    const settled = pending.then(
      () => 'added',
      (error: unknown) => error,
    );
    await a.node.close();
    expect([await settled]).toEqual([expect.anything()]);
    await expect(a.node.addMember('e', '127.0.0.1:1')).rejects.toMatchObject({ code: 'E_CLOSED' });
    await expect(a.node.removeMember('d')).rejects.toMatchObject({ code: 'E_CLOSED' });
    await expect(a.node.skip(1, 'x')).rejects.toMatchObject({ code: 'E_CLOSED' });
  });
});

describe('a member whose data directory was put back from a backup', () => {
  test('is fenced until it is marked as restored; then it goes on as its next incarnation, with its own messages', async () => {
    const [a, b] = await cluster(['a', 'b']);
    await a.open();
    await b.open();
    const { dataDir } = b.options;
    const backup = makeTestDirectory('backup');
    await b.node.broadcast(bytes('old'), { durable: 'all' });
    await b.node.close();
    cpSync(dataDir, backup, { recursive: true });
    await b.open();
    await b.node.broadcast(bytes('forgotten'), { durable: 'all' });
    await b.node.close();
    rmSync(dataDir, { recursive: true });
    cpSync(backup, dataDir, { recursive: true });
    // Used again, it would be another message under a number that others know.
    await b.open();
    expect(await b.alarms.take()).toMatchObject({ code: 'E_ROLLED_BACK', peer: 'a' });
    await expect(b.node.broadcast(bytes('no'))).rejects.toMatchObject({ code: 'E_ROLLED_BACK' });
    expect(b.node.status().refusal).toMatchObject({ code: 'E_ROLLED_BACK' });
    await expect(restoreDirectory(dataDir)).rejects.toMatchObject({ code: 'E_LOCKED' });
    await b.node.close();
    expect(await restoreDirectory(dataDir)).toBe(2);
    await expect(restoreDirectory(dataDir, { incarnation: 2 })).rejects.toMatchObject({ code: 'E_CONFIG' });
    b.delivered.clear();
    await b.open();
    expect(b.node.incarnation).toBe(2);
    expect(await b.delivered.take()).toBe('forgotten');
    // It has been handed over; that it was applied the node knows a moment later.
    while (b.node.status().refusal?.code === 'E_CATCHING_UP') await setImmediate();
    const receipt = await within('the receipt', b.node.broadcast(bytes('new'), { durable: 'all' }));
    expect(receipt).toMatchObject({ incarnation: 2, seq: 1 });
  });
});

describe('an application that fails', () => {
  test('is told of it, seen in the status, and called again on request', async () => {
    const errors = new Inbox<ApplyErrorEvent>('a failure');
    let isBroken = true;
    const applied = new Inbox<number>('an applied message');
    const a = await alone({
      apply: ({ position }) => {
        if (isBroken) throw new Error('no such account');
        applied.put(position);
      },
      onApplyError: (event) => errors.put(event),
    });
    await a.node.broadcast(bytes('x'));
    expect(await errors.take()).toMatchObject({
      ...{ message: { origin: 'a', incarnation: 1, seq: 1 }, position: 1, attempt: 1 },
    });
    await errors.take();
    const { applying, position, appliedPosition } = a.node.status();
    expect({ position, appliedPosition }).toEqual({ position: 1, appliedPosition: 0 });
    expect(applying).toMatchObject({
      ...{ message: { seq: 1 }, position: 1, lastError: 'Error: no such account' },
    });
    expect(applying?.failures).toBeGreaterThanOrEqual(2);
    // Not while it is being called, which is over at once.
    isBroken = false;
    a.node.retry();
    expect(await applied.take()).toBe(1);
    await a.status((status) => status.applying === undefined && status.appliedPosition === 1);
    expect(() => a.node.retry()).toThrow(/no message waits to be applied again/);
  });

  test('does not get a message again that was given up, not even after a restart, and goes on with the next', async () => {
    const calls: string[] = [];
    const applied = new Inbox<string>('an applied message');
    const apply = (delivery: Delivery): void => {
      calls.push(text(delivery));
      if (text(delivery) === 'poison') throw new Error('no');
      applied.put(text(delivery));
    };
    const a = await alone({ apply });
    await a.node.broadcast(bytes('poison'));
    await a.node.broadcast(bytes('next'));
    await a.status(({ applying }) => applying?.failures === 1);
    await expect(a.node.skip(2, 'wrong one')).rejects.toMatchObject({ code: 'E_POSITION' });
    await a.node.skip(1, 'no such account');
    expect(await applied.take()).toBe('next');
    expect(a.node.position).toBe(2);
    await a.node.close();
    calls.length = 0;
    await a.open();
    await a.node.broadcast(bytes('last'));
    expect(await applied.take()).toBe('last');
    expect(calls).toEqual(['last']);
  });

  test('that never comes to an end holds up deliveries alone, until its message is given up', async () => {
    const applied = new Inbox<string>('an applied message');
    const stuck = new Inbox<() => void>('a call');
    const a = await alone({
      apply: (delivery) => {
        if (text(delivery) !== 'stuck') return applied.put(text(delivery));
        return new Promise<void>((resolve) => stuck.put(resolve));
      },
    });
    await a.node.broadcast(bytes('stuck'));
    const finish = await stuck.take();
    expect((await a.node.broadcast(bytes('next'))).seq).toBe(2);
    expect(() => a.node.retry()).toThrow(/at work on a:1 \(position 1\), and has not failed/);
    await a.node.skip(1, 'it hangs');
    expect(await applied.take()).toBe('next');
    // Late, it changes nothing.
    finish();
    await a.node.broadcast(bytes('last'));
    expect(await applied.take()).toBe('last');
    expect(a.node.status()).toMatchObject({ position: 3 });
  });

  test('may broadcast what it is given before it fails: the broadcast is made once for each call', async () => {
    const made: Promise<unknown>[] = [];
    const seen = new Inbox<string>('a delivery');
    const a: Member = await alone({
      apply: (delivery) => {
        seen.put(text(delivery));
        if (text(delivery) !== 'ping') return;
        made.push(a.node.broadcast(bytes('pong')));
        if (made.length === 1) throw new Error('no');
      },
    });
    await a.node.broadcast(bytes('ping'));
    const texts = [await seen.take(), await seen.take(), await seen.take(), await seen.take()];
    expect(texts).toEqual(['ping', 'ping', 'pong', 'pong']);
    await Promise.all(made);
  });

  test('in a callback that returns a promise does not end the process', async () => {
    // Fits the type, as every function does of which nothing is expected back.
    const onMembers: () => unknown = () => Promise.reject(new Error('no'));
    const a = await alone({ onMembers });
    await a.node.addMember('d', '127.0.0.1:1');
    expect(await a.log.takeWhere(({ event }) => event === 'callback-failed')).toMatchObject({
      code: 'E_APP',
      reason: 'Error: no',
    });
    await a.node.broadcast(bytes('x'));
  });
});

describe('closing', () => {
  test('settles every broadcast that is on its way, and keeps exactly those that were accepted', async () => {
    const a = await alone({});
    const broadcasts = Array.from({ length: 2_000 }, (_, index) => a.node.broadcast(bytes(`${index}`)));
    const outcomes = Promise.allSettled(broadcasts);
    await Promise.all([a.node.close(), a.node.close(), a.node[Symbol.asyncDispose]()]);
    const settled = await within('every broadcast', outcomes);
    const accepted = settled.filter(({ status }) => status === 'fulfilled').length;
    for (const outcome of settled) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'E_CLOSED' });
    }
    await a.open();
    expect(a.node.recoveredSeq).toBe(accepted);
  });
});

describe('what may change while a node runs', () => {
  test('addresses of members', async () => {
    const [a, b] = await cluster(['a', 'b']);
    const lost = new Member({ ...a.given, peers: { b: '127.0.0.1:1' } });
    await lost.open();
    await lost.log.takeWhere(({ event }) => event === 'dial-failed');
    const { listen } = b.options;
    const deaf = new Member({ ...b.given, peers: { a: '127.0.0.1:1' } });
    await deaf.open();
    lost.node.reload({ peers: { b: listen } });
    expect(await lost.peers.take()).toBe('b up');
  });

  test('credentials, from bytes as well as from files', async () => {
    const [a, b] = await cluster(['a', 'b']);
    await a.open();
    await b.open();
    await a.status(({ members: [peer] }) => peer?.state === 'up');
    const next = await authority.issueOdd('b-next', { names: [{ type: 'url', value: 'spiffe://demo/node/b' }] });
    const before = b.node.status().certificateNotAfterMs;
    b.node.reload({ tls: { ca: next.ca, cert: readFileSync(next.cert), key: readFileSync(next.key) } });
    expect(b.node.status().certificateNotAfterMs).toBeLessThan(before);
    await a.node.broadcast(bytes('x'), { durable: 'all' });
  });

  test('all of it or nothing', async () => {
    const a = await alone({ peers: { b: '127.0.0.1:1' } });
    const before = a.node.status();
    const peers = { b: '127.0.0.1:2' };
    const mismatched = { ...authority.files('a'), key: authority.files('b').key };
    expect(() => a.node.reload({ tls: mismatched, peers })).toThrow(/is not the key of the certificate/);
    expect(() => a.node.reload({ tls: authority.files('a'), peers: { b: 'nonsense' } })).toThrow(/is no address/);
    expect(() => a.node.reload({ peers: { ...peers, d: '127.0.0.1:3' } })).toThrow(
      /d is no member.*antecedent member add d/,
    );
    expect(a.node.status().members).toEqual(before.members);
  });
});
