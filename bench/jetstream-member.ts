/**
 * A client of NATS JetStream: a publishes to a stream with file storage, the others have a durable consumer each. The server
 * listens on the port in `settings.nats`.
 *
 * As fast as the client offers it: publishing without waiting for each acknowledgement, at most `inFlightMax`; consumers acknowledge
 * cumulatively, once for many messages.
 */
import type { MemberOptions } from './orders.js';
import { loadPeerPackage } from './peer-packages.js';
import { DeliveryCounter, report, serveOrders } from './serve-orders.js';

const stream = 'bench';
const subject = 'bench.messages';
const inFlightMax = 4096;
const ackEvery = 256;

interface Connection {
  close(): Promise<void>;
}

interface Transport {
  readonly connect: (options: { readonly servers: string }) => Promise<Connection>;
}

interface JetStreamMessage {
  readonly data: Uint8Array;
  ack(): void;
}

interface JetStream {
  readonly jetstream: (connection: Connection) => {
    publish(to: string, payload: Uint8Array): Promise<unknown>;
    readonly consumers: {
      get(
        from: string,
        durable: string,
      ): Promise<{
        consume(options: {
          readonly max_messages: number;
          readonly callback: (message: JetStreamMessage) => void;
        }): Promise<unknown>;
      }>;
    };
  };
  readonly jetstreamManager: (connection: Connection) => Promise<{
    readonly streams: { add(config: object): Promise<unknown> };
    readonly consumers: { add(to: string, config: object): Promise<unknown> };
  }>;
}

const { name, settings } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
const { connect } = loadPeerPackage<Transport>('@nats-io/transport-node');
const { jetstream, jetstreamManager } = loadPeerPackage<JetStream>('@nats-io/jetstream');
const counter = new DeliveryCounter();
const connection = await connect({ servers: `127.0.0.1:${settings['nats'] ?? 0}` });
const manager = await jetstreamManager(connection);
const client = jetstream(connection);
// The same for everybody, whoever comes first.
await manager.streams.add({ name: stream, subjects: [subject], storage: 'file' });
if (name !== 'a') await consume();

async function consume(): Promise<void> {
  await manager.consumers.add(stream, { durable_name: name, ack_policy: 'all', max_ack_pending: 1 << 20 });
  const consumer = await client.consumers.get(stream, name);
  let unacked = 0;
  await consumer.consume({
    max_messages: inFlightMax,
    callback: (message) => {
      unacked += 1;
      if (unacked === ackEvery) {
        message.ack();
        unacked = 0;
      }
      counter.deliver(message.data);
    },
  });
}

async function publishAll(payload: Uint8Array, count: number): Promise<void> {
  let inFlight = 0;
  let onRoom: (() => void) | undefined;
  let failure: unknown;
  const settle = (): void => {
    inFlight -= 1;
    onRoom?.();
  };
  const wait = (most: number): Promise<void> =>
    new Promise((resolve) => {
      onRoom = (): void => {
        if (inFlight <= most) resolve();
      };
      onRoom();
    });
  for (let sent = 0; sent < count; sent++) {
    inFlight += 1;
    client.publish(subject, payload).then(settle, (error: unknown) => {
      failure = error;
      settle();
    });
    if (inFlight >= inFlightMax) await wait(inFlightMax >> 1);
  }
  await wait(0);
  if (failure !== undefined) throw new Error('publishing failed', { cause: failure });
}

serveOrders(
  {
    broadcastAll: publishAll,
    broadcastOne: (payload) => client.publish(subject, payload),
    close: () => connection.close(),
  },
  counter,
);
report({ type: 'connected', position: 0 });
