/**
 * The options of `openNode`, and their check, so that a slip is told at the call and not by a node that behaves oddly.
 *
 * Names and addresses are checked where they are parsed; here are types, and unknown names with the nearest valid one.
 */
import {
  AntecedentError,
  membersMax,
  nodeName,
  unknownName,
  type Limits,
  type Logger,
  type LogLevel,
  type NodeAlarm,
  type StorageState,
  type NodeName,
  type Timings,
  type VectorClock,
} from '../core/index.js';
import { parseAddress, type Address } from './address.js';
import type { Apply } from './applying.js';
import type { CredentialSources } from './credentials.js';
import type { TlsLimits } from './links.js';
import type { PlutoPeerOptions } from './pluto/peer-identity.js';
import type { ApplyErrorEvent } from './retried-calls.js';
import type { SnapshotHooks } from './snapshots.js';
import { retentionProblems, tuningGroups, tuningProblems, type RetentionOptions } from './tuning.js';

/** A peer has become connected in both directions (`up`), or is no longer (`down`). */
export interface PeerEvent {
  readonly name: NodeName;
  readonly state: 'up' | 'down';
  readonly reason: string;
}

/** How peers that speak pluto v0.4 reach this node. */
export interface PlutoOptions {
  /** `host:port` of a port for them alone; port 0 takes any free port, see `AntecedentNode.plutoAddress`. */
  readonly listen: string;
  /** Certificates of their cluster, ours with the IP address that they dial; `tls` unless given. */
  readonly tls?: CredentialSources | undefined;
}

