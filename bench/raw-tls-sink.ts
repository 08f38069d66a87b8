/** The receiving process of `raw-tls.ts`: counts bytes and says when all have come, or sends them back. */
import { createServer } from 'node:tls';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [keys, job] = [process.argv[2] ?? '', process.argv[3] ?? ''];
const total = Number(job);
const server = createServer(
  {
    ca: readFileSync(join(keys, 'ca.pem')),
    cert: readFileSync(join(keys, 'b.pem')),
    key: readFileSync(join(keys, 'b.key')),
    requestCert: true,
    minVersion: 'TLSv1.3',
  },
  (socket) => {
    socket.on('error', () => undefined);
    if (job === 'echo') {
      socket.setNoDelay(true);
      socket.on('data', (bytes: Uint8Array) => socket.write(bytes));
      return;
    }
    let received = 0;
    socket.on('data', (bytes: Uint8Array) => {
      received += bytes.length;
      if (received < total) return;
      process.send?.('done');
      socket.destroy();
      server.close();
    });
  },
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.(address.port);
});
