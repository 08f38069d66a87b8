/** Deliveries in the hands of an application: one at a time, whatever it does. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Delivery } from '../../core/index.js';
import { HandingOver } from '../../core/handing-over.js';
import { ReplicaUnderTest } from '../support/replicas.js';

interface Given {
  readonly text: string;
  readonly position: number;
  readonly applied: () => void;
}

class Application {
  readonly member = new ReplicaUnderTest({
    name: 'a',
    peers: ['b'],
    hasSnapshots: true,
    limits: { batchBytesTarget: 1 },
  });
  readonly given: Given[] = [];
  readonly asked: ((state: Uint8Array | undefined) => void)[] = [];
  isRunning = true;
  progress = 0;
  onGiven: (given: Given) => void = () => undefined;
  readonly over: HandingOver = new HandingOver({
    replica: this.member.replica,
    handlers: {
      onDeliver: (delivery: Delivery, applied: () => void) => {
        const given = { text: new TextDecoder().decode(delivery.payload), position: delivery.position, applied };
        this.given.push(given);
        this.onGiven(given);
      },
      snapshots: {
        make: (done) => this.asked.push(done),
        install: () => undefined,
      },
    },
    nowMs: () => 0,
    isRunning: () => this.isRunning,
    onProgress: () => {
      this.progress++;
      this.over.goOn();
    },
  });

  broadcast(...texts: readonly string[]): void {
    for (const text of texts) this.member.broadcast(text);
    this.member.syncAll();
    this.over.goOn();
  }

  get texts(): readonly string[] {
    return this.given.map(({ text }) => text);
  }
}

let app: Application;
beforeEach(() => {
  app = new Application();
});

describe('a delivery', () => {
  test('comes only when the one before is confirmed', () => {
    app.broadcast('1', '2', '3');
    app.over.goOn();
    expect(app.texts).toEqual(['1']);
    app.given[0]?.applied();
    expect(app.texts).toEqual(['1', '2']);
    expect(app.member.replica.status().appliedPosition).toBe(1);
  });

  test('may be confirmed at once, and then all of them come', () => {
    app.onGiven = ({ applied }) => applied();
    app.broadcast('1', '2', '3');
    expect(app.texts).toEqual(['1', '2', '3']);
  });

  test('that is confirmed twice, or long ago, confirms nothing else', () => {
    app.broadcast('1', '2', '3');
    const [first] = app.given;
    for (let turn = 0; turn < 3; turn++) first?.applied();
    expect(app.texts).toEqual(['1', '2']);
    expect(app.progress).toBe(1);
  });

  test('is not handed over before the node is ready, or once it closes', () => {
    app.isRunning = false;
    app.broadcast('1');
    expect(app.texts).toEqual([]);
    app.isRunning = true;
    app.over.goOn();
    expect(app.texts).toEqual(['1']);
  });

  test('that is confirmed after the end counts no more', () => {
    app.broadcast('1');
    app.over.end();
    app.given[0]?.applied();
    expect(app.progress).toBe(0);
    expect(app.member.replica.status().appliedPosition).toBe(0);
  });
});

describe('giving up', () => {
  test('the delivery in the hands of the application brings the next one, and its late confirmation counts for nothing', () => {
    app.broadcast('1', '2', '3');
    app.over.givingUp(1)();
    expect(app.texts).toEqual(['1', '2']);
    app.given[0]?.applied();
    expect(app.texts).toEqual(['1', '2']);
  });

  test('what was confirmed while that was journalled changes nothing', () => {
    app.broadcast('1', '2', '3');
    const giveUp = app.over.givingUp(1);
    app.given[0]?.applied();
    giveUp();
    expect(app.texts).toEqual(['1', '2']);
  });

  test('any other delivery is refused', () => {
    expect(() => app.over.givingUp(1)).toThrow(expect.objectContaining({ code: 'E_POSITION' }));
    app.broadcast('1', '2');
    for (const position of [0, 2]) {
      expect(() => app.over.givingUp(position)).toThrow(expect.objectContaining({ code: 'E_POSITION' }));
    }
  });
});

describe('a snapshot of the application', () => {
  /** b, who holds nothing, asks for one. */
  function ask(): void {
    const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 9 });
    app.member.open(1, 'b', false);
    b.open(1, 'a', true);
    for (let turn = 0; turn < 4; turn++) {
      for (const bytes of app.member.takeSent(1)) b.receive(1, bytes);
      for (const bytes of b.takeSent(1)) app.member.receive(1, bytes);
    }
    app.member.receiveFrame(1, { type: 'snapshot-want', id: new Uint8Array(32), offset: 0 });
    expect(app.member.isClosed(1)).toBe(false);
  }

  test('is asked for between two deliveries, and none comes before it is given', () => {
    app.broadcast('1', '2');
    ask();
    app.over.goOn();
    expect(app.asked).toHaveLength(0);
    app.given[0]?.applied();
    expect(app.asked).toHaveLength(1);
    expect(app.texts).toEqual(['1']);
    app.over.goOn();
    expect(app.asked).toHaveLength(1);
    app.asked[0]?.(Uint8Array.of(1, 2, 3));
    expect(app.texts).toEqual(['1', '2']);
    app.member.step();
    expect(app.member.takeFrames(1)).toContainEqual(expect.objectContaining({ type: 'snapshot' }));
  });

  test('that is given twice counts once', () => {
    app.broadcast('1');
    app.given[0]?.applied();
    ask();
    app.over.goOn();
    const [give] = app.asked;
    give?.(undefined);
    give?.(Uint8Array.of(1));
    app.member.step();
    const given = app.member.takeFrames(1).filter(({ type }) => type === 'snapshot');
    expect(given).toMatchObject([{ totalBytes: 0 }]);
  });
});
