/**
 * The configuration file of `antecedent node`: TOML in, checked values out.
 *
 * - Every complaint is a line `file:line:column: what is wrong and what to write instead`; all are reported at once.
 * - Relative paths are relative to the file, so the daemon may be started from anywhere.
 * - Unknown keys are errors that name the nearest valid key: a misspelt limit must not silently be no limit.
 * - Names of peers come from outside: they are read as entries, never looked up as properties.
 * The parser and the schema are loaded by the first call; a program that uses `openNode` needs neither.
 */
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AntecedentError, isNodeName, nodeName, clusterName, unknownName } from '../core/index.js';
import type { Limits, Timings } from '../core/index.js';
import { parseAddress } from './address.js';
import type { CredentialSources } from './credentials.js';
import type { TlsLimits } from './links.js';
import type { PlutoOptions } from './open-options.js';
import { readPlutoPeers } from './pluto/peer-identity.js';
import { locateKey } from './toml-position.js';
import { retentionProblems, tuningGroups, tuningProblems, type RetentionOptions } from './tuning.js';

export interface NodeConfig {
  readonly name: string;
  readonly cluster: string;
  /** Absolute path of the data directory. */
  readonly dataDir: string;
  /** Takes a data directory on a network file system all the same. */
  readonly allowNetworkFileSystem: boolean;
  readonly listen: string;
  /** See `NodeOptions`. */
  readonly repair: Repair;
  readonly joins: boolean;
  /** Undefined: the log keeps everything, as a daemon gives no snapshots. */
  readonly retention: RetentionOptions | undefined;
  readonly tls: CredentialSources;
  /** Addresses of the peers that speak our own protocol. */
  readonly peers: Readonly<Record<string, string>>;
  /** Peers that speak another protocol. */
  readonly foreignPeers: readonly ForeignPeer[];
  /** The port for peers that speak pluto v0.4. */
  readonly pluto?: PlutoOptions;
  readonly limits: Partial<Limits>;
  readonly timings: Partial<Timings>;
  readonly transport: Partial<TlsLimits>;
}

type Repair = 'any-member' | 'origin-only';

export interface ForeignPeer {
  readonly name: string;
  readonly address: string;
  readonly protocol: 'pluto-0.4';
  /** `sha256:` and the fingerprint of its certificate. Without it the IP address in the certificate counts. */
  readonly fingerprint?: string;
}

const fileBytesMax = 1 << 20;
const depthMax = 32;

const topKeys = [
  ...['name', 'cluster', 'data', 'allow_network_file_system', 'listen', 'repair', 'joins'],
  ...['tls', 'peers', 'pluto', 'retention', 'limits', 'timings', 'transport'],
] as const;
const tlsKeys = ['ca', 'cert', 'key'] as const;
const plutoKeys = ['listen', 'tls'] as const;
const peerKeys = ['address', 'protocol', 'fingerprint'] as const;

/** Reads and checks a configuration file, and that the files it names are there. Rejects with `E_CONFIG`. */
export async function loadConfig(file: string): Promise<NodeConfig> {
  const text = readConfigFile(file);
  const config = await parseConfig(text, file);
  const complaints = new Complaints(text, file);
  checkCredentialFiles(config.tls, ['tls'], complaints);
  if (config.pluto?.tls !== undefined) checkCredentialFiles(config.pluto.tls, ['pluto', 'tls'], complaints);
  complaints.throwIfAny();
  return config;
}

/** Path of the data directory that a configuration names, for whoever only wants to speak to its node. Rejects with `E_CONFIG`. */
export async function readDataDirectory(file: string): Promise<string> {
  const config = await parseConfig(readConfigFile(file), file);
  return config.dataDir;
}

