import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { HistoryBuilder } from './history-builder.js';

/** The disk of a is damaged after it has accepted a:1 and a:2; b was given a:1. */
const damaged = (): HistoryBuilder => accepted().damaged('a');
const accepted = (): HistoryBuilder =>
  new HistoryBuilder('a b c').broadcast('a:1').accepted('a:1').broadcast('a:2').accepted('a:2').deliver('b', 'a:1');

describe('stops', () => {
  test.each(['E_LOG_CORRUPT', 'E_LOG_VANISHED', 'E_POSITION', 'E_STORAGE'])(
    '%s is excused after damage alone',
    (code) => {
      for (const phase of ['starting', 'running'] as const) {
        expect(damaged().crash('a').start('a', 0).stopped('a', code, phase).safety()).toBeUndefined();
        expect(accepted().crash('a').start('a', 0).stopped('a', code, phase).safety()?.property).toBe(
          'no-unexpected-stop',
        );
      }
    },
  );

  test('a log that was repaired may not be refused again, unless it is damaged again', () => {
    const repaired = (): HistoryBuilder => damaged().crash('a').rebuilt('a').start('a', 0);
    expect(repaired().stopped('a', 'E_LOG_CORRUPT', 'starting').safety()?.property).toBe('no-unexpected-stop');
    expect(repaired().damaged('a').stopped('a', 'E_LOG_CORRUPT', 'starting').safety()).toBeUndefined();
    // What it has forgotten it has forgotten for good.
    expect(repaired().alarm('b', 'E_PEER_FORGOT', 'a').safety()).toBeUndefined();
  });

  test('nobody else may stop', () => {
    expect(damaged().stopped('b', 'E_LOG_CORRUPT', 'starting').safety()?.property).toBe('no-unexpected-stop');
  });

  test('an error that has nothing to do with a disk is no consequence', () => {
    expect(damaged().stopped('a', 'E_STATE').safety()?.property).toBe('no-unexpected-stop');
  });

  test('what comes before the damage is none either', () => {
    expect(accepted().stopped('a', 'E_LOG_CORRUPT').damaged('a').safety()?.property).toBe('no-unexpected-stop');
  });
});

describe('alarms', () => {
  test('others may say that a damaged node has forgotten', () => {
    expect(damaged().alarm('b', 'E_PEER_FORGOT', 'a').safety()).toBeUndefined();
  });

  test.each(['E_ROLLED_BACK', 'E_CHAIN'])('a damaged node may find so itself: %s', (code) => {
    expect(damaged().alarm('a', code, 'b').safety()).toBeUndefined();
  });

  test('one whose directory was emptied finds so only once it has broadcast something', () => {
    const emptied = (): HistoryBuilder => accepted().crash('a').damaged('a').setBack('a', 0).start('a', 0);
    expect(emptied().alarm('a', 'E_ROLLED_BACK', 'b').safety()?.property).toBe('durability');
    expect(emptied().broadcast('a:1').alarm('a', 'E_ROLLED_BACK', 'b').safety()).toBeUndefined();
    const repaired = (): HistoryBuilder => damaged().crash('a').rebuilt('a').start('a', 0);
    expect(repaired().alarm('a', 'E_ROLLED_BACK', 'b').safety()?.property).toBe('durability');
    expect(repaired().damaged('a').alarm('a', 'E_ROLLED_BACK', 'b').safety()).toBeUndefined();
    // Who does not know that its directory was put back goes on as before.
    const unaware = accepted().crash('a').damaged('a').setBack('a', 0, false).start('a', 0);
    expect(unaware.alarm('a', 'E_ROLLED_BACK', 'b').safety()).toBeUndefined();
  });

  test('catches an alarm that names one whose disk is as it was', () => {
    expect(accepted().alarm('b', 'E_PEER_FORGOT', 'a').safety()).toMatchObject({
      property: 'durability',
      sentence: 'b raised E_PEER_FORGOT: something is missing.',
    });
    expect(damaged().alarm('b', 'E_PEER_FORGOT', 'c').safety()?.property).toBe('durability');
    // Its own disk says nothing about that of a peer, and that of a peer nothing about its own.
    expect(damaged().alarm('a', 'E_PEER_FORGOT', 'b').safety()?.property).toBe('durability');
    expect(damaged().alarm('b', 'E_ROLLED_BACK', 'a').safety()?.property).toBe('durability');
    expect(damaged().alarm('b', 'E_CHAIN', 'a').safety()?.property).toBe('durability');
  });

  test('that somebody who is away holds back the journal is no loss', () => {
    expect(accepted().alarm('a', 'E_RETENTION', 'b').safety()).toBeUndefined();
  });

  test('catches an alarm that names nobody, and one that no oracle knows', () => {
    const { events } = damaged();
    const nameless = { type: 'alarm', atMs: 99, node: nodeName('b'), code: 'E_PEER_FORGOT', message: '' } as const;
    const history = damaged();
    history.events.splice(0, history.events.length, ...events, nameless);
    expect(history.safety()?.property).toBe('durability');
    expect(damaged().alarm('a', 'E_STATE', 'b').safety()?.property).toBe('durability');
  });
});

