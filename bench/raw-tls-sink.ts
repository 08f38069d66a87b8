/** The receiving process of `raw-tls.ts`: counts bytes and says when all have come. */
import { createServer } from 'node:tls';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [keys, total] = [process.argv[2] ?? '', Number(process.argv[3])];
const server = createServer(
  {
    ca: readFileSync(join(keys, 'ca.pem')),
    cert: readFileSync(join(keys, 'b.pem')),
    key: readFileSync(join(keys, 'b.key')),
    requestCert: true,
    minVersion: 'TLSv1.3',
  },
  (socket) => {
    let received = 0;
    socket.on('data', (bytes: Uint8Array) => {
      received += bytes.length;
      if (received < total) return;
      process.send?.('done');
      socket.destroy();
      server.close();
    });
    socket.on('error', () => undefined);
  },
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.(address.port);
});
