/** The limits that TLS sets over loopback, with mutual certificates: blocks of 64 KiB in one direction, and the time of one way. */
import { once } from 'node:events';
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { median } from './case.js';

const blockBytes = 64 << 10;
const totalBytes = 512 << 20;
const waysPerRound = 500;

/** Bytes a second. `keys` holds ca.pem and the certificates and keys of a and b. */
export function rawTlsBytesPerSecond(keys: string): Promise<number> {
  return withSink(keys, totalBytes, async (socket, sink) => {
    const done = once(sink, 'message');
    const block = new Uint8Array(blockBytes).fill(7);
    const startedAtMs = performance.now();
    for (let sent = 0; sent < totalBytes; sent += blockBytes) {
      if (!socket.write(block)) await once(socket, 'drain');
    }
    await done;
    return (totalBytes * 1000) / (performance.now() - startedAtMs);
  });
}

/** Milliseconds that `bytes` take to the other process: half of the median way there and back. */
export function rawTlsWayMs(keys: string, bytes: number): Promise<number> {
  return withSink(keys, 'echo', async (socket) => {
    const message = new Uint8Array(bytes).fill(7);
    const timesMs: number[] = [];
    for (let sent = 0; sent < waysPerRound; sent++) {
      const startedAtMs = performance.now();
      socket.write(message);
      for (let received = 0; received < bytes;) {
        const [chunk] = (await once(socket, 'data')) as [Uint8Array];
        received += chunk.length;
      }
      timesMs.push(performance.now() - startedAtMs);
    }
    return median(timesMs) / 2;
  });
}

/** With a link to a process that counts so many bytes, or sends everything back. */
async function withSink(
  keys: string,
  job: number | 'echo',
  measure: (socket: TLSSocket, sink: ChildProcess) => Promise<number>,
): Promise<number> {
  const sink = fork(join(import.meta.dirname, 'raw-tls-sink.js'), [keys, String(job)]);
  try {
    const [port] = (await once(sink, 'message')) as [number];
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: readFileSync(join(keys, 'ca.pem')),
      cert: readFileSync(join(keys, 'a.pem')),
      key: readFileSync(join(keys, 'a.key')),
      minVersion: 'TLSv1.3',
      // What limits is looked for here, not who; the real links check names.
      checkServerIdentity: () => undefined,
    });
    socket.on('error', () => undefined);
    socket.setNoDelay(true);
    await once(socket, 'secureConnect');
    return await measure(socket, sink);
  } finally {
    sink.kill();
  }
}