export interface OpenNodeOptions {
  readonly name: string;
  readonly cluster: string;
  /** Made if it does not exist. One node at a time. Refused when everybody may write there. */
  readonly dataDir: string;
  /** `host:port`; port 0 takes any free port, see `AntecedentNode.address`. */
  readonly listen: string;
  /** Names and addresses of all other members; of those that speak pluto v0.4, what they are known by as well. */
  readonly peers: Readonly<Record<string, string | PlutoPeerOptions>>;
  /** Needed when a peer speaks pluto v0.4. */
  readonly pluto?: PlutoOptions | undefined;
  /** Each a path of a PEM file, or the PEM itself as a Uint8Array. Key files must not be readable by others. */
  readonly tls: CredentialSources;
  /**
   * Applies one message at a time. A message whose call throws or rejects is logged and tried again, with growing waits.
   * A call that returns no promise is the fastest: the message counts as applied when it returns.
   * Without `apply`, read `deliveries()`.
   */
  readonly apply?: Apply | undefined;
  /** `apply` has failed (E_APP), and is called again later, or when `AntecedentNode.retry` says so. Logged as an error in any case. */
  readonly onApplyError?: ((event: ApplyErrorEvent) => void) | undefined;
  /** Called when a peer comes or goes. */
  readonly onPeer?: ((event: PeerEvent) => void) | undefined;
  /** Called when a disk, ours or a peer's, has lost what it had promised to keep. Logged as an error in any case. */
  readonly onAlarm?: ((alarm: NodeAlarm) => void) | undefined;
  /**
   * The state of the application, with exactly what was applied so far, for members that need what the journal does not hold any more.
   * No message is applied meanwhile. Given together with `restore`, or not at all.
   */
  readonly snapshot?: SnapshotHooks['snapshot'] | undefined;
  /**
   * Puts the state of another member in the place of our own. `position` counts as that of the last delivery: an application that
   * stores its position stores this one. Called again, with growing waits, until it works.
   */
  readonly restore?: SnapshotHooks['restore'] | undefined;
  /** See `NodeHandlers.onStable`: CRDTs may drop what they keep for operations that are concurrent with what the clock covers. */
  readonly onStable?: ((clock: VectorClock) => void) | undefined;
  /** Called with every member, ourselves included, when one was added or removed, here or elsewhere; also once after such an earlier life. */
  readonly onMembers?: ((members: readonly NodeName[]) => void) | undefined;
  /** Our name was used before, with a data directory that is gone: from now on we are this incarnation. */
  readonly onIncarnation?: ((incarnation: number) => void) | undefined;
  /** The disk takes no writes for now, such as when it is full (`blocked`), or does again (`ok`). See `NodeHandlers.onStorage`. */
  readonly onStorage?: ((state: StorageState) => void) | undefined;
  /** See `NodeOptions.repair`: `any-member` unless given. */
  readonly repair?: 'any-member' | 'origin-only' | undefined;
  /** True for a node that is being added to members that exist (`addMember`): it waits for that before it broadcasts. */
  readonly joins?: boolean | undefined;
  /** How long the journal keeps what a member that is away has not got. See `NodeOptions.retention`. */
  readonly retention?: RetentionOptions | undefined;
  /** Takes a `dataDir` on a network file system all the same: whoever says so knows that locks and syncs work there. */
  readonly allowNetworkFileSystem?: boolean | undefined;
  /** Last position that the application has stored together with its effects: deliveries go on behind it, exactly once. */
  readonly position?: number | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly timings?: Partial<Timings> | undefined;
  readonly transport?: Partial<TlsLimits> | undefined;
  /** Receives log events; JSON lines on stderr unless given. */
  readonly logger?: Logger | undefined;
  /** Lowest level for the log on stderr; 'warn' unless given. */
  readonly logLevel?: LogLevel | undefined;
  /** Gives up opening: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

type Kind = 'text' | 'table' | 'function' | 'flag' | 'position' | 'level' | 'repair' | 'object';

/** Every option with what it must be; `required` ones first. */
const required: Readonly<Record<string, Kind>> = {
  name: 'text',
  cluster: 'text',
  dataDir: 'text',
  listen: 'text',
  peers: 'table',
  tls: 'table',
};
const optional: Readonly<Record<string, Kind>> = {
  apply: 'function',
  onApplyError: 'function',
  snapshot: 'function',
  restore: 'function',
  onPeer: 'function',
  onAlarm: 'function',
  onStorage: 'function',
  onStable: 'function',
  onMembers: 'function',
  onIncarnation: 'function',
  repair: 'repair',
  joins: 'flag',
  retention: 'table',
  allowNetworkFileSystem: 'flag',
  position: 'position',
  limits: 'table',
  timings: 'table',
  transport: 'table',
  pluto: 'table',
  logger: 'object',
  logLevel: 'level',
  signal: 'object',
};

const repairs = ['any-member', 'origin-only'];
const levels = ['debug', 'info', 'warn', 'error'];
const credentialNames = ['ca', 'cert', 'key'];
const plutoNames = ['listen', 'tls'];
const plutoPeerNames = ['address', 'protocol', 'fingerprint'];

const checks: Readonly<Record<Kind, { readonly what: string; readonly test: (value: unknown) => boolean }>> = {
  text: { what: 'a text that is not empty', test: (value) => typeof value === 'string' && value !== '' },
  table: { what: 'an object', test: isRecord },
  object: { what: 'an object', test: isRecord },
  function: { what: 'a function', test: (value) => typeof value === 'function' },
  flag: { what: 'true or false', test: (value) => typeof value === 'boolean' },
  position: { what: 'a whole number from 0', test: (value) => Number.isSafeInteger(value) && Number(value) >= 0 },
  repair: { what: `one of ${repairs.join(', ')}`, test: (value) => repairs.includes(String(value)) },
  level: { what: `one of ${levels.join(', ')}`, test: (value) => levels.includes(String(value)) },
};

/**
 * The options, every value in them read once: a getter or a proxy cannot answer the check and the use differently. Throws
 * `E_CONFIG` for the first one that is missing, unknown or of the wrong type.
 */
export function readOptions(options: OpenNodeOptions): OpenNodeOptions {
  if (!isRecord(options)) throw new AntecedentError('E_CONFIG', 'openNode takes an object of options');
  const given = { ...options };
  const { peers, pluto, tls, limits, timings, transport, retention } = given;
  const tables = { peers: readPeers(peers), tls: readTable(tls), retention: readTable(retention) };
  const tuning = { limits: readTable(limits), timings: readTable(timings), transport: readTable(transport) };
  const read = { ...given, ...tables, ...tuning, ...(pluto === undefined ? {} : { pluto: readPluto(pluto) }) };
  checkOptions(read);
  return read;
}

/** A copy; what is no table is left to the check. */
function readTable<T extends object | undefined>(table: T): T {
  return isRecord(table) ? { ...table } : table;
}

function readPeers(peers: OpenNodeOptions['peers']): OpenNodeOptions['peers'] {
  if (!isRecord(peers)) return peers;
  return Object.fromEntries(
    Object.entries(peers).map(([name, peer]) => [name, typeof peer === 'string' ? peer : readTable(peer)]),
  );
}

function readPluto(pluto: PlutoOptions): PlutoOptions {
  if (!isRecord(pluto)) return pluto;
  const { tls, ...rest } = pluto;
  return tls === undefined ? rest : { ...rest, tls: readTable(tls) };
}

function checkOptions(options: OpenNodeOptions): void {
  const kinds = new Map(Object.entries({ ...required, ...optional }));
  for (const [key, value] of Object.entries(options)) {
    const kind = kinds.get(key);
    if (kind === undefined) throw new AntecedentError('E_CONFIG', unknownName('option', key, [...kinds.keys()]));
    if (value !== undefined) checkKind(key, value, kind);
  }
  const missing = Object.keys(required).find((key) => !isGiven(options, key));
  if (missing !== undefined) throw new AntecedentError('E_CONFIG', `option ${missing} is missing`);
  if ((options.snapshot === undefined) !== (options.restore === undefined)) {
    throw new AntecedentError('E_CONFIG', 'options snapshot and restore belong together: give both, or none');
  }
  checkCredentials(options.tls, 'tls');
  checkPeers(options);
  checkPluto(options);
  const [retentionProblem] = retentionProblems({ ...options.retention });
  if (retentionProblem !== undefined) throw new AntecedentError('E_CONFIG', retentionProblem.text);
  for (const group of tuningGroups) {
    const [problem] = tuningProblems(group, { ...options[group] });
    if (problem !== undefined) throw new AntecedentError('E_CONFIG', problem.text);
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isGiven(options: OpenNodeOptions, key: string): boolean {
  return Object.entries(options).some(([name, value]) => name === key && value !== undefined);
}

function checkKind(key: string, value: unknown, kind: Kind): void {
  const { what, test } = checks[kind];
  if (!test(value)) throw new AntecedentError('E_CONFIG', `option ${key} must be ${what}`);
}

function checkCredentials(tls: CredentialSources, where: string): void {
  checkNames(tls, where, credentialNames);
  for (const key of ['ca', 'cert', 'key'] as const) {
    const value: unknown = tls[key];
    if (!(value instanceof Uint8Array) && (typeof value !== 'string' || value === '')) {
      throw new AntecedentError('E_CONFIG', `${where}.${key} must be the path of a PEM file, or its bytes`);
    }
  }
}

function checkPeers(options: OpenNodeOptions): void {
  const members = Object.keys(options.peers).length + 1;
  if (members > membersMax) {
    throw new AntecedentError('E_CONFIG', `${members} members are too many: a cluster has at most ${membersMax}`);
  }
  for (const [peer, given] of Object.entries(options.peers)) {
    if (typeof given !== 'string') checkPlutoPeer(peer, given);
    if (peer === options.name) {
      throw new AntecedentError('E_CONFIG', `peers names this node itself, ${peer}; list only the others`);
    }
  }
}

/** What is no address is a peer that speaks pluto v0.4. What its address and fingerprint say is read later. */
function checkPlutoPeer(peer: string, given: PlutoPeerOptions): void {
  if (!isRecord(given)) {
    const form = '{ address, protocol: "pluto-0.4", fingerprint }';
    throw new AntecedentError('E_CONFIG', `peers.${peer} must be a text host:port, or ${form}`);
  }
  checkNames(given, `peers.${peer}`, plutoPeerNames);
  const { address, fingerprint, protocol }: { address: unknown; fingerprint?: unknown; protocol: unknown } = given;
  if (protocol !== 'pluto-0.4') {
    throw new AntecedentError('E_CONFIG', `peers.${peer}.protocol must be "pluto-0.4"; for any other write host:port`);
  }
  for (const [key, value] of Object.entries({ address, fingerprint })) {
    if (typeof value === 'string' || (key === 'fingerprint' && value === undefined)) continue;
    throw new AntecedentError('E_CONFIG', `peers.${peer}.${key} must be a text`);
  }
}

function checkPluto({ peers, pluto }: OpenNodeOptions): void {
  const peer = Object.entries(peers).find(([, given]) => typeof given !== 'string')?.[0];
  if (pluto === undefined) {
    if (peer === undefined) return;
    const remedy = 'give them a port of their own, such as pluto: { listen: "127.0.0.1:7201" }';
    throw new AntecedentError('E_CONFIG', `peers.${peer} speaks pluto v0.4: ${remedy}`);
  }
  checkNames(pluto, 'pluto', plutoNames);
  const listen: unknown = pluto.listen;
  if (typeof listen !== 'string') throw new AntecedentError('E_CONFIG', 'pluto.listen must be a text host:port');
  if (pluto.tls === undefined) return;
  if (!isRecord(pluto.tls)) throw new AntecedentError('E_CONFIG', 'pluto.tls must be an object');
  checkCredentials(pluto.tls, 'pluto.tls');
}

function checkNames(given: object, where: string, known: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new AntecedentError('E_CONFIG', unknownName(`key in ${where}`, unknown, known));
}

/** Peers that speak our protocol and those that speak pluto v0.4. */
export function splitPeers(peers: OpenNodeOptions['peers']): {
  readonly own: Readonly<Record<string, string>>;
  readonly pluto: readonly (readonly [string, PlutoPeerOptions])[];
} {
  const own: [string, string][] = [];
  const pluto: [string, PlutoPeerOptions][] = [];
  for (const [name, given] of Object.entries(peers)) {
    if (typeof given === 'string') own.push([name, given]);
    else pluto.push([name, given]);
  }
  return { own: Object.fromEntries(own), pluto };
}

/** Addresses of peers by name. Throws `E_NAME` or `E_CONFIG`. */
export function addressesOf(peers: Readonly<Record<string, string>>): ReadonlyMap<NodeName, Address> {
  const read = (address: string): Address => parseAddress(address, { zeroPort: false });
  return new Map(Object.entries(peers).map(([peer, address]) => [nodeName(peer), read(address)]));
}
