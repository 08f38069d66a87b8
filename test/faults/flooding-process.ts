/**
 * A node that is given broadcasts faster than any disk takes them, by a program that awaits none. Arguments: data directory,
 * and the PEM files of the CA, the certificate and the key. Prints what became of them, as one line of JSON.
 */
import { AntecedentError, openNode } from '../../transport-tls/index.js';

const [dataDir = '', ca = '', cert = '', key = ''] = process.argv.slice(2);
const count = 60_000;

const node = await openNode({
  ...{ name: 'a', cluster: 'demo', dataDir, listen: '127.0.0.1:0', peers: {}, tls: { ca, cert, key } },
  apply: () => {},
});
let accepted = 0;
let answered = 0;
const refusedWith = new Set<string>();
await new Promise<void>((resolve) => {
  const answer = (): void => {
    if (++answered === count) resolve();
  };
  for (let index = 0; index < count; index++) {
    // Alternately without a byte, so that only counting bounds them, and of a size that fills the queue by its bytes.
    node.broadcast(new Uint8Array(index % 2 === 0 ? 0 : 1000)).then(
      () => {
        accepted++;
        answer();
      },
      (error: unknown) => {
        refusedWith.add(error instanceof AntecedentError ? error.code : String(error));
        answer();
      },
    );
  }
});
await node.close();
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ accepted, refusedWith: [...refusedWith], peakBytes })}\n`);
