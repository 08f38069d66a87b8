/**
 * `node reopen-member.js DIRECTORY MESSAGES`: starts a node on a log whose messages have all been applied, and prints how long
 * that took and how much the process has grown by it.
 */
import { clusterName, Node, nodeName } from '../core/index.js';
import { NativeDigests } from '../transport-tls/digests.js';
import { DirectoryDisk } from '../transport-tls/disk.js';
import { SystemClock } from '../transport-tls/clock.js';

const [, , directory = '', messages = '0'] = process.argv;

/** Time between two looks at the memory of the process. */
const sampleMs = 5;

/** Resolves with the time until the node is ready; it is not stopped. */
function openMs(position: number): Promise<number> {
  const startedAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const node = new Node(
      { cluster: clusterName('bench'), name: nodeName('a'), peers: [nodeName('b')], position },
      {
        links: {
          listen: (_onLink, done) => setImmediate(done, { error: undefined, value: undefined }),
          dial: () => () => undefined,
          learn: () => undefined,
          forget: () => undefined,
          close: (done) => setImmediate(done),
        },
        disk: new DirectoryDisk(directory),
        clock: new SystemClock(),
        random: { nextUint32: () => 1 },
        digests: new NativeDigests(),
        logger: { log: () => undefined },
      },
      {
        onReady: () => resolve(performance.now() - startedAtMs),
        onDeliver: () => undefined,
        onPeer: () => undefined,
        onAlarm: () => undefined,
        onStorage: () => undefined,
        onStable: () => undefined,
        onMembers: () => undefined,
        onIncarnation: () => undefined,
        onStopped: (error) => reject(error ?? new Error('the node stopped')),
      },
    );
    node.start();
  });
}

void run();

async function run(): Promise<void> {
  const before = process.memoryUsage.rss();
  let peak = before;
  setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), sampleMs);
  const openedMs = await openMs(Number(messages));
  peak = Math.max(peak, process.memoryUsage.rss());
  process.stdout.write(JSON.stringify({ openedMs, grownBytes: peak - before }));
  process.exit(0);
}
