/**
 * A node as a process on a disk that fills up, for real: a small file system in memory, and a limit on the size of files.
 * Either way the system writes what still fits and refuses the rest.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bundleNode } from '../support/bundled-program.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { canMount, mountSkipped, SmallMount } from '../support/small-mounts.js';
import { DaemonProcess, writeConfig, type Event } from './daemon-process.js';

let authority: TestAuthority;
let program: string;
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a']);
  program = await bundleNode();
});
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});
afterAll(removeTestDirectories);

/** A place for a data directory with room for about 200 KiB. */
interface SmallDisk {
  readonly dataDir: string;
  /** What to put before the command of a process that is to use it. */
  readonly before: readonly string[];
  /** The code of the system when it is full. */
  readonly code: string;
  makeRoom(daemon: DaemonProcess): void;
}

async function smallMount(): Promise<SmallDisk> {
  const mount = await SmallMount.mount(makeTestDirectory('full'), 512 << 10, 256 << 10);
  cleanups.push(() => mount.close());
  return {
    dataDir: join(mount.directory, 'data'),
    before: mount.enter,
    code: 'ENOSPC',
    makeRoom: () => mount.makeRoom(),
  };
}

async function smallFiles(): Promise<SmallDisk> {
  let before = ['bash', '-c', 'ulimit -S -f 200 && exec "$@"', 'bash'];
  return {
    dataDir: join(makeTestDirectory('full'), 'data'),
    get before() {
      return before;
    },
    code: 'EFBIG',
    makeRoom: ({ child }) => {
      const { status } = spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=1073741824:'], {
        stdio: 'inherit',
      });
      if (status !== 0) throw new Error('the limit could not be lifted');
      before = [];
    },
  };
}

const canLimit = spawnSync('prlimit', ['--version']).status === 0;
const limitSkipped = canLimit ? '' : ' (skipped: this machine has no prlimit)';

/** An application that broadcasts numbered messages of 8 KiB and writes down what it sees. */
class Client {
  readonly daemon: DaemonProcess;
  /** By number: seqs of accepted messages. */
  readonly accepted = new Map<number, number>();
  /** Numbers of refused messages: some may have been on their way when the disk was found full. */
  readonly refused = new Set<number>();
  /** Numbers of delivered messages, by position. */
  readonly delivered = new Map<number, number>();
  sent = 0;

  constructor(config: string, disk: SmallDisk) {
    this.daemon = new DaemonProcess(config, [...disk.before, process.execPath, program]);
    cleanups.push(() => this.daemon.kill());
  }

  /** Broadcasts the next message, and returns its number. */
  send(): number {
    this.sent += 1;
    this.daemon.send({ broadcast: `${this.sent} ${'x'.repeat(8 << 10)}`, ref: String(this.sent) });
    return this.sent;
  }

  /** Takes events until one fits, and returns it. */
  async until(fits: (event: Event) => boolean): Promise<Event> {
    for (;;) {
      const event = await this.#take();
      if (fits(event)) return event;
    }
  }

  /** Ends the process at once; what it had printed counts. */
  async kill(): Promise<void> {
    await this.daemon.kill();
    while (this.daemon.events.size > 0) await this.#take();
  }

  async #take(): Promise<Event> {
    const event = await this.daemon.events.take();
    if (event['event'] === 'accepted') this.accepted.set(Number(event['ref']), Number(event['seq']));
    if (event['event'] === 'refused') this.refused.add(Number(event['ref']));
    if (event['event'] === 'deliver') {
      this.delivered.set(Number(event['position']), Number.parseInt(String(event['payload']), 10));
    }
    return event;
  }

  /** A few messages at a time until nothing more fits; returns the event that says so. */
  async fill(): Promise<Event> {
    for (let number = 0; number < 4; number++) this.send();
    const isAccepted = (event: Event): boolean => event['event'] === 'accepted';
    for (;;) {
      const event = await this.until((next) => isAccepted(next) || next['event'] === 'storage');
      if (!isAccepted(event)) return event;
      this.send();
    }
  }

  /** Broadcasts a message; returns the answer to it. */
  async answer(): Promise<Event> {
    const number = this.send();
    return this.until(({ ref }) => ref === String(number));
  }
}

const disks: readonly (readonly [disk: string, canRun: boolean, make: () => Promise<SmallDisk>])[] = [
  [`a small file system${mountSkipped}`, canMount, smallMount],
  [`a limit on the size of files${limitSkipped}`, canLimit, smallFiles],
];

describe.each(disks)('on %s, a node', (_disk, canRun, make) => {
  const config = (disk: SmallDisk): string => writeConfig(authority, '[timings]\nstorageRetryMs = 20\n', disk.dataDir);

  test.skipIf(!canRun)('refuses broadcasts while it is full, and goes on by itself when there is room', async () => {
    const disk = await make();
    const client = new Client(config(disk), disk);
    await client.until(({ event }) => event === 'ready');
    const blocked = await client.fill();
    expect(blocked).toMatchObject({ event: 'storage', state: 'blocked', code: 'E_DISK_FULL' });
    expect(blocked['message']).toMatch(new RegExp(`^\\w+ .* failed on .*journal-.*: ${disk.code}: `));
    const waiting = client.sent - client.accepted.size;
    expect(waiting).toBeGreaterThan(0);
    const acceptedBefore = client.accepted.size;
    for (let probe = 0; probe < 3; probe++) {
      expect(await client.answer()).toMatchObject({ event: 'refused', code: 'E_DISK_FULL' });
    }
    expect(client.accepted.size).toBe(acceptedBefore);

    disk.makeRoom(client.daemon);
    await client.until(({ event, state }) => event === 'storage' && state === 'ok');
    expect(await client.answer()).toMatchObject({ event: 'accepted' });
    expect(client.accepted.size, 'of what waited, and the last one').toBeGreaterThan(acceptedBefore + 1);
    // What waited was kept, and comes before what was broadcast later; what was refused is nowhere.
    const numbers = [...client.accepted.keys()];
    const sent = Array.from({ length: client.sent }, (_, index) => index + 1);
    expect(numbers).toEqual(sent.filter((number) => !client.refused.has(number)));
    expect([...client.accepted.values()]).toEqual(numbers.map((_, index) => index + 1));

    await client.kill();
    const second = new Client(config(disk), disk);
    expect(await second.until(({ event }) => event === 'ready')).toMatchObject({ seq: numbers.length });
    second.sent = client.sent;
    // This one is delivered after everything that was there.
    const last = second.send();
    await second.until(({ event, seq }) => event === 'deliver' && seq === numbers.length + 1);
    const delivered = new Map([...client.delivered, ...second.delivered]);
    expect([...delivered].sort(([a], [b]) => a - b)).toEqual(
      [...numbers, last].map((number, index) => [index + 1, number]),
    );
  });

  test.skipIf(!canRun)(
    'keeps what it accepted when it is killed while it is full, and starts while it still is',
    async () => {
      const disk = await make();
      const client = new Client(config(disk), disk);
      await client.until(({ event }) => event === 'ready');
      await client.fill();
      await client.kill();

      const second = new Client(config(disk), disk);
      const ready = await second.until(({ event }) => event === 'ready');
      expect(Number(ready['seq'])).toBeGreaterThanOrEqual(client.accepted.size);
      expect(await second.fill()).toMatchObject({ state: 'blocked', code: 'E_DISK_FULL' });
      disk.makeRoom(second.daemon);
      await second.until(({ event, state }) => event === 'storage' && state === 'ok');
      expect(await second.answer()).toMatchObject({ event: 'accepted' });
    },
  );
});
