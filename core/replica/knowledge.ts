/** What a replica knows, however often it begins a new incarnation: the parts that restoring and running share. */
import type { Limits, Timings } from '../limits.js';
import { emptyChain } from '../message/batch.js';
import { ByteWriter } from '../message/bytes.js';
import { FrameEncoder, viewBytes } from '../message/frame.js';
import { Slab } from '../message/slab.js';
import type { ClusterName, NodeName } from '../names.js';
import type { Digests, Random } from '../ports.js';
import { Adverts } from './adverts.js';
import { ClosedLogs } from './closed-logs.js';
import { Deliveries } from './deliveries.js';
import { Logs } from './logs.js';
import { Marking } from './marking.js';
import { Membership } from './membership.js';
import { OriginTable } from './origin-table.js';
import { Outbox } from './outbox.js';
import { newPeer, type Peer } from './peer.js';
import { newPlutoPeer, type PlutoPeer } from './pluto-peer.js';
import { Retention, type RetentionPolicy } from './retention.js';
import { SnapshotPieces } from './snapshot.js';
import { Stability } from './stability.js';

export interface ReplicaOptions {
  readonly name: NodeName;
  readonly cluster: ClusterName;
  /** The other members by configuration; others may have been added or removed since. */
  readonly peers: readonly NodeName[];
  /** Members that speak pluto v0.4; none unless given. */
  readonly plutoPeers?: readonly NodeName[] | undefined;
  /** Last position the application has stored; undefined: the journal keeps the mark. */
  readonly position: number | undefined;
  /**
   * `any-member`: while a member cannot be reached, its messages are fetched from whoever holds them. `origin-only`: they
   * come from the member itself; only those that it has forgotten come from others.
   */
  readonly repair: 'any-member' | 'origin-only';
  /** True for a node that is being added to members that exist: it broadcasts nothing before it has heard that it was. */
  readonly joins: boolean;
  /** Undefined: the journal keeps everything, for members that may come later. */
  readonly retention: RetentionPolicy | undefined;
  /** The application gives snapshots of its state, and takes them. */
  readonly hasSnapshots: boolean;
  readonly limits: Limits;
  readonly timings: Timings;
  readonly random: Random;
  readonly digests: Digests;
}

export class Knowledge {
  readonly slab: Slab = new Slab();
  readonly outbox: Outbox;
  readonly membership: Membership;
  readonly origins: OriginTable;
  readonly logs: Logs;
  readonly deliveries: Deliveries;
  readonly marking: Marking;
  readonly closedLogs: ClosedLogs;
  readonly adverts: Adverts = new Adverts();
  readonly stability: Stability;
  readonly retention: Retention | undefined;
  readonly pieces: SnapshotPieces = new SnapshotPieces();
  /** The other members, but for those that speak pluto v0.4. */
  readonly peers: Map<NodeName, Peer>;
  readonly plutoPeers: Map<NodeName, PlutoPeer>;
  readonly #digests: Digests;
  #view: { readonly version: number; readonly digest: Uint8Array } | undefined;

  constructor({ name, peers, plutoPeers = [], joins, position, retention, timings, digests }: ReplicaOptions) {
    this.outbox = new Outbox(new FrameEncoder(digests, this.slab));
    this.membership = new Membership([...(joins ? [] : [name]), ...peers, ...plutoPeers]);
    this.origins = new OriginTable([name, ...peers, ...plutoPeers]);
    this.logs = new Logs(this.origins, digests);
    this.deliveries = new Deliveries(this.origins, position, (origin) => {
      this.adverts.touch(origin);
      this.stability.noteProgress();
    });
    this.marking = new Marking(this.deliveries, this.outbox, timings.markDelayMs);
    this.closedLogs = new ClosedLogs(this.origins);
    this.stability = new Stability(this.origins);
    this.peers = new Map(peers.map((peer) => [peer, newPeer(peer)]));
    this.plutoPeers = new Map(plutoPeers.map((peer) => [peer, newPlutoPeer(peer)]));
    if (retention !== undefined) {
      this.retention = new Retention({
        ...{
          policy: retention,
          graceMs: timings.deadMs,
          origins: this.origins,
          logs: this.logs,
          deliveries: this.deliveries,
        },
        ...{ stability: this.stability, peers: this.peers, outbox: this.outbox },
      });
    }
    this.#digests = digests;
  }

  /** How far each member has synced our log, in any order. `ownSeq`: how far we have. */
  syncedSeqs(ownSeq: number): readonly number[] {
    const seqs = [ownSeq];
    for (const { ackedSeq } of this.peers.values()) seqs.push(ackedSeq);
    for (const { ackedSeq } of this.plutoPeers.values()) seqs.push(ackedSeq);
    return seqs;
  }

  /** Digest of who is a member, and in which incarnation. Two who agree have equal digests. */
  readonly view = (): Uint8Array => {
    const version = this.adverts.viewVersion;
    if (this.#view?.version !== version) {
      const writer = new ByteWriter();
      for (const name of this.membership.members) {
        writer.text(name);
        writer.varint(this.membership.generationOf(name));
        // Who was never heard of has the same first incarnation as who was.
        writer.varint(Math.max(1, this.closedLogs.newestOf(name)));
      }
      this.#view = { version, digest: this.#digests.chain(emptyChain, writer.view()).subarray(0, viewBytes) };
    }
    return this.#view.digest;
  };
}
