/**
 * Three nodes in this process that talk to each other while a test is unkind to one of them: a, which counts d as a
 * member too. There is no d; whoever has its certificate may play it.
 */
import { openNode, type AntecedentNode, type OpenNodeOptions, type PeerEvent } from '../../transport-tls/index.js';
import type { Address } from '../../transport-tls/address.js';
import { makeTestDirectory, type TestAuthority } from '../support/certificates.js';
import { freePorts } from './free-ports.js';
import type { LogLine } from './link-party.js';
import { Inbox, within } from './waiting.js';

const names = ['a', 'b', 'c'] as const;
/** Two ends of three links. */
const memberSockets = 6;

export class LiveCluster {
  /** Where a listens. */
  readonly address: Address;
  /** Warnings and errors of a. */
  readonly log = new Inbox<LogLine>('a log line of a');
  /** Links between members that have ended since the cluster was complete. */
  readonly lost: string[] = [];
  /** Payloads that each node has delivered, in order. */
  readonly delivered = new Map<string, string[]>(names.map((name) => [name, []]));
  readonly #watchers = new Set<() => void>();
  readonly #up = new Set<string>();
  readonly #ports: readonly number[];
  #nodes: readonly AntecedentNode[] = [];
  #broadcasts = 0;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.address = { host: '127.0.0.1', port: ports[0] ?? 0 };
  }

  static async open(authority: TestAuthority, tuning: Partial<OpenNodeOptions>): Promise<LiveCluster> {
    const cluster = new LiveCluster(await freePorts(names.length + 1));
    const directory = makeTestDirectory('live');
    const nodes = names.map((name) => openNode({ ...cluster.#options(name, authority, directory), ...tuning }));
    cluster.#nodes = await within('three nodes', Promise.all(nodes));
    await cluster.#until('every link', () => cluster.#up.size === memberSockets);
    // Two that dial each other at once give up one of the two links; only then is the cluster at rest.
    await cluster.exchange();
    await cluster.onlyMembersAreConnected();
    cluster.lost.length = 0;
    return cluster;
  }

  /** Every node broadcasts once; resolves when all three messages are delivered by all three nodes. */
  async exchange(): Promise<void> {
    const payloads = this.#nodes.map((node) => `${node.name}-${++this.#broadcasts}`);
    const bytes = payloads.map((payload) => new TextEncoder().encode(payload));
    await Promise.all(this.#nodes.map((node, index) => node.broadcast(bytes[index] ?? new Uint8Array())));
    await this.#until('every delivery', () =>
      [...this.delivered.values()].every((all) => payloads.every((payload) => all.includes(payload))),
    );
  }

  /** Resolves when no connection is left but those of the members. */
  async onlyMembersAreConnected(): Promise<void> {
    const poll = (done: () => void): void => {
      if (openSockets() === memberSockets) done();
      else setImmediate(poll, done);
    };
    await within(`${openSockets()} sockets to become ${memberSockets}`, new Promise<void>(poll));
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
  }

  #options(name: string, authority: TestAuthority, directory: string): OpenNodeOptions {
    const members = [...names, ...(name === 'a' ? ['d'] : [])];
    const address = (of: string): string => `127.0.0.1:${this.#ports[members.indexOf(of)] ?? 0}`;
    return {
      name,
      cluster: 'demo',
      dataDir: `${directory}/${name}`,
      listen: address(name),
      peers: Object.fromEntries(members.filter((other) => other !== name).map((other) => [other, address(other)])),
      tls: authority.files(name),
      logger: {
        log: (level, event, fields) => {
          if (name === 'a') this.log.put({ level, event, ...fields });
        },
      },
      apply: ({ payload }) => {
        this.delivered.get(name)?.push(new TextDecoder().decode(payload));
        this.#changed();
      },
      onPeer: (event) => this.#handlePeer(name, event),
    };
  }

  #handlePeer(name: string, { name: peer, state, reason }: PeerEvent): void {
    if (peer === 'd') return;
    if (state === 'up') this.#up.add(`${name}-${peer}`);
    else this.lost.push(`${name} lost ${peer}: ${reason}`);
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    let watcher = (): void => undefined;
    const reached = new Promise<void>((resolve) => {
      watcher = () => {
        if (condition()) resolve();
      };
    });
    this.#watchers.add(watcher);
    watcher();
    try {
      await within(what, reached);
    } finally {
      this.#watchers.delete(watcher);
    }
  }
}

/** Connected sockets of this process, both ends counted. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;
}
