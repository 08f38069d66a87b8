/**
 * One member of the cluster in `tls-cluster.ts`, in a process of its own. Takes orders from its parent: how many messages
 * to broadcast, and which position to wait for.
 */
import { join } from 'node:path';
import { openNode, type AntecedentNode } from '../transport-tls/index.js';

export interface MemberOptions {
  readonly name: string;
  readonly keys: string;
  readonly data: string;
  readonly ports: Readonly<Record<string, number>>;
}

export type Order =
  | { readonly type: 'broadcast'; readonly count: number; readonly bytes: number }
  /** Answer once the message at this position has been delivered. */
  | { readonly type: 'expect'; readonly position: number }
  | { readonly type: 'close' };

/** CPU time counts from the last order. */
export type Report =
  | { readonly type: 'connected' }
  | { readonly type: 'accepted'; readonly cpuMicros: number }
  | { readonly type: 'delivered'; readonly cpuMicros: number };

const options = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
let position = 0;
let expected = Infinity;
let cpu = process.cpuUsage();

function report(message: Report): void {
  process.send?.(message);
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage(cpu);
  return user + system;
}

function checkDelivered(): void {
  if (position < expected) return;
  expected = Infinity;
  report({ type: 'delivered', cpuMicros: cpuMicros() });
}

async function broadcastAll(node: AntecedentNode, count: number, bytes: number): Promise<void> {
  const payload = new Uint8Array(bytes).fill(7);
  let last: Promise<unknown> = Promise.resolve();
  for (let sent = 0; sent < count; sent++) {
    await node.room();
    last = node.broadcast(payload);
  }
  // Receipts come in order.
  await last;
  report({ type: 'accepted', cpuMicros: cpuMicros() });
}

const up = new Set<string>();
const { name, keys, data, ports } = options;
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
    position = delivery.position;
    checkDelivered();
  },
  onPeer: (peer) => {
    if (peer.state === 'up') up.add(peer.name);
    if (up.size === Object.keys(ports).length - 1) report({ type: 'connected' });
  },
});

process.on('message', (order: Order) => {
  switch (order.type) {
    case 'broadcast':
      cpu = process.cpuUsage();
      void broadcastAll(node, order.count, order.bytes);
      return;
    case 'expect':
      cpu = process.cpuUsage();
      // What was applied in an earlier life is not delivered again.
      position = Math.max(position, node.position);
      expected = order.position;
      checkDelivered();
      return;
    case 'close':
      void node.close().then(() => process.disconnect());
  }
});
