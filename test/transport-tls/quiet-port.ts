/** Ports for nodes that are closed and opened again: their port must still be free then. */
import { createServer } from 'node:net';

/**
 * So many free ports below those that systems give to outgoing connections (from 32768 on Linux): one of these would be in use
 * by somebody else now and then when its owner comes back. Processes that run tests at the same time begin at different ones.
 */
export async function quietPorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let port = 20_000 + 10 * (process.pid % 1_000); port < 32_000; port += 1) {
    if (await isFree(port)) ports.push(port);
    if (ports.length === count) return ports;
  }
  throw new Error(`no ${count} ports are free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
