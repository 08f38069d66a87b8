/** Certificates for the members of a benchmark. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initKeys, issueKeys } from '../transport-tls/index.js';

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];

/** With a directory that holds ca.pem and the certificates and keys of the members a to i. */
export async function withKeys<Result>(bench: (keys: string) => Promise<Result>): Promise<Result> {
  const keys = mkdtempSync(join(tmpdir(), 'antecedent-bench-keys-'));
  try {
    await initKeys({ cluster: 'bench', dir: keys });
    for (const name of names) await issueKeys({ name, dir: keys, hosts: ['127.0.0.1', 'localhost'] });
    return await bench(keys);
  } finally {
    rmSync(keys, { recursive: true });
  }
}
