/** The limit that TLS sets: one process writes blocks of 64 KiB to another over loopback, with mutual certificates. */
import { once } from 'node:events';
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';

const blockBytes = 64 << 10;
const totalBytes = 512 << 20;

/** Bytes a second. `keys` holds ca.pem and the certificates and keys of a and b. */
export async function rawTlsBytesPerSecond(keys: string): Promise<number> {
  const sink = fork(join(import.meta.dirname, 'raw-tls-sink.js'), [keys, String(totalBytes)]);
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
    await once(socket, 'secureConnect');
    const done = once(sink, 'message');
    const block = new Uint8Array(blockBytes).fill(7);
    const startedAtMs = performance.now();
    for (let sent = 0; sent < totalBytes; sent += blockBytes) {
      if (!socket.write(block)) await once(socket, 'drain');
    }
    await done;
    return (totalBytes * 1000) / (performance.now() - startedAtMs);
  } finally {
    sink.kill();
  }
}
