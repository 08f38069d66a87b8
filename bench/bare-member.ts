/** One member of the bare pipeline, in a process of its own: dials all others, and takes orders as a member of ours does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { BarePipeline } from './bare-pipeline.js';
import type { MemberOptions } from './orders.js';
import { DeliveryCounter, report, serveOrders } from './serve-orders.js';

const redialMs = 20;

const { name, keys, data, ports } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
const credentials = {
  ca: readFileSync(join(keys, 'ca.pem')),
  cert: readFileSync(join(keys, `${name}.pem`)),
  key: readFileSync(join(keys, `${name}.key`)),
  minVersion: 'TLSv1.3',
} as const;
const others = Object.keys(ports).filter((other) => other !== name);
const counter = new DeliveryCounter();
const pipeline = new BarePipeline(join(data, `${name}.log`), {
  onMessage: (payload) => counter.deliver(payload),
  onOwnSynced: (count) => counter.skip(count),
});

let links = 0;
function handleLink(socket: TLSSocket): void {
  socket.setNoDelay(true);
  // A link that ends has its process behind it, which is watched by the parent.
  socket.on('error', () => undefined);
  links += 1;
  if (links === 2 * others.length) report({ type: 'connected', position: 0 });
}

async function dial(other: string): Promise<TLSSocket> {
  for (;;) {
    const socket = connect({
      ...credentials,
      host: '127.0.0.1',
      port: ports[other] ?? 0,
      // What limits is looked for here, not who; the real links check names.
      checkServerIdentity: () => undefined,
    });
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('secureConnect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (isUp) return socket;
    await sleep(redialMs);
  }
}

const server = createServer({ ...credentials, requestCert: true }, (socket) => {
  pipeline.addSource(socket);
  handleLink(socket);
});
server.listen(ports[name] ?? 0, '127.0.0.1');
serveOrders(
  {
    broadcastAll: async (payload, count) => {
      for (let sent = 0; sent < count; sent++) {
        if (!pipeline.broadcast(payload)) await pipeline.room();
      }
      await pipeline.settled();
    },
    broadcastOne: (payload) => {
      pipeline.broadcast(payload);
      return pipeline.settled();
    },
    close: async () => {
      pipeline.close();
      // Links of the others end by themselves, and so does this process.
      process.exit(0);
    },
  },
  counter,
);
for (const other of others) {
  const socket = await dial(other);
  pipeline.addTarget(socket);
  handleLink(socket);
}
