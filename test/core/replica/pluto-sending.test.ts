/** Our messages as lines for a member that speaks pluto v0.4: which are sent, in which order, and which again. */
import { describe, expect, test } from 'vitest';
import { AntecedentError, type LineOutcome } from '../../../core/index.js';
import { readRecordContent } from '../../../core/record-content.js';
import { ReplicaUnderTest, type ReplicaUnderTestOptions } from '../../support/replicas.js';
import { groupOf } from '../../support/replica-group.js';
import { nodeDigests } from '../../support/digests.js';

const options = { name: 'a', peers: ['b'], plutoPeers: ['old'] } satisfies ReplicaUnderTestOptions;

function failure(mayHaveArrived: boolean): LineOutcome {
  return { type: 'failed', error: new AntecedentError('E_UNREACHABLE', 'no answer'), mayHaveArrived };
}

/** Lets the disk work until nothing waits for it. */
function settle(a: ReplicaUnderTest): void {
  while (a.unsynced + a.reads.length > 0) {
    a.syncAll();
    a.answerReads();
  }
}

/** What was to be sent to old since the last call. */
function sent(a: ReplicaUnderTest): readonly string[] {
  settle(a);
  return a.takeSentLines().map(([, line]) => line);
}

/** Broadcasts, and sends all of it. */
function send(a: ReplicaUnderTest, ...texts: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const text of texts) a.broadcast(text);
  for (let line = sent(a); line.length > 0; line = sent(a)) {
    lines.push(...line);
    a.lineOutcome('old');
  }
  return lines;
}

/** Numbers of the messages that the journal says may have been sent. */
function begun(a: ReplicaUnderTest): readonly number[] {
  const contents = a.journal.map((entry) => readRecordContent(entry, nodeDigests));
  return contents.flatMap((content) => (content.kind === 'line-begun' ? [content.seq] : []));
}

