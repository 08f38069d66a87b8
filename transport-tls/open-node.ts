/**
 * `openNode`: a node as a library. Here the callbacks of the core become promises, and its ports real.
 *
 * Opening is done in an order in which every failure leaves nothing behind: options, credentials, directory, lock, and only
 * then the node, which recovers its journal, listens and dials.
 */
import { clusterName, defaultLimits, nodeName, type Limits } from '../core/index.js';
import { parseAddress } from './address.js';
import type { AntecedentNode } from './antecedent-node.js';
import { SystemClock } from './clock.js';
import { loadCredentials } from './credentials.js';
import { prepareDataDirectory } from './data-directory.js';
import { NativeDigests } from './digests.js';
import { DirectoryDisk } from './disk.js';
import { TlsLinks } from './links.js';
import { lockDirectory } from './lock.js';
import { JsonLogger } from './logger.js';
import { addressesOf, readOptions, type OpenNodeOptions } from './open-options.js';
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
  const peers = addressesOf(given.peers);
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
  prepareDataDirectory(given.dataDir, { allowNetworkFileSystem: given.allowNetworkFileSystem ?? false });
  const lock = lockDirectory(given.dataDir);
  try {
    const disk = new DirectoryDisk(given.dataDir);
    const ports = { links, disk, clock, random: new SystemRandom(), digests: new NativeDigests(), logger };
    return await new RunningNode(given, ports, lock, credentials).start(given.signal);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What the protocol lets wait in one link is a batch beyond `linkBufferBytesMax`, and small frames. */
function unsentBytesMaxFor({ linkBufferBytesMax, messageBytesMax, batchBytesTarget }: Limits): number {
  return 2 * (linkBufferBytesMax + Math.max(messageBytesMax, batchBytesTarget));
}
