/** One member of ours, in a process of its own, for `cluster.ts`. */
import { join } from 'node:path';
import { openNode } from '../transport-tls/index.js';
import type { MemberOptions } from './orders.js';
import { DeliveryCounter, report, serveOrders } from './serve-orders.js';

const { name, keys, data, ports } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
const counter = new DeliveryCounter();
const up = new Set<string>();
let noteConnected = (): void => undefined;
const connected = new Promise<void>((resolve) => (noteConnected = resolve));
const node = await openNode({
  name,
  cluster: 'bench',
  dataDir: join(data, name),
  listen: `127.0.0.1:${ports[name] ?? 0}`,
  peers: Object.fromEntries(
    Object.entries(ports).flatMap(([peer, port]) => (peer === name ? [] : [[peer, `127.0.0.1:${port}`]])),
  ),
  tls: { ca: join(keys, 'ca.pem'), cert: join(keys, `${name}.pem`), key: join(keys, `${name}.key`) },
  // A peer that is dead on purpose is no news.
  logLevel: 'error',
  apply: (delivery) => {
    // One less than the position after a start on a log of an earlier life.
    counter.position = delivery.position - 1;
    counter.deliver(delivery.payload);
  },
  onPeer: (peer) => {
    if (peer.state === 'up') up.add(peer.name);
    if (up.size === Object.keys(ports).length - 1) noteConnected();
  },
});

serveOrders(
  {
    recoveredPosition: node.position,
    broadcastAll: async (payload, count) => {
      let last: Promise<unknown> = Promise.resolve();
      for (let sent = 0; sent < count; sent++) {
        await node.room();
        last = node.broadcast(payload);
      }
      // Receipts come in order.
      await last;
    },
    broadcastOne: (payload) => node.broadcast(payload, { durable: 'all' }),
    close: () => node.close(),
  },
  counter,
);

await connected;
// What was applied in an earlier life is not delivered again.
report({ type: 'connected', position: Math.max(counter.position, node.position) });
