/**
 * Section 4 of docs/FAULTS.md: processes that stop, applications that fail, memory that is short, peers that are not there
 * yet. Rows C3, C6, C10 to C12. (C2 is test/transport-tls/kill-cycles.test.ts.)
 */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crash, at, mailboxes, makePlan, pause, runPlan, scenario, seconds } from '../../scenarios/index.js';
import type { PeerEvent } from '../../transport-tls/index.js';
import { bundleNode, bundleScript } from '../support/bundled-program.js';
import { removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { ReplicaUnderTest } from '../support/replicas.js';
import { DaemonProcess, eventsOf, writeConfig } from '../transport-tls/daemon-process.js';
import { Inbox, processHangMs, within } from '../transport-tls/waiting.js';
import { Besieged } from './besieged.js';
import { nobody, NotingNode, optionsOf } from './node-pair.js';

let authority: TestAuthority;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b']);
});
afterAll(removeTestDirectories);

describe('C3: a process that is stopped for longer than others wait', () => {
  test('C3: SIGSTOP: its peer gives the link up and goes on; after SIGCONT both get what they have missed', async () => {
    const peers = new Inbox<PeerEvent>('a peer event');
    await using b = await NotingNode.open({
      ...optionsOf(authority, 'b', { a: nobody }),
      timings: { heartbeatMs: 100, deadMs: 500, backoffMs: 20, backoffMaxMs: 100 },
      onPeer: (event) => peers.put(event),
    });
    const timings = '[timings]\nbackoffMs = 20\nbackoffMaxMs = 100\n';
    const config = writeConfig(authority, `[peers]\nb = "${b.node.address}"\n${timings}`);
    const a = new DaemonProcess(config, [process.execPath, await bundleNode()]);
    try {
      await a.events.takeWhere(({ event, state }) => event === 'peer' && state === 'up');
      await peers.takeWhere(({ state }) => state === 'up');
      a.child.kill('SIGSTOP');
      a.send({ broadcast: 'written to a stopped process' });
      await peers.takeWhere(({ state }) => state === 'down');
      const missed = ['1', '2', '3'];
      for (const text of missed) await b.broadcast(text);
      expect(await b.texts(3)).toEqual(missed);
      a.child.kill('SIGCONT');
      expect(await b.texts(1)).toEqual(['written to a stopped process']);
      for (const text of missed) {
        const next = await a.events.takeWhere(({ event, origin }) => event === 'deliver' && origin === 'b');
        expect(next['payload']).toBe(text);
      }
    } finally {
      await a.kill();
    }
  });

  test('C3: a minute of it, with the default timings and a crash meanwhile, costs nothing but time', () => {
    const asleep = scenario('asleep', {
      about: 'One sleeps for a minute while the others write, and one of them dies and comes back.',
      nodes: 3,
      workload: mailboxes({ perSecond: 4, for: seconds(70) }),
      faults: [at(seconds(3), pause('b', { for: seconds(60) })), at(seconds(30), crash('c', { for: seconds(2) }))],
    });
    for (const seed of ['1', '2']) {
      const result = runPlan(makePlan(asleep, seed));
      expect(result.violations).toEqual([]);
      expect(result.verdict).toBe('pass');
      expect(result.faults).toMatchObject({ pause: 1, crash: 1 });
    }
  });
});

