/**
 * A Hypercore that a appends to, replicated to the others over TCP; Hypercore encrypts its streams by itself (Noise). The others read
 * the log, block by block, as it comes. `settings.perAppend` messages go into one call of `append`; none of them is synced.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import type { MemberOptions } from './orders.js';
import { loadPeerPackage } from './peer-packages.js';
import { DeliveryCounter, report, serveOrders } from './serve-orders.js';

/** Calls of `append` that wait in Hypercore's queue. */
const inFlightMax = 64;
/** Blocks that a reader asks for before it has the first of them. */
const readsMax = 64;
const retryMs = 20;

interface Core {
  readonly key: Uint8Array;
  ready(): Promise<void>;
  append(blocks: Uint8Array | readonly Uint8Array[]): Promise<unknown>;
  get(index: number): Promise<Uint8Array>;
  download(range: { readonly start: number; readonly end: number }): unknown;
  replicate(isInitiator: boolean): Duplex;
  close(): Promise<void>;
}

type CoreClass = new (directory: string, key?: Uint8Array) => Core;

const { name, data, ports, settings } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
const perAppend = settings['perAppend'] ?? 1;
const loaded = loadPeerPackage<CoreClass>('hypercore');
const keyFile = join(data, 'key');
const counter = new DeliveryCounter();
const core = name === 'a' ? await publish() : await follow();

async function publish(): Promise<Core> {
  const own = new loaded(join(data, name));
  await own.ready();
  createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    const stream = own.replicate(false);
    stream.on('error', () => undefined);
    socket.pipe(stream).pipe(socket);
  }).listen(ports[name] ?? 0, '127.0.0.1', () => {
    // Whoever sees the key may dial.
    writeFileSync(`${keyFile}.new`, own.key);
    renameSync(`${keyFile}.new`, keyFile);
  });
  return own;
}

async function follow(): Promise<Core> {
  while (!existsSync(keyFile)) await sleep(retryMs);
  const copy = new loaded(join(data, name), readFileSync(keyFile));
  await copy.ready();
  const socket = connect(ports['a'] ?? 0, '127.0.0.1');
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  const stream = copy.replicate(true);
  stream.on('error', () => undefined);
  socket.pipe(stream).pipe(socket);
  // Everything, as soon as it is there.
  copy.download({ start: 0, end: -1 });
  void read(copy);
  return copy;
}

/** In order, several at a time; each waits until its block is there. */
async function read(copy: Core): Promise<never> {
  const blocks: Promise<Uint8Array>[] = [];
  let next = 0;
  for (;;) {
    while (blocks.length < readsMax) blocks.push(copy.get(next++));
    const block = await blocks.shift();
    if (block !== undefined) counter.deliver(block);
  }
}

async function appendAll(payload: Uint8Array, count: number): Promise<void> {
  const appends: Promise<unknown>[] = [];
  for (let sent = 0; sent < count; sent += perAppend) {
    const blocks = Array.from({ length: Math.min(perAppend, count - sent) }, () => payload);
    appends.push(core.append(blocks));
    if (appends.length >= inFlightMax) await appends.shift();
  }
  await Promise.all(appends);
}

serveOrders(
  {
    broadcastAll: appendAll,
    broadcastOne: (payload) => core.append(payload),
    close: async () => {
      process.exit(0);
    },
  },
  counter,
);
report({ type: 'connected', position: 0 });
