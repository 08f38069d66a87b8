/**
 * One member of the cluster in `three-nodes.ts`, in a process of its own. Takes orders from its parent: how many messages
 * to broadcast, and how many deliveries to wait for.
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
  /** Answer once so many messages have been delivered since the last answer. */
  | { readonly type: 'expect'; readonly deliveries: number }
  | { readonly type: 'close' };

export type Report =
  | { readonly type: 'connected' }
  | { readonly type: 'accepted'; readonly cpuMicros: number }
  | { readonly type: 'delivered'; readonly cpuMicros: number };

const options = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
let delivered = 0;
let expected = Infinity;
let cpu = process.cpuUsage();

function report(message: Report): void {
  process.send?.(message);
}

/** CPU time of this process since the last call. */
function takeCpuMicros(): number {
  const { user, system } = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  return user + system;
}

function checkDelivered(): void {
  if (delivered < expected) return;
  delivered -= expected;
  expected = Infinity;
  report({ type: 'delivered', cpuMicros: takeCpuMicros() });
}

async function broadcastAll(node: AntecedentNode, count: number, bytes: number): Promise<void> {
  const payload = new Uint8Array(bytes).fill(7);
  let last: Promise<unknown> = Promise.resolve();
  takeCpuMicros();
  for (let sent = 0; sent < count; sent++) {
    await node.room();
    last = node.broadcast(payload);
  }
  // Receipts come in order.
  await last;
  report({ type: 'accepted', cpuMicros: takeCpuMicros() });
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
  apply: () => {
    delivered += 1;
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
      void broadcastAll(node, order.count, order.bytes);
      return;
    case 'expect':
      expected = order.deliveries;
      takeCpuMicros();
      checkDelivered();
      return;
    case 'close':
      void node.close().then(() => process.disconnect());
  }
});
