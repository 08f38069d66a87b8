/**
 * gRPC streaming over mutual TLS: a writes every message to a stream to each of the others, and they answer with how many
 * they have got, once for many. Nothing is stored; messages are bytes, without Protocol Buffers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once, type EventEmitter } from 'node:events';
import type { MemberOptions } from './orders.js';
import { loadPeerPackage } from './peer-packages.js';
import { DeliveryCounter, report, serveOrders } from './serve-orders.js';

const path = '/bench.Messages/Stream';
const ackEvery = 64;
/** Messages that a follower has not confirmed. */
const inFlightMax = 16_384;
const ackDelayMs = 1;

interface Stream extends EventEmitter {
  write(bytes: Uint8Array): boolean;
  end(): void;
}

interface Grpc {
  readonly credentials: { createSsl(ca: Buffer, key: Buffer, cert: Buffer): object };
  readonly ServerCredentials: {
    createSsl(
      ca: Buffer,
      pairs: readonly { readonly private_key: Buffer; readonly cert_chain: Buffer }[],
      checksClients: boolean,
    ): object;
  };
  readonly Server: new () => {
    addService(definition: object, handlers: Readonly<Record<string, (call: Stream) => void>>): void;
    bindAsync(address: string, credentials: object, done: (error: Error | null) => void): void;
  };
  readonly Client: new (
    address: string,
    credentials: object,
    options: Readonly<Record<string, string>>,
  ) => {
    waitForReady(deadlineMs: number, done: (error?: Error) => void): void;
    makeBidiStreamRequest(
      path: string,
      serialize: (value: Buffer) => Buffer,
      deserialize: (bytes: Buffer) => Buffer,
    ): Stream;
  };
}

const { name, keys, ports } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
const grpc = loadPeerPackage<Grpc>('@grpc/grpc-js');
const [ca, cert, key] = ['ca.pem', `${name}.pem`, `${name}.key`].map((file) => readFileSync(join(keys, file))) as [
  Buffer,
  Buffer,
  Buffer,
];
const asIs = (bytes: Buffer): Buffer => bytes;
const counter = new DeliveryCounter();

/** A stream to a follower, and how many messages it has confirmed. */
interface Follower {
  readonly stream: Stream;
  confirmed: number;
}

const followers: Follower[] = [];
let written = 0;
let onConfirmed: (() => void) | undefined;

async function listen(): Promise<void> {
  const method = {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  const server = new grpc.Server();
  server.addService({ stream: method }, { stream: receive });
  const credentials = grpc.ServerCredentials.createSsl(ca, [{ private_key: key, cert_chain: cert }], true);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${ports[name] ?? 0}`, credentials, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

function receive(call: Stream): void {
  let received = 0;
  let confirmed = 0;
  const confirm = (): void => {
    if (confirmed === received) return;
    confirmed = received;
    const ack = Buffer.alloc(4);
    ack.writeUInt32BE(received);
    call.write(ack);
  };
  call.on('error', () => undefined);
  call.on('data', (payload: Buffer) => {
    received += 1;
    counter.deliver(payload);
    if (received - confirmed >= ackEvery) confirm();
    else setTimeout(confirm, ackDelayMs);
  });
}

async function dial(port: number): Promise<void> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(ca, key, cert), {
    // TLS has no names that are addresses.
    'grpc.ssl_target_name_override': 'localhost',
  });
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
  const follower = { stream: client.makeBidiStreamRequest(path, asIs, asIs), confirmed: 0 };
  follower.stream.on('error', () => undefined);
  follower.stream.on('data', (ack: Buffer) => {
    follower.confirmed = ack.readUInt32BE();
    onConfirmed?.();
  });
  followers.push(follower);
}

/** Resolves when every follower lacks so many messages at most. */
function confirmation(lacking: number): Promise<void> {
  return new Promise((resolve) => {
    onConfirmed = (): void => {
      if (followers.every(({ confirmed }) => written - confirmed <= lacking)) resolve();
    };
    onConfirmed();
  });
}

async function writeAll(payload: Uint8Array, count: number): Promise<void> {
  const message = Buffer.from(payload);
  for (let sent = 0; sent < count; sent++) {
    written += 1;
    for (const { stream } of followers) {
      if (!stream.write(message)) await once(stream, 'drain');
    }
    if (sent % ackEvery === 0) await confirmation(inFlightMax);
  }
  await confirmation(0);
}

if (name === 'a') {
  for (const [other, port] of Object.entries(ports)) if (other !== name) await dial(port);
} else {
  await listen();
}
serveOrders(
  {
    broadcastAll: writeAll,
    broadcastOne: (payload) => writeAll(payload, 1),
    close: async () => {
      process.exit(0);
    },
  },
  counter,
);
report({ type: 'connected', position: 0 });
