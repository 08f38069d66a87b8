import { expect, test } from 'vitest';
import type { AntecedentError } from '../../../../core/errors.js';
import {
  Channel,
  fatal,
  Lock,
  Routines,
  Signal,
  untilDone,
  type Steps,
} from '../../../../core/pluto/model/routines.js';

interface Rig {
  readonly routines: Routines;
  readonly seen: string[];
  readonly errors: AntecedentError[];
}

function rig(): Rig {
  const errors: AntecedentError[] = [];
  return { routines: new Routines((error) => errors.push(error)), seen: [], errors };
}

test('a lock is handed on in the order of asking, and held by one', () => {
  const { routines, seen } = rig();
  const lock = new Lock();
  const goOn: (() => void)[] = [];
  function* holdOn(name: string): Steps<void> {
    yield* lock.acquire();
    seen.push(`${name} has it`);
    yield* untilDone((done) => void goOn.push(done));
    seen.push(`${name} gives it up`);
    lock.release();
  }
  for (const name of ['a', 'b', 'c']) routines.start(holdOn(name));
  expect(seen).toEqual(['a has it']);
  for (let step = goOn.shift(); step !== undefined; step = goOn.shift()) step();
  expect(seen).toEqual(['a has it', 'a gives it up', 'b has it', 'b gives it up', 'c has it', 'c gives it up']);
});

test('a signal that is put twice before it is taken is taken once', () => {
  const { routines, seen } = rig();
  const signal = new Signal();
  signal.put();
  signal.put();
  function* loop(): Steps<void> {
    for (;;) {
      yield* signal.take();
      seen.push('taken');
    }
  }
  routines.start(loop());
  expect(seen).toEqual(['taken']);
  signal.put();
  expect(seen).toEqual(['taken', 'taken']);
});

test('who offers something goes on when it is taken', () => {
  const { routines, seen } = rig();
  const channel = new Channel<string>();
  for (const value of ['x', 'y']) channel.offer(value, () => seen.push(`${value} taken`));
  expect([seen, channel.length]).toEqual([[], 2]);
  function* takeOne(): Steps<void> {
    seen.push(`got ${yield* channel.take()}`);
  }
  routines.start(takeOne());
  expect([seen, channel.length]).toEqual([['x taken', 'got x'], 1]);
});

test('what a step wakes runs after it', () => {
  const { routines, seen } = rig();
  const signal = new Signal();
  function* waiting(): Steps<void> {
    yield* signal.take();
    seen.push('woken');
  }
  function* waking(): Steps<void> {
    signal.put();
    seen.push('goes on');
    yield* untilDone(() => undefined);
  }
  routines.start(waiting());
  routines.start(waking());
  expect(seen).toEqual(['goes on', 'woken']);
});

test('an error of one routine ends all of them, once', () => {
  const { routines, seen, errors } = rig();
  const goOn: (() => void)[] = [];
  function* failing(): Steps<void> {
    yield* untilDone((done) => void goOn.push(done));
    throw fatal('E_APP', 'enough');
  }
  function* other(): Steps<void> {
    yield* untilDone((done) => void goOn.push(done));
    seen.push('still there');
  }
  for (const steps of [failing(), failing(), other()]) routines.start(steps);
  for (const step of goOn) step();
  expect([seen, errors.map(({ message }) => message), routines.isAlive]).toEqual([[], ['enough'], false]);
});

test('an error of ours comes out', () => {
  const { routines, errors } = rig();
  function* broken(): Steps<void> {
    throw new TypeError('a bug');
  }
  expect(() => routines.start(broken())).toThrow('a bug');
  expect(errors).toEqual([]);
});