describe('C6: an application', () => {
  test('C6: that throws and rejects gets the same message again; nothing is skipped, and broadcasts go on', async () => {
    const failures: string[] = [];
    const applied = new Inbox<string>('a message that was applied');
    const tries = new Map<string, number>();
    await using a = await NotingNode.open({
      ...optionsOf(authority, 'a'),
      logger: {
        log: (_level, event, fields) => {
          if (event === 'apply-failed') failures.push(`${String(fields['code'])} ${String(fields['message'])}`);
        },
      },
      apply: ({ payload }) => {
        const text = new TextDecoder().decode(payload);
        tries.set(text, (tries.get(text) ?? 0) + 1);
        if (text === 'throws' && tries.get(text) === 1) throw new Error('no');
        if (text === 'rejects' && tries.get(text) === 1) return Promise.reject(new Error('no'));
        applied.put(text);
        return undefined;
      },
    });
    const texts = ['throws', 'rejects', 'works'];
    for (const [index, text] of texts.entries()) expect(await a.broadcast(text)).toBe(index + 1);
    for (const text of texts) expect(await applied.take()).toBe(text);
    expect(failures).toEqual(['E_APP a:1', 'E_APP a:2']);
    expect(tries).toEqual(new Map([...texts.slice(0, 2).map((text) => [text, 2] as const), ['works', 1]]));
  });

  test('C6: that never applies a message is given it again by the next start, at the same position', async () => {
    const options = optionsOf(authority, 'a');
    const fails = (): never => {
      throw new Error('no');
    };
    {
      await using a = await NotingNode.open({ ...options, apply: fails });
      for (const text of ['1', '2']) await a.broadcast(text);
      expect(a.node.position).toBe(0);
    }
    await using again = await NotingNode.open(options);
    const [first, second] = [await again.deliveries.take(), await again.deliveries.take()];
    expect([first.position, first.seq, second.position, second.seq]).toEqual([1, 1, 2, 2]);
  });

  test('C6: whose promise is never settled holds up its own deliveries, and no broadcast', () => {
    const besieged = new Besieged();
    const { a } = besieged;
    const stuck = a.broadcast('in the hands of the application');
    a.syncAll();
    const delivery = a.replica.takeDelivery();
    expect(delivery?.seq).toBe(stuck);
    for (let turn = 1; turn <= 3; turn++) {
      expect(a.broadcast(`${turn}`)).toBe(stuck + turn);
      a.syncAll();
      expect(a.receipts).toContain(stuck + turn);
    }
    const again = new ReplicaUnderTest({ name: 'a', peers: ['b', 'd'], journal: a.journal });
    expect(again.replica.takeDelivery()).toMatchObject({ seq: stuck, position: delivery?.position });
  });
});

/** The last line of `test/faults/flooding-process.ts`. */
interface Flooded {
  readonly accepted: number;
  readonly refusedWith: readonly string[];
  readonly peakBytes: number;
}

test('C10, A5: 60,000 broadcasts that nobody awaits, in a small heap: bounded memory, refusals, and no accepted one lost', async () => {
  const options = optionsOf(authority, 'a');
  const script = await bundleScript('test/faults/flooding-process.ts');
  const { ca, cert, key } = authority.files('a');
  const heap = '--max-old-space-size=128';
  const child = spawn(process.execPath, [heap, script, options.dataDir, ca, cert, key], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [flooded, code] = await Promise.all([
    eventsOf(child.stdout).take(),
    within('its end', new Promise((resolve) => child.once('close', resolve)), processHangMs),
  ]);
  expect(code).toBe(0);
  const { accepted, refusedWith, peakBytes } = flooded as unknown as Flooded;
  expect(refusedWith).toEqual(['E_BACKPRESSURE']);
  expect(accepted).toBeGreaterThan(0);
  // What waits for the disk, and as much again in the waiting room: a program that calls ten times as often is given no more.
  expect(accepted).toBeLessThanOrEqual(2 * 16_384);
  expect(peakBytes).toBeLessThan(512 << 20);
  await using again = await NotingNode.open(options);
  expect(again.node.recoveredSeq).toBe(accepted);
});

test('C11: a node with a log behind it, whose peers are absent and cannot be found, serves its own, and connects later', async () => {
  const options = optionsOf(authority, 'a', { b: 'no-such-host.invalid:7101' });
  const texts = Array.from({ length: 2000 }, (_, index) => `${index}`);
  {
    await using before = await NotingNode.open(options);
    await Promise.all(texts.map((text) => before.broadcast(text)));
  }
  await using a = await NotingNode.open({ ...options, position: 0 });
  expect(a.node.recoveredSeq).toBe(texts.length);
  expect(await a.broadcast('served')).toBe(texts.length + 1);
  expect(await a.texts(texts.length + 1)).toEqual([...texts, 'served']);
  await using b = await NotingNode.open(optionsOf(authority, 'b', { a: a.node.address }));
  expect(await b.texts(texts.length + 1)).toEqual([...texts, 'served']);
});

describe('C12: versions', () => {
  test.each([
    ['1 to 9 are met with 1', { versionMin: 1, versionMax: 9 }, undefined],
    ['2 to 9 are refused', { versionMin: 2, versionMax: 9 }, 'E_VERSION'],
  ])('C12: %s', (_what, versions, code) => {
    const besieged = new Besieged();
    besieged.cut();
    besieged.d.open(99, 'a', true);
    const hello = besieged.d.takeFrames(99)[0];
    if (hello?.type !== 'hello') throw new Error('the first frame is HELLO');
    besieged.letKnock();
    besieged.a.receiveFrame(besieged.link, { ...hello, ...versions });
    expect(besieged.refusal).toBe(code);
    besieged.expectUnharmed();
  });
});