/** Checks the text of a configuration; `file` is for messages and relative paths. Rejects with `E_CONFIG`. */
export async function parseConfig(text: string, file: string): Promise<NodeConfig> {
  const table = await parseToml(text, file);
  const complaints = new Complaints(text, file);
  checkKnownKeys(table, complaints);
  const shape = await readShape(table, complaints);
  complaints.throwIfAny();
  if (shape === undefined) throw new AntecedentError('E_CONFIG', `${file}:1:1: the file has no readable content`);
  const peers = readPeers(shape.peers, complaints);
  checkValues(shape, complaints);
  checkPluto(shape, peers.foreignPeers, complaints);
  complaints.throwIfAny();
  const absolute = (path: string): string => resolve(dirname(file), path);
  return {
    name: shape.name,
    cluster: shape.cluster,
    dataDir: absolute(shape.data),
    allowNetworkFileSystem: shape.allow_network_file_system ?? false,
    listen: shape.listen,
    repair: shape.repair ?? 'any-member',
    joins: shape.joins ?? false,
    tls: credentialPaths(shape.tls, absolute),
    ...peers,
    ...(shape.pluto === undefined ? {} : { pluto: readPluto(shape.pluto, absolute) }),
    retention: shape.retention,
    limits: shape.limits ?? {},
    timings: shape.timings ?? {},
    transport: shape.transport ?? {},
  };
}

type Absolute = (path: string) => string;

function credentialPaths({ ca, cert, key }: Paths, absolute: Absolute): CredentialSources {
  return { ca: absolute(ca), cert: absolute(cert), key: absolute(key) };
}

function readPluto({ listen, tls }: NonNullable<Shape['pluto']>, absolute: Absolute): PlutoOptions {
  return tls === undefined ? { listen } : { listen, tls: credentialPaths(tls, absolute) };
}

// --- reading ---