describe('own messages are sent', () => {
  test('in order, one after the other, with the clock of each', () => {
    const a = new ReplicaUnderTest(options);
    a.broadcast('one');
    a.broadcast('two');
    expect(sent(a)).toEqual(['a|a:1;b:0;old:0|one']);
    expect(sent(a)).toEqual([]);
    a.receiveLine('old', 'old|old:1;a:1|theirs');
    settle(a);
    a.deliver();
    a.broadcast('three');
    a.lineOutcome('old');
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
    a.lineOutcome('old');
    expect(sent(a)).toEqual(['a|a:3;b:0;old:1|three']);
  });

  test('and no others: theirs they send themselves', () => {
    const group = groupOf(['a', 'b'], () => ({ plutoPeers: ['old'] }));
    group.connectAll();
    const [a, b] = [group.get('a'), group.get('b')];
    b.broadcast('from b');
    group.settle();
    expect(a.applied).toEqual(['from b']);
    expect(a.takeSentLines()).toEqual([]);
    expect(b.takeSentLines()).toEqual([['old', 'b|a:0;b:1;old:0|from b']]);
    a.broadcast('from a');
    group.settle();
    expect(a.takeSentLines()).toEqual([['old', 'a|a:1;b:1;old:0|from a']]);
  });

  test('only when the journal says that they are about to be', () => {
    const a = new ReplicaUnderTest(options);
    a.broadcast('one');
    a.sync();
    a.answerReads();
    expect(a.takeSentLines()).toEqual([]);
    expect(begun(a)).toEqual([]);
    a.sync();
    expect(begun(a)).toEqual([1]);
    expect(a.takeSentLines()).toHaveLength(1);
  });

  test('and that not before the peer has let us in', () => {
    const a = new ReplicaUnderTest({ ...options, letsLinesIn: false });
    a.broadcast('one');
    settle(a);
    expect(a.takeConnects()).toEqual(['old']);
    expect(begun(a)).toEqual([]);
    a.lineConnected('old');
    expect(a.takeSentLines()).toEqual([]);
    settle(a);
    expect(begun(a)).toEqual([1]);
    expect(a.takeSentLines()).toHaveLength(1);
  });

  test('until an attempt works, with growing waits', () => {
    const a = new ReplicaUnderTest(options);
    a.broadcast('one');
    expect(sent(a)).toHaveLength(1);
    for (const waitMs of [250, 500, 1000]) {
      a.lineOutcome('old', failure(false));
      expect(a.takeSentLines()).toEqual([]);
      a.wake(a.nowMs + waitMs - 1);
      expect(a.takeSentLines()).toEqual([]);
      a.wake(a.nowMs + 1);
      expect(a.takeSentLines().map(([, line]) => line)).toEqual(['a|a:1;b:0;old:0|one']);
    }
    a.lineOutcome('old');
    expect(begun(a)).toEqual([1]);
  });

  test('and the newest once more, when the next finds nobody: it may have died with the peer', () => {
    const a = new ReplicaUnderTest(options);
    send(a, 'one');
    a.broadcast('two');
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
    a.lineOutcome('old', failure(false));
    a.wake(a.nowMs + 250);
    expect(sent(a)).toEqual(['a|a:1;b:0;old:0|one']);
    a.lineOutcome('old');
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
  });

  test('but never an older one, when the next may have arrived', () => {
    const a = new ReplicaUnderTest(options);
    send(a, 'one');
    a.broadcast('two');
    expect(sent(a)).toHaveLength(1);
    a.lineOutcome('old', failure(true));
    a.wake(a.nowMs + 250);
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
    a.lineOutcome('old', failure(false));
    a.wake(a.nowMs + 500);
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
  });

  test('and once more, when its connection was lost behind it', () => {
    const a = new ReplicaUnderTest(options);
    a.broadcast('one');
    a.broadcast('two');
    expect(sent(a)).toEqual(['a|a:1;b:0;old:0|one']);
    for (let time = 0; time < 3; time++) {
      a.lineOutcome('old', { type: 'sent', isDoubtful: true });
      expect(sent(a)).toEqual(['a|a:1;b:0;old:0|one']);
      expect(begun(a)).toEqual([1]);
    }
    a.lineOutcome('old', { type: 'sent', isDoubtful: true });
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
  });

  test('and the last one a few times more, with growing waits, until it is told back', () => {
    const a = new ReplicaUnderTest(options);
    send(a, 'one');
    for (const waitMs of [1000, 2000]) {
      a.wake(a.nowMs + waitMs - 1);
      expect(sent(a)).toEqual([]);
      a.wake(a.nowMs + 1);
      expect(sent(a)).toEqual(['a|a:1;b:0;old:0|one']);
      a.lineOutcome('old');
    }
    a.receiveLine('old', 'old|old:1;a:1|has it');
    settle(a);
    a.wake(a.nowMs + 100_000);
    expect(sent(a)).toEqual([]);
    expect(send(a, 'two')).toEqual(['a|a:2;b:0;old:0|two']);
    for (let time = 0; time < 3; time++) {
      a.wake(a.nowMs + 100_000);
      expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
      a.lineOutcome('old', time === 1 ? failure(true) : undefined);
    }
    a.wake(a.nowMs + 100_000);
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
    a.lineOutcome('old');
    a.wake(a.nowMs + 100_000);
    expect(sent(a)).toEqual([]);
    expect(begun(a)).toEqual([1, 2]);
  });

  test('and not again what the peer has told back', () => {
    const a = new ReplicaUnderTest(options);
    send(a, 'one');
    a.broadcast('two');
    expect(sent(a)).toHaveLength(1);
    a.receiveLine('old', 'old|old:1;a:2|has both');
    settle(a);
    a.lineOutcome('old', failure(false));
    a.wake(a.nowMs + 250);
    expect(sent(a)).toEqual(['a|a:2;b:0;old:0|two']);
    a.lineOutcome('old');
    expect(send(a, 'three')).toEqual(['a|a:3;b:0;old:0|three']);
  });
});

describe('after a restart', () => {
  /** Three messages, of which two were sent; whether the second has arrived is not known. */
  function interrupted(): ReplicaUnderTest {
    const a = new ReplicaUnderTest(options);
    send(a, 'one');
    a.broadcast('two');
    a.broadcast('three');
    expect(sent(a)).toHaveLength(1);
    return a;
  }

  test('the newest that may have been sent is sent again, and no older one', () => {
    const a = new ReplicaUnderTest({ ...options, journal: interrupted().journal });
    expect(send(a)).toEqual(['a|a:2;b:0;old:0|two', 'a|a:3;b:0;old:0|three']);
  });

  test('nothing is sent again that the peer has told back', () => {
    const before = interrupted();
    before.receiveLine('old', 'old|old:1;a:2|has both');
    settle(before);
    const a = new ReplicaUnderTest({ ...options, journal: before.journal });
    expect(send(a)).toEqual(['a|a:3;b:0;old:0|three']);
  });

  test('nothing is sent when everything was told back', () => {
    const before = new ReplicaUnderTest(options);
    send(before, 'one', 'two');
    before.receiveLine('old', 'old|old:1;a:2|has both');
    settle(before);
    const a = new ReplicaUnderTest({ ...options, journal: before.journal });
    expect(send(a)).toEqual([]);
    expect(send(a, 'three')).toEqual(['a|a:3;b:0;old:1|three']);
  });

  test('what a checkpoint stands for is known, and what it took away is not needed', () => {
    const before = new ReplicaUnderTest({
      ...options,
      retention: { policy: 'block' },
      limits: { batchBytesTarget: 1 },
    });
    send(before, 'one', 'two');
    before.deliver();
    settle(before);
    before.beginsSegment = true;
    expect(send(before, 'three')).toHaveLength(1);
    const checkpointAt = before.journal.findIndex(({ type }) => type === 7);
    const a = new ReplicaUnderTest({ ...options, journal: before.journal.slice(checkpointAt) });
    expect(send(a)).toEqual(['a|a:3;b:0;old:0|three']);
    expect(send(a, 'four')).toEqual(['a|a:4;b:0;old:0|four']);
  });
});