describe('messages of its own that nobody was given', () => {
  test('are lost without a violation', () => {
    const back = (history: HistoryBuilder): HistoryBuilder =>
      history.crash('a').start('a', 0).deliver('a', 'a:1').deliver('c', 'a:1');
    expect(back(damaged()).end()).toBeUndefined();
    expect(back(accepted()).end()).toMatchObject({ property: 'durability', messages: ['a:2'] });
  });

  test('also when it had been closed in peace', () => {
    const back = (history: HistoryBuilder): HistoryBuilder =>
      history.start('a', 0).deliver('a', 'a:1').deliver('c', 'a:1');
    expect(back(accepted().closed('a', 0).damaged('a')).end()).toBeUndefined();
    expect(back(accepted().closed('a', 0)).end()?.property).toBe('durability');
  });

  test('may have their dots used again', () => {
    const again = (history: HistoryBuilder): HistoryBuilder =>
      history.crash('a').start('a', 0).broadcast('a:2', 'second try').accepted('a:2').deliver('a', 'a:1');
    const mended = again(damaged())
      .deliverOne('a', 'a:2', { payload: 'second try' })
      .deliver('c', 'a:1')
      .deliverOne('b', 'a:2', { payload: 'second try' })
      .deliverOne('c', 'a:2', { payload: 'second try' });
    expect(mended.end()).toBeUndefined();
    expect(again(accepted()).safety()).toMatchObject({ property: 'durability', messages: ['a:2'] });
  });

  test('but what it accepts after that must arrive', () => {
    const history = damaged()
      .crash('a')
      .start('a', 0)
      .broadcast('a:2', 'second try')
      .accepted('a:2')
      .deliver('a', 'a:1');
    expect(history.deliver('c', 'a:1').end()).toMatchObject({ kind: 'liveness', messages: ['a:2'] });
  });
});

describe('never excused', () => {
  test('what a live node was given of its messages must reach all of them', () => {
    expect(damaged().stopped('a', 'E_LOG_CORRUPT').end({ live: 'b c' })).toMatchObject({
      kind: 'liveness',
      messages: ['a:1'],
      sentence: 'c was never given a:1, though it had the time; b has it (1 of 3 nodes are down).',
    });
  });

  test('a message that somebody was given has one body', () => {
    expect(damaged().crash('a').start('a', 0).broadcast('a:1', 'other').safety()).toMatchObject({
      property: 'integrity',
      sentence: 'a:1 has two bodies: it had been delivered when a used its dot again.',
    });
  });

  test('messages of others are not lost with it', () => {
    const history = damaged().deliver('c', 'a:1').broadcast('b:1').accepted('b:1').crash('b').start('b', 1);
    expect(history.deliver('a', 'a:1').end()).toMatchObject({ property: 'durability', messages: ['b:1'] });
  });

  test('other nodes converge', () => {
    const history = damaged().crash('a').start('a', 0).deliver('a', 'a:1').deliver('c', 'a:1');
    const end = history.broadcast('b:1').deliver('b', 'b:1').deliver('a', 'b:1').end();
    expect(end).toMatchObject({ kind: 'liveness', nodes: ['c', 'b'], messages: ['b:1'] });
  });

  test('causal order, duplicates, bytes and creation, at the damaged node too', () => {
    const given = damaged().deliver('a', 'a:1').deliver('b', 'a:2').broadcast('b:1');
    expect(given.deliver('a', 'b:1').safety()?.property).toBe('causal-order');
    expect(damaged().deliver('a', 'a:1 a:1').safety()?.property).toBe('no-duplication');
    expect(damaged().deliverOne('a', 'a:1', { payload: 'rotten' }).safety()?.property).toBe('integrity');
    expect(damaged().deliver('a', 'b:1').safety()?.property).toBe('no-creation');
  });
});

describe('a node that is fenced', () => {
  const fenced = (history: HistoryBuilder): HistoryBuilder =>
    history
      .crash('a')
      .start('a', 0)
      .alarm('a', 'E_ROLLED_BACK', 'b')
      .deliver('c', 'a:1')
      .broadcast('b:1')
      .accepted('b:1')
      .deliver('b', 'b:1')
      .deliver('c', 'b:1');

  test('is not asked for what others go on to say', () => {
    expect(fenced(damaged()).end()).toBeUndefined();
    expect(fenced(damaged()).judged().converged(['a', 'b', 'c'].map(nodeName))).toBe(true);
  });

  test('is asked as long as it has not said so', () => {
    const history = damaged().crash('a').start('a', 0).deliver('a', 'a:1').deliver('c', 'a:1');
    const end = history.broadcast('b:1').deliver('b', 'b:1').deliver('c', 'b:1').end();
    expect(end).toMatchObject({ kind: 'liveness', nodes: ['a', 'b'], messages: ['b:1'] });
  });
});
