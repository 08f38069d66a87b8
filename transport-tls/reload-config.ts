/**
 * What of a configuration may change while its node runs: addresses of peers, and certificates.
 *
 * All of a new file is taken, or nothing. Who is a member is not for one node's file to say, so names that come or go there are
 * refused, unless the file only follows what the cluster knows already.
 */
import { AntecedentError } from '../core/index.js';
import type { ReloadOptions } from './antecedent-node.js';
import type { NodeConfig } from './config.js';

/**
 * Keys of a configuration that are read at the start alone, as they are written in the file. `joins` may come out of it when the node has
 * joined.
 */
const fixedKeys: Readonly<Partial<Record<keyof NodeConfig, string>>> = {
  name: 'name',
  cluster: 'cluster',
  dataDir: 'data',
  allowNetworkFileSystem: 'allow_network_file_system',
  listen: 'listen',
  repair: 'repair',
  retention: '[retention]',
  limits: '[limits]',
  timings: '[timings]',
  transport: '[transport]',
  foreignPeers: 'peers with another protocol',
  pluto: '[pluto]',
};

/**
 * What a running node is to be told, when its configuration `before` has become `after`. `members`: the other members, as the node
 * knows them. Throws `E_CONFIG` with every reason.
 */
export function reloadOptions(before: NodeConfig, after: NodeConfig, members: ReadonlySet<string>): ReloadOptions {
  const problems = [...fixedChanges(before, after), ...membershipChanges(before, after, members)];
  if (problems.length > 0) throw new AntecedentError('E_CONFIG', `nothing was changed: ${problems.join('; ')}`);
  // What the cluster has let go of may still stand in the file.
  const peers = Object.entries(after.peers).filter(([name]) => members.has(name));
  const plutoTls = after.pluto?.tls;
  return { tls: after.tls, peers: Object.fromEntries(peers), ...(plutoTls === undefined ? {} : { plutoTls }) };
}

function fixedChanges(before: NodeConfig, after: NodeConfig): readonly string[] {
  const keys = Object.entries(fixedKeys).flatMap(([key, name]) => (isSame(before, after, key) ? [] : [name]));
  return keys.length === 0 ? [] : [`${keys.join(', ')} changed, which needs a restart`];
}

function isSame(before: NodeConfig, after: NodeConfig, key: string): boolean {
  const valueOf = (config: NodeConfig): unknown => new Map<string, unknown>(Object.entries(config)).get(key);
  return JSON.stringify(valueOf(before)) === JSON.stringify(valueOf(after));
}

function membershipChanges(before: NodeConfig, after: NodeConfig, members: ReadonlySet<string>): readonly string[] {
  const was = new Map(Object.entries(before.peers));
  const is = new Map(Object.entries(after.peers));
  const added = [...is].filter(([name]) => !was.has(name) && !members.has(name));
  const removed = [...was.keys()].filter((name) => !is.has(name) && members.has(name));
  return [
    ...added.map(
      ([name, address]) => `${name} is no member: run antecedent member add ${name} ${address} --config FILE`,
    ),
    ...removed.map((name) => `${name} is still a member: run antecedent member remove ${name} --config FILE`),
  ];
}
