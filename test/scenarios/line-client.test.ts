import { expect, test } from 'vitest';
import { nodeName, type Dot } from '../../core/index.js';
import { LineClient, type Feed } from '../../scenarios/line-client.js';
import type { NumberedOperation } from '../../scenarios/plan.js';

const settleMs = 100;

/** A node that counts its messages, can die, and can be told what it kept. */
class FakeNode {
  readonly client = new LineClient(settleMs);
  readonly sent: string[] = [];
  readonly wakes: (() => void)[] = [];
  seq = 0;
  hasRoom = true;

  connect(): void {
    this.wakes.length = 0;
    const feed: Feed = {
      broadcast: (operation) => {
        if (!this.hasRoom) return undefined;
        this.seq += 1;
        this.sent.push(`${this.seq}=${operation.kind === 'line' ? operation.text : ''}`);
        return this.dot(this.seq);
      },
      wakeAfter: (_delayMs, wake) => void this.wakes.push(wake),
    };
    this.client.connect(feed);
  }

  dot(seq: number): Dot {
    return { origin: nodeName('a'), incarnation: 1, seq };
  }

  /** Lets every wait that is asked for, now or later, pass. */
  passTime(): void {
    for (
      let wake = this.wakes.shift(), rounds = 0;
      wake !== undefined && rounds < 50;
      wake = this.wakes.shift(), rounds += 1
    ) {
      wake();
    }
  }
}

function feed(...texts: readonly string[]): FakeNode {
  const node = new FakeNode();
  for (const text of texts) node.client.add(line(text));
  return node;
}

function line(text: string): NumberedOperation {
  return { atMs: 0, node: nodeName('a'), number: 1, kind: 'line', text };
}

test('sends the next line when the one before is accepted', () => {
  const node = feed('x', 'y');
  expect(node.sent).toEqual([]);
  node.connect();
  expect(node.sent).toEqual(['1=x']);
  node.client.handleAccepted(node.dot(1));
  expect(node.sent).toEqual(['1=x', '2=y']);
  expect(node.client.isDone).toBe(false);
  node.client.handleAccepted(node.dot(2));
  expect(node.client.isDone).toBe(true);
});

test('sends again what the restarted node did not keep', () => {
  const node = feed('x', 'y');
  node.connect();
  node.client.disconnect();
  node.seq = 0;
  node.connect();
  expect(node.sent).toEqual(['1=x']);
  node.passTime();
  expect(node.sent).toEqual(['1=x', '1=x']);
});

test('goes on behind what the restarted node hands over', () => {
  const node = feed('x', 'y');
  node.connect();
  node.client.disconnect();
  node.connect();
  node.client.handleDelivered(node.dot(1));
  node.passTime();
  expect(node.sent).toEqual(['1=x', '2=y']);
});

test('goes on behind what was delivered before the node died, receipt or not', () => {
  const node = feed('x', 'y');
  node.connect();
  node.client.handleDelivered(node.dot(1));
  node.client.disconnect();
  node.connect();
  expect(node.sent).toEqual(['1=x', '2=y']);
});

test('waits as long as the node still hands over other messages', () => {
  const node = feed('x');
  node.connect();
  node.client.disconnect();
  node.seq = 0;
  node.connect();
  for (let step = 0; step < 40; step += 1) {
    node.wakes.shift()?.();
    if (step % 5 === 0) node.client.handleDelivered({ origin: nodeName('b'), incarnation: 1, seq: step + 1 });
  }
  expect(node.sent).toEqual(['1=x']);
  node.passTime();
  expect(node.sent).toEqual(['1=x', '1=x']);
});

test('a node that kept a message and does not hand it over is found out', () => {
  const node = feed('x');
  node.connect();
  node.client.disconnect();
  node.connect();
  expect(() => node.passTime()).toThrow('but kept a:1');
});

test('a second crash while the first is being settled changes nothing', () => {
  const node = feed('x');
  node.connect();
  node.client.disconnect();
  node.seq = 0;
  node.connect();
  node.wakes.shift()?.();
  node.client.disconnect();
  node.connect();
  expect(node.sent).toEqual(['1=x']);
  node.passTime();
  expect(node.sent).toEqual(['1=x', '1=x']);
});

test('asks a node without room again, once at a time', () => {
  const node = feed('x');
  node.hasRoom = false;
  node.connect();
  node.client.add(line('y'));
  node.client.advance();
  expect(node.wakes).toHaveLength(1);
  node.hasRoom = true;
  node.passTime();
  expect(node.sent).toEqual(['1=x']);
});
