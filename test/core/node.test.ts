/** The driver, with a link and a disk that the test moves by hand. */
import { describe, expect, test } from 'vitest';
import {
  Node,
  clusterName,
  defaultLimits,
  nodeName,
  type Link,
  type LinkHandlers,
  type Links,
} from '../../core/index.js';
import { FrameEncoder, type EncodableFrame } from '../../core/message/frame.js';
import { Slab } from '../../core/message/slab.js';
import { frameBytesMax } from '../../core/replica/peering.js';
import { nodeDigests } from '../support/digests.js';
import { MemoryDisk } from '../support/memory-disk.js';

const limits = { linkBufferBytesMax: 10_000, batchBytesTarget: 1000 };
const encoder = new FrameEncoder(nodeDigests, new Slab());
/** Every random number of the node, its nonce among them. */
const nonce = 7;

/** A network that accepts one link, which takes everything and lets nothing out. */
class StuckLinks implements Links {
  writtenBytes = 0;
  #accept: ((link: Link) => LinkHandlers) | undefined;

  listen(onLink: (link: Link) => LinkHandlers, done: Parameters<Links['listen']>[1]): void {
    this.#accept = onLink;
    done({ error: undefined, value: undefined });
  }

  dial(): () => void {
    return () => undefined;
  }

  learn(): void {}

  forget(): void {}

  close(done: () => void): void {
    done();
  }

  connect(): LinkHandlers {
    const bytes = (): number => this.writtenBytes;
    const link: Link = {
      remote: nodeName('b'),
      get bufferedBytes() {
        return bytes();
      },
      write: (written) => (this.writtenBytes += written.length),
      pause: () => undefined,
      resume: () => undefined,
      close: () => undefined,
    };
    const handlers = this.#accept?.(link);
    if (handlers === undefined) throw new Error('the node does not listen');
    return handlers;
  }
}

function makeNode(onDeliver: (position: number, applied: () => void) => void = (_position, applied) => applied()): {
  readonly node: Node;
  readonly links: StuckLinks;
  readonly disk: MemoryDisk;
  readonly stops: unknown[];
} {
  const links = new StuckLinks();
  const disk = new MemoryDisk();
  const stops: unknown[] = [];
  const node = new Node(
    { name: nodeName('a'), cluster: clusterName('test'), peers: [nodeName('b')], limits },
    {
      links,
      disk,
      clock: { nowMs: () => 0, wakeAt: () => () => undefined },
      random: { nextUint32: () => nonce },
      digests: nodeDigests,
      logger: { log: () => undefined },
    },
    {
      onReady: () => undefined,
      onDeliver: ({ position }, applied) => onDeliver(position, applied),
      onPeer: () => undefined,
      onAlarm: () => undefined,
      onStorage: () => undefined,
      onStable: () => undefined,
      onMembers: () => undefined,
      onIncarnation: () => undefined,
      onStopped: (error) => stops.push(error),
    },
  );
  return { node, links, disk, stops };
}

function started(...options: Parameters<typeof makeNode>): ReturnType<typeof makeNode> {
  const made = makeNode(...options);
  made.node.start();
  made.disk.settle();
  return made;
}

test('a backlog fills a link that takes nothing up to its limit, and no further', () => {
  const { node, links, disk } = started();
  for (let count = 0; count < 100; count++) {
    node.broadcast(new Uint8Array(1000), 'here', () => undefined);
    disk.settle();
  }
  const handlers = links.connect();
  const say = (frame: EncodableFrame): void => handlers.onBytes(encoder.encode(frame));
  say({
    type: 'hello',
    versionMin: 1,
    versionMax: 1,
    cluster: 'test',
    name: nodeName('b'),
    incarnation: 1,
    nonce: 1,
    windowBytes: 1 << 30,
    frameBytesMax: frameBytesMax({ ...defaultLimits, ...limits }),
  });
  say({ type: 'welcome', nonce, ackedSeq: 0, durable: [] });
  expect(links.writtenBytes).toBeGreaterThanOrEqual(limits.linkBufferBytesMax);
  // One batch may begin below the limit and end above it; the handshake is small.
  expect(links.writtenBytes).toBeLessThan(limits.linkBufferBytesMax + 2000);
});

describe('a delivery that is confirmed twice', () => {
  test('does not count for the next one', () => {
    const confirmations: (() => void)[] = [];
    const { node, disk } = started((_position, applied) => confirmations.push(applied));
    for (let count = 0; count < 3; count++) node.broadcast(new Uint8Array(1), 'here', () => undefined);
    disk.settle();
    confirmations[0]?.();
    confirmations[0]?.();
    expect(confirmations).toHaveLength(2);
  });
});

test('a node that is closed before it was started says that it has stopped', () => {
  const { node, stops } = makeNode();
  node.close();
  node.close();
  expect(stops).toEqual([undefined]);
});