describe('the journal keeps', () => {
  test('what has still to be sent, and the newest that was', () => {
    const a = new ReplicaUnderTest({
      ...{ name: 'a', peers: [], plutoPeers: ['old'], retention: { policy: 'demote' } },
      limits: { batchBytesTarget: 1 },
    });
    const review = (): number => {
      a.deliver();
      settle(a);
      a.wake(a.nowMs + 5_000);
      return a.journal.findIndex((_, address) => address >= a.releaseAddress);
    };
    a.broadcast('one');
    a.broadcast('two');
    sent(a);
    expect(review()).toBe(0);
    a.lineOutcome('old');
    sent(a);
    a.lineOutcome('old');
    settle(a);
    const second = a.journal.findIndex(({ body }) => new TextDecoder().decode(body).includes('two'));
    expect(review()).toBe(second);
    a.receiveLine('old', 'old|old:1;a:2|has both');
    settle(a);
    expect(review()).toBe(-1);
  });
});

describe('a receipt', () => {
  test('for all waits until the peer has told the message back', () => {
    const a = new ReplicaUnderTest({ name: 'a', peers: [], plutoPeers: ['old'] });
    a.broadcast('one', 'all');
    a.broadcast('two', 2);
    settle(a);
    expect(a.receipts).toEqual([]);
    a.receiveLine('old', 'old|old:1;a:1|has one');
    settle(a);
    expect(a.receipts).toEqual([1]);
    a.receiveLine('old', 'old|old:2;a:2|has both');
    settle(a);
    expect(a.receipts).toEqual([1, 2]);
    expect(() => a.broadcast('three', 3)).toThrow(/number from 1 to 2/);
    expect(a.replica.status().members).toMatchObject([{ name: 'old', state: 'up', ackedSeq: 2, lagBytes: 0 }]);
  });
});

describe('a message is stable', () => {
  test('when the peer has told it back, and all that it had said before was applied here', () => {
    const a = new ReplicaUnderTest({ name: 'a', peers: [], plutoPeers: ['old'] });
    const stable = (): unknown => {
      settle(a);
      a.wake(a.nowMs + 5_000);
      return a.events.findLast(({ type }) => type === 'stable');
    };
    a.broadcast('one');
    settle(a);
    a.deliver();
    expect(stable()).toBeUndefined();
    a.receiveLine('old', 'old|old:1;a:1|has one');
    expect(stable()).toBeUndefined();
    a.deliver();
    expect(JSON.parse(JSON.stringify(stable()))).toEqual({ type: 'stable', clock: { a: 1, old: 1 } });
  });
});

describe('what cannot be told to the peer', () => {
  test.each(['line\nbreak', 'line\rbreak', '\r\n'])('is not broadcast: %j', (text) => {
    const a = new ReplicaUnderTest(options);
    expect(() => a.broadcast(text)).toThrow(expect.objectContaining({ code: 'E_PLUTO' }));
    expect(new ReplicaUnderTest({ name: 'a', peers: ['b'] }).broadcast(text)).toBe(1);
  });

  test('is anything of a later incarnation', () => {
    const a = new ReplicaUnderTest({ ...options, incarnation: 2 });
    expect(() => a.broadcast('one')).toThrow(expect.objectContaining({ code: 'E_PLUTO' }));
    const alarm: unknown = expect.objectContaining({ code: 'E_PLUTO', peer: 'a' });
    expect(a.events).toContainEqual({ type: 'alarm', alarm });
  });

  test('stops sending, with an alarm, when it was broadcast before there was such a peer', () => {
    const before = new ReplicaUnderTest({ name: 'a', peers: ['b'] });
    before.broadcast('one');
    before.broadcast('line\nbreak');
    before.broadcast('three');
    settle(before);
    const a = new ReplicaUnderTest({ ...options, journal: before.journal });
    expect(send(a)).toEqual(['a|a:1;b:0;old:0|one']);
    const alarm: unknown = expect.objectContaining({ code: 'E_PLUTO', peer: 'old' });
    expect(a.events).toContainEqual({ type: 'alarm', alarm });
    expect(send(a)).toEqual([]);
  });
});

test('a peer that has applied more of our messages than we have written shows that our log was set back', () => {
  const a = new ReplicaUnderTest(options);
  a.receiveLine('old', 'old|old:1;a:1|remembers');
  settle(a);
  expect(() => a.broadcast('one')).toThrow(expect.objectContaining({ code: 'E_ROLLED_BACK' }));
});