function readConfigFile(file: string): string {
  let bytes: Uint8Array;
  try {
    const fd = openSync(file, 'r');
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw new AntecedentError('E_CONFIG', `${file} is no file; give the path of a TOML file`);
      if (stats.size > fileBytesMax) {
        throw new AntecedentError(
          'E_CONFIG',
          `${file} has ${stats.size} bytes; a configuration has at most ${fileBytesMax}`,
        );
      }
      bytes = readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof AntecedentError) throw cause;
    const remedy = 'give the path of a TOML file that you may read';
    throw new AntecedentError('E_CONFIG', `cannot read the configuration ${file}: ${String(cause)}; ${remedy}`, {
      cause,
    });
  }
  return decodeUtf8(bytes, file);
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const valid = new TextDecoder('utf-8').decode(bytes).split('\uFFFD')[0] ?? '';
    const lines = valid.split('\n');
    const place = `${file}:${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
    throw new AntecedentError('E_CONFIG', `${place}: the file is not UTF-8 text; save it as UTF-8`);
  }
  if (text.startsWith('\uFEFF')) {
    throw new AntecedentError(
      'E_CONFIG',
      `${file}:1:1: the file starts with a byte order mark; save it as UTF-8 without one`,
    );
  }
  return text;
}

type Table = Readonly<Record<string, unknown>>;

async function parseToml(text: string, file: string): Promise<Table> {
  const { parse, TomlError } = await import('smol-toml');
  try {
    return parse(text, { maxDepth: depthMax, unsafeKeyBehaviour: 'keep' });
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const what = (cause.message.split('\n')[0] ?? '').replace('Invalid TOML document: ', '');
    throw new AntecedentError('E_CONFIG', `${file}:${cause.line}:${cause.column}: not valid TOML: ${what}`, { cause });
  }
}

// --- checking ---

/** Collects complaints with their places, and throws them together. */
class Complaints {
  readonly #text: string;
  readonly #file: string;
  readonly #found: { readonly line: number; readonly column: number; readonly what: string }[] = [];

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  add(path: readonly string[], what: string): void {
    this.#found.push({ ...locateKey(this.#text, path), what });
  }

  /** Runs `check`; an AntecedentError it throws becomes a complaint about `path`. */
  check(path: readonly string[], check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof AntecedentError)) throw error;
      this.add(path, `${path.join('.')}: ${error.message}`);
    }
  }

  throwIfAny(): void {
    if (this.#found.length === 0) return;
    const ordered = [...this.#found].sort((a, b) => a.line - b.line || a.column - b.column);
    const lines = ordered.map(({ line, column, what }) => `${this.#file}:${line}:${column}: ${what}`);
    throw new AntecedentError('E_CONFIG', lines.join('\n'));
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function checkKnownKeys(table: Table, complaints: Complaints): void {
  const check = (given: unknown, path: readonly string[], known: readonly string[]): void => {
    if (!isTable(given)) return;
    for (const key of Object.keys(given)) {
      if (!known.includes(key)) complaints.add([...path, key], unknownName('key', key, known));
    }
  };
  check(table, [], topKeys);
  check(table['tls'], ['tls'], tlsKeys);
  const pluto = table['pluto'];
  check(pluto, ['pluto'], plutoKeys);
  if (isTable(pluto)) check(pluto['tls'], ['pluto', 'tls'], tlsKeys);
  for (const [name, peer] of entriesOf(table['peers'])) check(peer, ['peers', name], peerKeys);
  const retention = table['retention'];
  for (const { key, text } of isTable(retention) ? retentionProblems(retention) : []) {
    complaints.add(['retention', key], text);
  }
  for (const group of tuningGroups) {
    const given = table[group];
    if (!isTable(given)) continue;
    for (const { key, text } of tuningProblems(group, given)) complaints.add([group, key], text);
  }
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isTable(value) ? Object.entries(value) : [];
}

interface Paths {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Shape {
  readonly name: string;
  readonly cluster: string;
  readonly data: string;
  readonly allow_network_file_system: boolean | undefined;
  readonly listen: string;
  readonly repair: Repair | undefined;
  readonly joins: boolean | undefined;
  readonly tls: Paths;
  readonly pluto: { readonly listen: string; readonly tls: Paths | undefined } | undefined;
  /** As in the file; read by `readPeers`. */
  readonly peers: readonly (readonly [string, unknown])[];
  readonly retention: RetentionOptions | undefined;
  readonly limits: Partial<Limits> | undefined;
  readonly timings: Partial<Timings> | undefined;
  readonly transport: Partial<TlsLimits> | undefined;
}

/** Checks which keys there must be and their types. Unknown keys have been reported already. */
async function readShape(table: Table, complaints: Complaints): Promise<Shape | undefined> {
  const { z } = await import('zod');
  const text = z.string().min(1);
  const paths = z.object({ ca: text, cert: text, key: text });
  const numbers = z.record(z.string(), z.number()).optional();
  const schema = z.object({
    name: text,
    cluster: text,
    data: text,
    allow_network_file_system: z.boolean().optional(),
    listen: text,
    repair: z.enum(['any-member', 'origin-only']).optional(),
    joins: z.boolean().optional(),
    tls: paths,
    pluto: z.object({ listen: text, tls: paths.optional() }).optional(),
    peers: z.custom<Table>(isTable).optional(),
    retention: z.object({ policy: z.string(), bytesMax: z.number(), ageMs: z.number() }).partial().optional(),
    limits: numbers,
    timings: numbers,
    transport: numbers,
  });
  const parsed = schema.safeParse(table);
  if (parsed.success) return { ...parsed.data, peers: entriesOf(parsed.data.peers) } as Shape;
  for (const issue of parsed.error.issues) {
    const path = issue.path.map(String);
    complaints.add(path, issueText(path, table));
  }
  return undefined;
}

const examples: Readonly<Record<string, string>> = {
  name: 'name = "a"',
  cluster: 'cluster = "demo"',
  data: 'data = "data/a"',
  allow_network_file_system: 'allow_network_file_system = true',
  listen: 'listen = "127.0.0.1:7101"',
  repair: 'repair = "any-member" or repair = "origin-only"',
  joins: 'joins = true',
  tls: '[tls] with ca, cert and key',
  'tls.ca': 'ca = "keys/ca.pem"',
  'tls.cert': 'cert = "keys/a.pem"',
  'tls.key': 'key = "keys/a.key"',
  retention: '[retention] with policy = "demote", bytesMax = 1073741824 and ageMs = 604800000',
  'retention.policy': 'policy = "demote"',
  pluto: '[pluto] with listen = "127.0.0.1:7201"',
  'pluto.listen': 'listen = "127.0.0.1:7201"',
  'pluto.tls': '[pluto.tls] with ca, cert and key',
  'pluto.tls.ca': 'ca = "pluto/root-cert.pem"',
  'pluto.tls.cert': 'cert = "pluto/a-cert.pem"',
  'pluto.tls.key': 'key = "pluto/a-key.pem"',
  peers: '[peers] with lines such as b = "127.0.0.1:7102"',
};

function issueText(path: readonly string[], table: Table): string {
  const key = path.join('.');
  const example = examples[key];
  const remedy = example === undefined ? 'it must be a whole number from 1' : `write ${example}`;
  const value = path.reduce<unknown>((at, name) => (isTable(at) ? at[name] : undefined), table);
  return value === undefined ? `${key} is missing; ${remedy}` : `${key} has the wrong type or is empty; ${remedy}`;
}

function checkValues(shape: Shape, complaints: Complaints): void {
  complaints.check(['name'], () => nodeName(shape.name));
  complaints.check(['cluster'], () => clusterName(shape.cluster));
  complaints.check(['listen'], () => parseAddress(shape.listen, { zeroPort: true }));
  if (shape.peers.some(([name]) => name === shape.name)) {
    complaints.add(['peers', shape.name], `peers names this node itself, ${shape.name}; list only the others`);
  }
}

/** A peer that speaks pluto v0.4 has nowhere to come to unless there is a port for it. */
function checkPluto({ pluto }: Shape, foreignPeers: readonly ForeignPeer[], complaints: Complaints): void {
  if (pluto !== undefined) {
    complaints.check(['pluto', 'listen'], () => parseAddress(pluto.listen, { zeroPort: true }));
  }
  const [first] = foreignPeers;
  if (first === undefined) return;
  const path = ['peers', first.name];
  if (pluto === undefined) {
    complaints.add(
      path,
      `peers.${first.name} speaks pluto v0.4, which needs a port of its own; write ${examples['pluto'] ?? ''}`,
    );
  }
  for (const [index, { name }] of foreignPeers.entries()) {
    // With those in front of it: two of them may be alike.
    const problem = problemOf(foreignPeers.slice(0, index + 1));
    if (problem !== undefined) return complaints.add(['peers', name], problem);
  }
}

function problemOf(foreignPeers: readonly ForeignPeer[]): string | undefined {
  try {
    readPlutoPeers(foreignPeers.map((peer) => [peer.name, peer]));
    return undefined;
  } catch (error) {
    if (error instanceof AntecedentError) return error.message;
    throw error;
  }
}

/** A path is wrong more often than what it leads to: said here, it is said with its line. */
function checkCredentialFiles(paths: CredentialSources, table: readonly string[], complaints: Complaints): void {
  for (const key of tlsKeys) {
    const path = paths[key];
    if (typeof path !== 'string' || existsSync(path)) continue;
    const where = [...table, key];
    const what = `${where.join('.')}: there is no file ${path}; "antecedent keys --help" tells how to make it`;
    complaints.add(where, what);
  }
}

type Peers = Pick<NodeConfig, 'peers' | 'foreignPeers'>;

function readPeers(entries: readonly (readonly [string, unknown])[], complaints: Complaints): Peers {
  const peers = new Map<string, string>();
  const foreignPeers: ForeignPeer[] = [];
  for (const [name, given] of entries) {
    const path = ['peers', name];
    const table: Table = isTable(given) ? given : { address: given };
    const address = table['address'];
    if (!isNodeName(name)) complaints.check(path, () => nodeName(name));
    else if (typeof address !== 'string') {
      complaints.add(path, `peers.${name} needs an address; write ${name} = "127.0.0.1:7102"`);
    } else {
      complaints.check(path, () => parseAddress(address, { zeroPort: false }));
      if (table['protocol'] === undefined && table['fingerprint'] === undefined) peers.set(name, address);
      else addForeignPeer(foreignPeers, name, address, table, complaints);
    }
  }
  return { peers: Object.fromEntries(peers), foreignPeers };
}

function addForeignPeer(
  foreignPeers: ForeignPeer[],
  name: string,
  address: string,
  table: Table,
  complaints: Complaints,
): void {
  const { protocol, fingerprint } = { protocol: table['protocol'], fingerprint: table['fingerprint'] };
  if (protocol !== 'pluto-0.4') {
    complaints.add(
      ['peers', name, 'protocol'],
      `peers.${name}.protocol must be "pluto-0.4", or be left out with fingerprint`,
    );
  } else if (fingerprint === undefined) {
    foreignPeers.push({ name, address, protocol });
  } else if (typeof fingerprint !== 'string' || !/^sha256:([0-9A-Fa-f]{2}:?){32}$/.test(fingerprint)) {
    complaints.add(
      ['peers', name, 'fingerprint'],
      `peers.${name}.fingerprint must be "sha256:" and 64 hexadecimal digits`,
    );
  } else {
    foreignPeers.push({ name, address, protocol, fingerprint });
  }
}
