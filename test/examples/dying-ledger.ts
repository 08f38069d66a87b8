/** `dying-ledger.ts PATH`: applies a payment to the ledger at PATH, and is killed (SIGKILL) in the middle of the next one. */
import { Ledger, paymentOf } from '../../examples/ledger.js';

const ledger = new Ledger(process.argv[2] ?? '');

function payloadOf(n: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(paymentOf(n)));
}

ledger.apply({ position: 1, payload: payloadOf(1) });
ledger.apply({
  payload: payloadOf(2),
  // Looked at when the balance has changed.
  get position(): number {
    process.kill(process.pid, 'SIGKILL');
    for (;;);
  },
});
