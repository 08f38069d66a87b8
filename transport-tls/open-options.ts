/**
 * The options of `openNode`, and their check, so that a slip is told at the call and not by a node that behaves oddly.
 *
 * Names and addresses are checked where they are parsed; here are types, and unknown names with the nearest valid one.
 */
import {
  AntecedentError,
  unknownName,
  type Limits,
  type Logger,
  type LogLevel,
  type NodeAlarm,
  type StorageState,
  type NodeName,
  type Timings,
} from '../core/index.js';
import type { Apply } from './applying.js';
import type { CredentialSources } from './credentials.js';
import type { TlsLimits } from './links.js';
import { tuningGroups, tuningProblems } from './tuning.js';

/** A peer has become connected in both directions (`up`), or is no longer (`down`). */
export interface PeerEvent {
  readonly name: NodeName;
  readonly state: 'up' | 'down';
  readonly reason: string;
}

export interface OpenNodeOptions {
  readonly name: string;
  readonly cluster: string;
  /** Made if it does not exist. One node at a time. Refused when everybody may write there. */
  readonly dataDir: string;
  /** `host:port`; port 0 takes any free port, see `AntecedentNode.address`. */
  readonly listen: string;
  /** Names and addresses of all other members. */
  readonly peers: Readonly<Record<string, string>>;
  /** Each a path of a PEM file, or the PEM itself as a Uint8Array. Key files must not be readable by others. */
  readonly tls: CredentialSources;
  /**
   * Applies one message at a time. A message whose call throws or rejects is logged and tried again, with growing waits.
   * Without `apply`, read `deliveries()`.
   */
  readonly apply?: Apply | undefined;
  /** Called when a peer comes or goes. */
  readonly onPeer?: ((event: PeerEvent) => void) | undefined;
  /** Called when a disk, ours or a peer's, has lost what it had promised to keep. Logged as an error in any case. */
  readonly onAlarm?: ((alarm: NodeAlarm) => void) | undefined;
  /** The disk takes no writes for now, such as when it is full (`blocked`), or does again (`ok`). See `NodeHandlers.onStorage`. */
  readonly onStorage?: ((state: StorageState) => void) | undefined;
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

type Kind = 'text' | 'table' | 'function' | 'flag' | 'position' | 'level' | 'object';

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
  onPeer: 'function',
  onAlarm: 'function',
  onStorage: 'function',
  allowNetworkFileSystem: 'flag',
  position: 'position',
  limits: 'table',
  timings: 'table',
  transport: 'table',
  logger: 'object',
  logLevel: 'level',
  signal: 'object',
};

const levels = ['debug', 'info', 'warn', 'error'];
const credentialNames = ['ca', 'cert', 'key'];

const checks: Readonly<Record<Kind, { readonly what: string; readonly test: (value: unknown) => boolean }>> = {
  text: { what: 'a text that is not empty', test: (value) => typeof value === 'string' && value !== '' },
  table: { what: 'an object', test: isRecord },
  object: { what: 'an object', test: isRecord },
  function: { what: 'a function', test: (value) => typeof value === 'function' },
  flag: { what: 'true or false', test: (value) => typeof value === 'boolean' },
  position: { what: 'a whole number from 0', test: (value) => Number.isSafeInteger(value) && Number(value) >= 0 },
  level: { what: `one of ${levels.join(', ')}`, test: (value) => levels.includes(String(value)) },
};

/** Throws `E_CONFIG` for the first option that is missing, unknown or of the wrong type. */
export function checkOptions(options: OpenNodeOptions): void {
  if (!isRecord(options)) throw new AntecedentError('E_CONFIG', 'openNode takes an object of options');
  const kinds = new Map(Object.entries({ ...required, ...optional }));
  for (const [key, value] of Object.entries(options)) {
    const kind = kinds.get(key);
    if (kind === undefined) throw new AntecedentError('E_CONFIG', unknownName('option', key, [...kinds.keys()]));
    if (value !== undefined) checkKind(key, value, kind);
  }
  const missing = Object.keys(required).find((key) => !isGiven(options, key));
  if (missing !== undefined) throw new AntecedentError('E_CONFIG', `option ${missing} is missing`);
  checkCredentials(options);
  checkPeers(options);
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

function checkCredentials(options: OpenNodeOptions): void {
  for (const key of Object.keys(options.tls)) {
    if (!credentialNames.includes(key)) {
      throw new AntecedentError('E_CONFIG', unknownName('key in tls', key, credentialNames));
    }
  }
  for (const key of ['ca', 'cert', 'key'] as const) {
    const value: unknown = options.tls[key];
    if (!(value instanceof Uint8Array) && (typeof value !== 'string' || value === '')) {
      throw new AntecedentError('E_CONFIG', `tls.${key} must be the path of a PEM file, or its bytes`);
    }
  }
}

function checkPeers(options: OpenNodeOptions): void {
  for (const [peer, address] of Object.entries(options.peers)) {
    if (typeof address !== 'string') throw new AntecedentError('E_CONFIG', `peers.${peer} must be a text host:port`);
    if (peer === options.name) {
      throw new AntecedentError('E_CONFIG', `peers names this node itself, ${peer}; list only the others`);
    }
  }
}
