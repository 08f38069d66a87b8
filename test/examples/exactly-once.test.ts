/** Exactly once into a database, with real processes and real kills: what was applied twice or not at all shows in the sums. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { exactlyOnce } from '../../examples/exactly-once.js';
import { Ledger, paymentOf, type Payment } from '../../examples/ledger.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import { quietPorts } from '../transport-tls/quiet-port.js';

afterAll(removeTestDirectories);

function total(balances: readonly Payment[]): number {
  return balances.reduce((sum, { cents }) => sum + cents, 0);
}

function messageOf(payload: string): Uint8Array {
  return new TextEncoder().encode(payload);
}

describe('payments into two databases', () => {
  const abort = new AbortController();
  afterAll(() => abort.abort(new Error('the test is over')));

  test('are added once each, although both processes are killed again and again', async () => {
    const [a = 0, b = 0] = await quietPorts(2);
    const addresses = { a: `127.0.0.1:${a}`, b: `127.0.0.1:${b}` };
    const payments = 100;
    const { expected, members, kills } = await exactlyOnce({ addresses, payments, kills: 4, signal: abort.signal });
    expect(members).toEqual(['a', 'b'].map((name) => ({ name, position: 2 * payments, balances: expected })));
    // 1 + 2 + ... + 100 cents from each.
    expect(total(expected)).toBe(2 * ((payments * (payments + 1)) / 2));
    // What the claim is worth: everybody was killed, each time somewhere in the middle.
    expect(kills.map(({ name }) => name)).toEqual(['a', 'b', 'a', 'b']);
    for (const { applied } of kills) {
      expect(applied).toBeGreaterThan(0);
      expect(applied).toBeLessThan(2 * payments);
    }
  });
});

describe('the ledger', () => {
  test('has balances and position of one moment when it is opened again', () => {
    const path = join(makeTestDirectory('ledger'), 'ledger.sqlite');
    const before = new Ledger(path);
    expect(before.position).toBe(0);
    for (const n of [1, 2, 6]) {
      before.apply({ position: before.position + 1, payload: messageOf(JSON.stringify(paymentOf(n))) });
    }
    before.close();
    const after = new Ledger(path);
    expect(after.position).toBe(3);
    expect(after.balances).toEqual([
      { account: 'account 1', cents: 7 },
      { account: 'account 2', cents: 2 },
    ]);
    after.close();
  });

  test('keeps neither effect nor position of a message in whose middle it was killed', () => {
    const path = join(makeTestDirectory('ledger'), 'ledger.sqlite');
    const program = join(import.meta.dirname, 'dying-ledger.ts');
    const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, path], { encoding: 'utf8' });
    expect(signal, stderr).toBe('SIGKILL');
    const ledger = new Ledger(path);
    expect(ledger.position).toBe(1);
    expect(ledger.balances).toEqual([{ account: 'account 1', cents: 1 }]);
    ledger.close();
  });

  test('keeps neither effect nor position of a message that it cannot apply', () => {
    const ledger = new Ledger(join(makeTestDirectory('ledger'), 'ledger.sqlite'));
    ledger.apply({ position: 1, payload: messageOf(JSON.stringify(paymentOf(1))) });
    // The balance changes before the position proves to be impossible.
    expect(() => ledger.apply({ position: NaN, payload: messageOf(JSON.stringify(paymentOf(2))) })).toThrow();
    expect(() => ledger.apply({ position: 2, payload: messageOf('no payment') })).toThrow();
    expect(ledger.position).toBe(1);
    expect(ledger.balances).toEqual([{ account: 'account 1', cents: 1 }]);
    ledger.apply({ position: 2, payload: messageOf(JSON.stringify(paymentOf(2))) });
    expect(ledger.position).toBe(2);
    ledger.close();
  });
});
