/** The small rooms of the real world: clock, chance, digests, log, addresses. */
import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { AntecedentError } from '../../core/index.js';
import { formatAddress, parseAddress } from '../../transport-tls/address.js';
import { Admission } from '../../transport-tls/admission.js';
import { SystemClock } from '../../transport-tls/clock.js';
import { NativeDigests } from '../../transport-tls/digests.js';
import { JsonLogger } from '../../transport-tls/logger.js';
import { RefusalLog } from '../../transport-tls/refusal-log.js';
import { SystemRandom } from '../../transport-tls/random.js';
import { within } from './waiting.js';

describe('the clock', () => {
  test('wakes once its time has come, and not before', async () => {
    const clock = new SystemClock();
    const atMs = clock.nowMs() + 5.5;
    await within('a wake-up', new Promise<void>((resolve) => clock.wakeAt(atMs, resolve)));
    expect(clock.nowMs()).toBeGreaterThanOrEqual(atMs);
  });

  test('wakes for a time that has passed, but not inside the call', async () => {
    const clock = new SystemClock();
    let isInside = true;
    const woken = new Promise<boolean>((resolve) => clock.wakeAt(clock.nowMs() - 1000, () => resolve(isInside)));
    isInside = false;
    expect(await within('a wake-up', woken)).toBe(false);
  });

  test('does not wake at once for a wait longer than a timer can hold', () => {
    vi.useFakeTimers();
    try {
      const clock = new SystemClock();
      vi.spyOn(clock, 'nowMs').mockImplementation(() => Date.now());
      let isAwake = false;
      const longMs = 2 ** 31 + 1000;
      clock.wakeAt(clock.nowMs() + longMs, () => (isAwake = true));
      vi.advanceTimersByTime(longMs - 1);
      expect(isAwake).toBe(false);
      vi.advanceTimersByTime(2);
      expect(isAwake).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test('does not wake after cancel', async () => {
    const clock = new SystemClock();
    let isAwake = false;
    const cancel = clock.wakeAt(clock.nowMs(), () => (isAwake = true));
    cancel();
    cancel();
    await within('a later wake-up', new Promise<void>((resolve) => clock.wakeAt(clock.nowMs() + 3, resolve)));
    expect(isAwake).toBe(false);
  });
});

describe('digests', () => {
  const digests = new NativeDigests();
  const check = new TextEncoder().encode('123456789');

  test('compute the CRC-32 of IEEE 802.3', () => {
    expect(digests.crc32(check, 0)).toBe(0xcbf43926);
  });

  test('continue a checksum, also over nothing', () => {
    expect(digests.crc32(check.subarray(4), digests.crc32(check.subarray(0, 4), 0))).toBe(0xcbf43926);
    for (const seed of [0, 1, 0xcbf43926, 0xffffffff]) {
      expect(digests.crc32(new Uint8Array(), seed)).toBe(seed);
      expect(digests.crc32(check.subarray(9), seed)).toBe(seed);
    }
  });

  test('chain with SHA-256 over previous and body', () => {
    const previous = new Uint8Array(32).fill(7);
    const expected = createHash('sha256')
      .update(Buffer.concat([previous, check]))
      .digest();
    expect([...digests.chain(previous, check)]).toEqual([...expected]);
  });
});

test('random numbers fill 32 bits and do not repeat', () => {
  const random = new SystemRandom();
  const drawn = Array.from({ length: 1000 }, () => random.nextUint32());
  expect(drawn.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true);
  expect(new Set(drawn).size).toBeGreaterThan(990);
  expect(Math.max(...drawn)).toBeGreaterThan(2 ** 31);
});

describe('the log', () => {
  function lines(write: (logger: JsonLogger) => void): readonly string[] {
    const out: string[] = [];
    write(new JsonLogger('a', 'info', { write: (line) => out.push(line) }));
    return out;
  }

  test('is one JSON object a line, with node, level, event and fields', () => {
    const [line] = lines((logger) => logger.log('warn', 'link-refused', { code: 'E_IDENTITY', tries: 2 }));
    expect(JSON.parse(line ?? '')).toMatchObject({
      node: 'a',
      level: 'warn',
      event: 'link-refused',
      code: 'E_IDENTITY',
      tries: 2,
    });
  });

  test('lets no remote text forge a line or hide a part of one', () => {
    const [line, ...more] = lines((logger) =>
      logger.log('info', 'x', { reason: 'a\r\n{"level":"fatal"}\u202e\u001b[31m\u009b%s' }),
    );
    expect(more).toEqual([]);
    expect(line?.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  test('leaves out what is below its level', () => {
    expect(lines((logger) => logger.log('debug', 'x', {}))).toEqual([]);
  });
});

describe('an address', () => {
  test.each([
    ['127.0.0.1:7101', '127.0.0.1', 7101],
    ['[::1]:7101', '::1', 7101],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
    ['node-a.example:65535', 'node-a.example', 65535],
  ])('%s is read and written', (text, host, port) => {
    expect(parseAddress(text, { zeroPort: false })).toEqual({ host, port });
    expect(formatAddress({ host, port })).toBe(text);
  });

  test.each([
    '',
    ':7101',
    'a',
    'a:',
    'a:x',
    'a:65536',
    'a:0',
    '::1:7101',
    '[x]:1',
    '127.0.0.256:1',
    'a b:1',
    'a:1:2',
    '%s:1',
    'a:-1',
    '[::1%]:1',
  ])('%j is none', (text) => {
    expect(() => parseAddress(text, { zeroPort: false })).toThrow(AntecedentError);
  });
});

describe('admission', () => {
  test('starts at most so many handshakes a second, and more as time goes on', () => {
    let nowMs = 0;
    const clock = { nowMs: () => nowMs, wakeAt: () => () => {} };
    const admission = new Admission(
      { pendingMax: 1000, pendingPerAddressMax: 1000, handshakesPerSecondMax: 10 },
      clock,
    );
    const enter = (): boolean => 'leave' in admission.enter('x');
    expect(Array.from({ length: 12 }, enter).filter(Boolean).length).toBe(10);
    nowMs += 300;
    expect(Array.from({ length: 12 }, enter).filter(Boolean).length).toBe(3);
    nowMs += 3_600_000;
    expect(Array.from({ length: 12 }, enter).filter(Boolean).length).toBe(10);
  });

  test('counts places in all and per address, and gives each back once', () => {
    const clock = { nowMs: () => 0, wakeAt: () => () => {} };
    const admission = new Admission({ pendingMax: 3, pendingPerAddressMax: 2, handshakesPerSecondMax: 1000 }, clock);
    const first = admission.enter('x');
    admission.enter('x');
    expect(admission.enter('x')).toEqual({ refusal: '2 handshakes are pending from this address' });
    admission.enter('y');
    expect(admission.enter('z')).toEqual({ refusal: '3 handshakes are pending' });
    if (!('leave' in first)) throw new Error('refused');
    first.leave();
    first.leave();
    expect(admission.enter('z')).toHaveProperty('leave');
    expect(admission.enter('z')).toHaveProperty('refusal');
  });
});

test('refusals are logged at most so many times a second, and the rest is counted', () => {
  let nowMs = 0;
  const lines: unknown[] = [];
  const log = new RefusalLog(
    { log: (level, event, fields) => lines.push({ level, event, ...fields }) },
    { nowMs: () => nowMs, wakeAt: () => () => {} },
    2,
  );
  const refuse = (): void => log.refused('::1', new AntecedentError('E_IDENTITY', 'wrong'));
  for (let count = 0; count < 5; count++) refuse();
  nowMs = 1000;
  refuse();
  const line = { level: 'warn', event: 'link-refused', code: 'E_IDENTITY', address: '::1', reason: 'wrong' };
  expect(lines).toEqual([line, line, { ...line, suppressed: 3 }]);
});
