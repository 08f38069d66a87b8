/** Several processes that write one log: a twin, a disk that was emptied, one that was set back. */
import { describe, expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

/** a has broadcast a:1, which everybody has; its twin begins with that. */
const twinned = (): HistoryBuilder =>
  new HistoryBuilder('a b c')
    .broadcast('a:1')
    .accepted('a:1')
    .deliver('a', 'a:1')
    .deliver('b', 'a:1')
    .deliver('c', 'a:1')
    .twin('a.twin', 'a', 1);

const byTwin = (history: HistoryBuilder, text = 'a:2', payload = `${text} of the twin`): HistoryBuilder =>
  history.broadcast(text, payload, 'a.twin');
const givenTwins = (history: HistoryBuilder, node: string, text = 'a:2'): HistoryBuilder =>
  history.deliverOne(node, text, { payload: `${text} of the twin` });

describe('a dot that two have used', () => {
  test('may be given out by both, and be given to each of them', () => {
    const history = byTwin(twinned().broadcast('a:2')).deliver('a', 'a:2');
    expect(givenTwins(history, 'a.twin').accepted('a:2').accepted('a:2', 'a.twin').safety()).toBeUndefined();
  });

  test.each([
    ['of the twin', (history: HistoryBuilder, node: string) => givenTwins(history, node)],
    ['of the member', (history: HistoryBuilder, node: string) => history.deliver(node, 'a:2')],
  ])('may be given to others with the body %s alone', (_whose, give) => {
    const both = byTwin(twinned().broadcast('a:2'));
    expect(give(give(both, 'b'), 'c').safety()).toBeUndefined();
  });

  test('catches two bodies, whichever came first', () => {
    const both = (): HistoryBuilder => byTwin(twinned().broadcast('a:2'));
    const sentence = 'a:2 has two bodies: b was given one, and c the other.';
    expect(givenTwins(both(), 'b').deliver('c', 'a:2').safety()).toMatchObject({ property: 'integrity', sentence });
    expect(givenTwins(both().deliver('b', 'a:2'), 'c').safety()).toMatchObject({ property: 'integrity', sentence });
  });

  test('catches one that is accepted as being everywhere when somebody has the other, before or after', () => {
    const both = (): HistoryBuilder => byTwin(twinned().broadcast('a:2'));
    const late = givenTwins(both(), 'b').acceptedOn('a:2', 3, undefined);
    expect(late.safety()?.sentence).toBe('a:2 of a was accepted as being everywhere, but others have another a:2.');
    const early = givenTwins(both().acceptedOn('a:2', 3, undefined), 'b');
    expect(early.safety()?.sentence).toBe(
      'a:2 has two bodies: one was accepted as being everywhere, and b was given the other.',
    );
    expect(givenTwins(both(), 'b').acceptedOn('a:2', 3, undefined, 'a.twin').safety()).toBeUndefined();
  });

  test('catches a message that follows the other body', () => {
    const history = byTwin(byTwin(twinned().broadcast('a:2').deliver('b', 'a:2')), 'a:3');
    expect(givenTwins(history, 'b', 'a:3').safety()?.sentence).toBe(
      'b was given a:3, whose writer had written another a:2 before it.',
    );
  });

  test('catches bytes that neither has written', () => {
    const history = byTwin(twinned().broadcast('a:2')).deliverOne('b', 'a:2', { payload: 'x' });
    expect(history.safety()?.property).toBe('integrity');
    expect(twinned().deliver('b', 'a:2').safety()?.property).toBe('no-creation');
  });
});

describe('what a twin does otherwise', () => {
  test('is held against causal order, duplication and positions', () => {
    const history = (): HistoryBuilder => twinned().broadcast('b:1').broadcast('b:2');
    expect(history().deliver('a.twin', 'b:1 b:2').safety()).toBeUndefined();
    expect(history().deliver('a.twin', 'b:2').safety()?.property).toBe('causal-order');
    expect(history().deliver('a.twin', 'a:1').safety()?.property).toBe('no-duplication');
    expect(history().deliverOne('a.twin', 'b:1', { position: 9 }).safety()?.property).toBe('position-order');
  });

  test('counts as a cause of what it broadcasts, also when it has lost', () => {
    const caused = (history: HistoryBuilder): HistoryBuilder =>
      byTwin(history.broadcast('c:1').deliver('a.twin', 'c:1'), 'a:3');
    const lost = givenTwins(byTwin(twinned()), 'a.twin');
    expect(givenTwins(givenTwins(caused(lost), 'b'), 'b', 'a:3').safety()).toMatchObject({
      property: 'causal-order',
      messages: ['a:3', 'c:1'],
    });
  });

  test('is asked for by nobody', () => {
    const history = byTwin(twinned()).accepted('a:2', 'a.twin').crash('a.twin');
    expect(history.end({ live: 'a b c' })).toBeUndefined();
  });

  test('is not to use its own dots twice, or to leave one out', () => {
    expect(byTwin(byTwin(twinned()), 'a:2', 'again').safety()?.property).toBe('integrity');
    expect(byTwin(twinned(), 'a:3').safety()?.sentence).toBe('a.twin gave out a:3 when a:2 was the next of its log.');
    expect(twinned().broadcast('b:1', 'b:1', 'a.twin').safety()?.sentence).toBe('a.twin gave out b:1, a dot of b.');
  });
});

describe('who has lost', () => {
  /** b and c have a:2 of the twin, and a its own. */
  const lost = (): HistoryBuilder =>
    givenTwins(givenTwins(byTwin(twinned().broadcast('a:2').accepted('a:2').deliver('a', 'a:2')), 'b'), 'c').crash(
      'a.twin',
    );

  test('must know it in the end, and is asked for nothing more', () => {
    expect(lost().end({ live: 'a b c' })).toMatchObject({
      property: 'integrity',
      kind: 'liveness',
      sentence: 'a has other messages under its name than the other nodes, and has raised no alarm.',
    });
    const warned = lost().alarm('a', 'E_CHAIN', 'b').broadcast('b:1').deliver('b', 'b:1').deliver('c', 'b:1');
    expect(warned.end({ live: 'a b c' })).toBeUndefined();
  });

  test('must have everything again once its disk is emptied', () => {
    const wiped = (): HistoryBuilder =>
      lost().alarm('a', 'E_CHAIN', 'b').crash('a').damaged('a').setBack('a', 0).start('a', 0);
    expect(wiped().end({ live: 'a b c' })?.property).toBe('convergence');
    expect(givenTwins(wiped().deliver('a', 'a:1'), 'a').end({ live: 'a b c' })).toBeUndefined();
  });

  test('may go on as another incarnation', () => {
    const wiped = lost().crash('a').damaged('a').setBack('a', 0).start('a', 0);
    const back = givenTwins(wiped.deliver('a', 'a:1'), 'a').broadcast('a~2:1');
    expect(back.deliver('a', 'a~2:1').deliver('b', 'a~2:1').deliver('c', 'a~2:1').end()).toBeUndefined();
  });
});

describe('a node that was set back', () => {
  /** b has a:1 and a:2; a goes back to when it had broadcast a:1 alone. */
  const setBack = (): HistoryBuilder =>
    new HistoryBuilder('a b c')
      .broadcast('a:1')
      .deliver('a', 'a:1')
      .broadcast('a:2')
      .accepted('a:2')
      .deliver('a', 'a:2')
      .deliver('b', 'a:1 a:2')
      .crash('a')
      .damaged('a')
      .setBack('a', 1)
      .start('a', 1);

  test('may use dots again, as long as the others do not see it', () => {
    const again = (): HistoryBuilder => setBack().broadcast('a:2', 'other');
    expect(again().deliverOne('a', 'a:2', { payload: 'other' }).safety()).toBeUndefined();
    expect(again().deliver('c', 'a:1').deliverOne('c', 'a:2', { payload: 'other' }).safety()).toMatchObject({
      property: 'integrity',
      sentence: 'a:2 has two bodies: b was given one, and c the other.',
    });
    expect(again().deliver('c', 'a:1 a:2').safety()).toBeUndefined();
  });

  test('may give out the same bytes with other causes', () => {
    const caused = new HistoryBuilder('a b').broadcast('b:1').deliver('b', 'b:1').deliver('a', 'b:1').broadcast('a:1');
    const again = caused
      .deliver('b', 'a:1')
      .crash('a')
      .damaged('a')
      .setBack('a', 0, false)
      .start('a', 0)
      .broadcast('a:1');
    expect(again.deliver('a', 'a:1').alarm('a', 'E_CHAIN', 'b').end()).toBeUndefined();
  });

  test('is given again what it was given before, and must be', () => {
    expect(setBack().deliver('c', 'a:1 a:2').end()).toMatchObject({ property: 'convergence', nodes: ['a'] });
    expect(setBack().deliver('c', 'a:1 a:2').deliver('a', 'a:2').end()).toBeUndefined();
    expect(setBack().deliver('a', 'a:1').safety()?.property).toBe('no-duplication');
  });

  test('may not use dots again after that which it has accepted since', () => {
    const again = setBack().broadcast('a:2', 'other').accepted('a:2').crash('a').start('a', 1);
    expect(again.broadcast('a:2', 'third').safety()).toMatchObject({
      property: 'durability',
      sentence: 'a forgot a:2 after accepting it, and used its dot for a new message.',
    });
  });

  test('goes on with a dot that nobody else was given, and then keeps what it promises', () => {
    const history = new HistoryBuilder('a b')
      .broadcast('a:1')
      .accepted('a:1')
      .crash('a')
      .damaged('a')
      .setBack('a', 0)
      .start('a', 0)
      .broadcast('a:1', 'other')
      .accepted('a:1')
      .deliverOne('a', 'a:1', { payload: 'other' });
    expect(history.end()?.property).toBe('convergence');
    expect(history.deliverOne('b', 'a:1', { payload: 'other' }).end()).toBeUndefined();
  });
});

test('what a twin has been given counts for the member when others call it stable', () => {
  const known = twinned().broadcast('b:1').deliver('b', 'b:1').deliver('c', 'b:1');
  expect(known.deliver('a.twin', 'b:1').stable('c', 'b:1').safety()).toBeUndefined();
  expect(twinned().broadcast('b:1').deliver('b', 'b:1').deliver('c', 'b:1').stable('c', 'b:1').safety()?.property).toBe(
    'stability',
  );
});
