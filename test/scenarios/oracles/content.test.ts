import { expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

test('catches a delivery of what nobody broadcast', () => {
  expect(new HistoryBuilder('a b').broadcast('a:1').deliver('b', 'a:1 a:2').safety()).toMatchObject({
    property: 'no-creation',
    sentence: 'a:2 was delivered at b, but a never broadcast it.',
    messages: ['a:2'],
  });
});

test('catches a message of an incarnation that never was', () => {
  expect(new HistoryBuilder('a b').broadcast('a:1').deliver('b', 'a~2:1').safety()?.property).toBe('no-creation');
});

test('catches a message of an origin that is no member', () => {
  expect(new HistoryBuilder('a b').deliver('b', 'z:1').safety()?.property).toBe('no-creation');
});

test('catches a receipt for what nobody broadcast', () => {
  expect(new HistoryBuilder('a b').accepted('a:1').safety()?.property).toBe('no-creation');
});

test('names the first byte that differs', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1', 'salt').deliverOne('b', 'a:1', { payload: 'sand' });
  expect(history.safety()).toMatchObject({
    property: 'integrity',
    sentence: 'b was given other bytes for a:1 than a broadcast: byte 2 is 110 instead of 108.',
  });
});

test('catches a payload that was cut', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1', 'salt').deliverOne('b', 'a:1', { payload: 'sal' });
  expect(history.safety()?.sentence).toContain('3 bytes instead of 4');
});

test('accepts equal bytes, none included', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1', '').deliverOne('b', 'a:1', { payload: '' });
  expect(history.safety()).toBeUndefined();
});

test('finds one byte that differs in a long payload', () => {
  const payload = 'x'.repeat(5000);
  const broken = `${payload.slice(0, 4321)}y${payload.slice(4322)}`;
  const history = new HistoryBuilder('a b').broadcast('a:1', payload).deliverOne('b', 'a:1', { payload: broken });
  expect(history.safety()?.sentence).toContain('byte 4321 is 121 instead of 120');
});
