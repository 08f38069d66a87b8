/** A data directory whose node is played by the test: it answers what it is told to, and remembers what it was asked. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ControlRequest } from '../../transport-tls/index.js';
import { openControl } from '../../transport-tls/control-server.js';
import type { StatusDocument } from '../../transport-tls/running-status.js';
import { temporaryDirectory } from './temporary-directory.js';

export interface PlayedNode {
  readonly directory: string;
  /** Path of its configuration. */
  readonly config: string;
  readonly asked: readonly ControlRequest[];
}

export async function playNode(answer: (request: ControlRequest) => unknown): Promise<PlayedNode> {
  const node = stoppedNode();
  const asked: ControlRequest[] = [];
  const handle = async (request: ControlRequest): Promise<unknown> => {
    asked.push(request);
    return Promise.resolve(answer(request));
  };
  const server = await openControl(node.directory, handle, { log: () => undefined });
  onTestFinished(() => server.close());
  return { ...node, asked };
}

/** The directory and the configuration of a node that does not run. */
export function stoppedNode(): Omit<PlayedNode, 'asked'> {
  const directory = temporaryDirectory();
  const config = join(directory, 'a.toml');
  const files = '[tls]\nca = "none.pem"\ncert = "none.pem"\nkey = "none.key"\n';
  writeFileSync(config, `name = "a"\ncluster = "demo"\ndata = "."\nlisten = "127.0.0.1:0"\n${files}`);
  return { directory, config };
}

export const calmStatus: StatusDocument = {
  name: 'a',
  incarnation: 1,
  state: 'running',
  pid: 4711,
  address: '127.0.0.1:7101',
  certificateNotAfter: '2999-01-01T00:00:00.000Z',
  seq: 1204,
  position: 3890,
  appliedPosition: 3890,
  undeliveredBytes: 0,
  heldBackMessages: 0,
  refusal: null,
  storage: { state: 'ok', code: null, message: null },
  applying: null,
  members: [
    {
      name: 'b',
      address: '127.0.0.1:7102',
      state: 'up',
      ackedSeq: 1204,
      lagBytes: 0,
      stalledMs: 0,
      skippedFrames: 0,
      isDemoted: false,
    },
    {
      name: 'c',
      address: null,
      state: 'down',
      ackedSeq: 4,
      lagBytes: 70_000,
      stalledMs: 0,
      skippedFrames: 0,
      isDemoted: true,
    },
  ],
  logs: [
    { origin: 'a', incarnation: 1, durableSeq: 1204, deliveredSeq: 1204, stableSeq: 4, isClosed: false },
    { origin: 'b', incarnation: 2, durableSeq: 9, deliveredSeq: 8, stableSeq: 3, isClosed: true },
  ],
  blocked: [],
};

const dot = (origin: string, seq: number, incarnation = 1): StatusDocument['blocked'][number]['missing'] => ({
  origin,
  incarnation,
  seq,
});

/** One in which everything is wrong. */
export const troubledStatus: StatusDocument = {
  ...calmStatus,
  incarnation: 2,
  appliedPosition: 3888,
  undeliveredBytes: 5_000,
  heldBackMessages: 12,
  certificateNotAfter: '2001-01-01T00:00:00.000Z',
  refusal: { code: 'E_ROLLED_BACK', message: 'b holds more' },
  storage: { state: 'blocked', code: 'E_DISK_FULL', message: 'no room' },
  applying: {
    message: dot('b', 7),
    position: 3889,
    forMs: 12_345,
    failures: 3,
    lastError: 'Error: no such account\u202e',
  },
  blocked: [
    { waiting: dot('b', 9, 2), missing: dot('d', 7), suppliers: ['b', 'c'] },
    { waiting: dot('c', 5), missing: dot('d', 8), suppliers: ['c'] },
    { waiting: dot('e', 5), missing: dot('d', 9), suppliers: [] },
  ],
};
