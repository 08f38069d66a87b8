/**
 * A running node whose log somebody takes away: it notices when it begins the next segment, and stops. (A log that is only
 * cut is filled up with a hole by the next write. That is damage, which reading finds, not the beginning of a segment.)
 */
import { copyFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openNode } from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { within } from './waiting.js';

const segmentBytes = 16 << 10;
let authority: TestAuthority;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a']);
});
afterAll(removeTestDirectories);

const harms: readonly (readonly [what: string, harm: (path: string) => void])[] = [
  ['removed', (path) => rmSync(path)],
  ['moved away', (path) => renameSync(path, `${path}.away`)],
  ['replaced by another file', replaceWith((path) => writeFileSync(path, 'what?'))],
  ['replaced by an earlier copy of itself', replaceWith((path, copy) => renameSync(copy, path))],
];

/** Puts something else in the place of a file; a writer that has it open goes on with the old one. */
function replaceWith(put: (path: string, copy: string) => void): (path: string) => void {
  return (path) => {
    const copy = `${path}.copy`;
    copyFileSync(path, copy);
    rmSync(path);
    put(path, copy);
  };
}

test.each(harms)('a log that was %s stops the node with E_LOG_VANISHED, at the next segment', async (_what, harm) => {
  const dataDir = join(makeTestDirectory('vanished'), 'data');
  const node = await openNode({
    ...{ name: 'a', cluster: 'demo', dataDir, listen: '127.0.0.1:0', peers: {}, tls: authority.files('a') },
    limits: { segmentBytesMax: segmentBytes },
    logger: { log: () => undefined },
    apply: () => undefined,
  });
  const payload = new Uint8Array(1000);
  await node.broadcast(payload);
  harm(join(dataDir, readdirSync(dataDir).findLast((name) => /^journal-\d+\.log$/.test(name)) ?? ''));

  const broadcasts = async (): Promise<never> => {
    for (let bytes = 0; bytes < 4 * segmentBytes; bytes += payload.length) await node.broadcast(payload);
    throw new Error('it went on');
  };
  await expect(broadcasts()).rejects.toMatchObject({ code: 'E_LOG_VANISHED' });
  expect(await within('the end of the node', node.stopped)).toMatchObject({ code: 'E_LOG_VANISHED' });
  await node.close();
});
