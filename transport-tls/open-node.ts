/**
 * `openNode`: a node as a library. Here the callbacks of the core become promises, and its ports real.
 *
 * Opening is done in an order in which every failure leaves nothing behind: options, credentials, directory, lock, and only
 * then the node, which recovers its journal, listens and dials.
 */
import { clusterName, defaultLimits, nodeName, type Clock, type Limits, type Logger } from '../core/index.js';
import { parseAddress } from './address.js';
import type { AntecedentNode } from './antecedent-node.js';
import { SystemClock } from './clock.js';
import { loadCredentials, readCredentials, type Credentials } from './credentials.js';
import { prepareDataDirectory } from './data-directory.js';
import { NativeDigests } from './digests.js';
import { DirectoryDisk } from './disk.js';
import { defaultTlsLimits, TlsLinks } from './links.js';
import { lockDirectory } from './lock.js';
import { JsonLogger } from './logger.js';
import { addressesOf, readOptions, splitPeers, type OpenNodeOptions } from './open-options.js';
import { TlsLines } from './pluto/lines.js';
import { readPlutoPeers } from './pluto/peer-identity.js';
import { SystemRandom } from './random.js';
import { RunningNode } from './running-node.js';

/**
 * Opens a node: recovers its journal, listens, dials its peers. Rejects with E_CONFIG, E_NAME, E_KEY_MODE, E_CERTIFICATE,
 * E_CLUSTER, E_IDENTITY, E_LOCKED, E_LISTEN, E_STORAGE, E_LOG_CORRUPT and the like; nothing is left running then.
 */
export async function openNode(options: OpenNodeOptions): Promise<AntecedentNode> {
  const given = readOptions(options);
  given.signal?.throwIfAborted();
  const name = nodeName(given.name);
  const logger = given.logger ?? new JsonLogger(name, given.logLevel ?? 'warn');
  const clock = new SystemClock();
  const peers = addressesOf(splitPeers(given.peers).own);
  const cluster = clusterName(given.cluster);
  const credentials = loadCredentials(given.tls, cluster, name);
  const links = new TlsLinks({
    name,
    cluster,
    peers,
    clock,
    logger,
    listen: parseAddress(given.listen, { zeroPort: true }),
    credentials,
    unsentBytesMax: unsentBytesMaxFor({ ...defaultLimits, ...given.limits }),
    ...(given.transport === undefined ? {} : { limits: given.transport }),
  });
  const lines = openLines(given, credentials, clock, logger);
  prepareDataDirectory(given.dataDir, { allowNetworkFileSystem: given.allowNetworkFileSystem ?? false });
  const lock = lockDirectory(given.dataDir);
  try {
    const disk = new DirectoryDisk(given.dataDir);
    const ports = {
      ...{ links, disk, clock, random: new SystemRandom(), digests: new NativeDigests(), logger },
      ...(lines === undefined ? {} : { lines }),
    };
    return await new RunningNode(given, ports, lock, credentials).start(given.signal);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The port for peers that speak pluto v0.4; undefined when there is none. */
function openLines(
  { limits, peers, pluto, transport }: OpenNodeOptions,
  own: Credentials,
  clock: Clock,
  logger: Logger,
): TlsLines | undefined {
  if (pluto === undefined) return undefined;
  return new TlsLines({
    listen: parseAddress(pluto.listen, { zeroPort: true }),
    peers: readPlutoPeers(splitPeers(peers).pluto),
    credentials: pluto.tls === undefined ? own : readCredentials(pluto.tls),
    messageBytesMax: { ...defaultLimits, ...limits }.messageBytesMax,
    limits: { ...defaultTlsLimits, ...transport },
    clock,
    logger,
  });
}

/** What the protocol lets wait in one link is a batch beyond `linkBufferBytesMax`, and small frames. */
function unsentBytesMaxFor({ linkBufferBytesMax, messageBytesMax, batchBytesTarget }: Limits): number {
  return 2 * (linkBufferBytesMax + Math.max(messageBytesMax, batchBytesTarget));
}
