/**
 * Adds members and removes them: what operators ask for, what others say, and what follows once it is durable.
 */
import { AntecedentError, RemoteProtocolError } from '../errors.js';
import type { MemberChange } from '../message/frame.js';
import { membersMax } from '../message/origin.js';
import type { NodeName } from '../names.js';
import type { Knowledge } from './knowledge.js';
import { newPeer, type Peer } from './peer.js';
import type { Running } from './running.js';

/** More additions and removals of one name than this are not believed. */
const generationMax = 1_000_000;

export class Members {
  readonly #self: NodeName;
  readonly #knowledge: Knowledge;

  constructor(self: NodeName, knowledge: Knowledge) {
    this.#self = self;
    this.#knowledge = knowledge;
  }

  /** The change that makes `name` a member. Throws `E_CONFIG` for a member, and when there are too many. */
  adding(name: NodeName, address: string): MemberChange {
    const { closedLogs, deliveries, membership, origins, plutoPeers } = this.#knowledge;
    if (membership.has(name)) throw new AntecedentError('E_CONFIG', `${name} is a member already`);
    if (plutoPeers.size > 0) {
      const peers = [...plutoPeers.keys()].join(', ');
      const message = `${peers} cannot be told of ${name}: pluto v0.4 knows the nodes that it was started with; remove it from the members first`;
      throw new AntecedentError('E_CONFIG', message);
    }
    if (membership.members.length >= membersMax) {
      throw new AntecedentError('E_CONFIG', `a cluster has at most ${membersMax} members; remove one first`);
    }
    const start = Array.from({ length: origins.size }, (_, index) => {
      const { name: origin, incarnation } = origins.at(index);
      return { origin, incarnation, seq: deliveries.pastSeq(index) };
    });
    return {
      name,
      generation: membership.generationOf(name) + 1,
      address,
      incarnation: closedLogs.newestOf(name) + 1,
      start: start.filter(({ seq }) => seq > 0),
    };
  }

  /** The change that removes `name`. Throws `E_CONFIG` for who is no member, and for ourselves. */
  removing(name: NodeName): MemberChange {
    const { membership } = this.#knowledge;
    if (!membership.has(name)) throw new AntecedentError('E_CONFIG', `${name} is no member`);
    if (name === this.#self) {
      throw new AntecedentError('E_CONFIG', `${name} cannot remove itself: ask another member to do it`);
    }
    return { name, generation: membership.generationOf(name) + 1, address: '', incarnation: 1, start: [] };
  }

  /** Throws `RemoteProtocolError` for changes that no operator has made: more members than a cluster has, or more changes than anybody makes. */
  checkNews(changes: readonly MemberChange[]): void {
    const { membership } = this.#knowledge;
    const added = changes.filter(({ name, generation }) => generation % 2 === 1 && !membership.has(name));
    if (membership.members.length + added.length > membersMax) {
      throw new RemoteProtocolError('E_UNKNOWN_MEMBER', `names more than ${membersMax} members`);
    }
    const strange = changes.find(({ generation }) => generation > generationMax);
    if (strange !== undefined) {
      const message = `${strange.name} was added and removed ${strange.generation} times`;
      throw new RemoteProtocolError('E_COUNTER_RANGE', message);
    }
  }

  /** Changes of an earlier life, before there are links. */
  restore(changes: readonly MemberChange[]): void {
    for (const change of this.#knowledge.membership.adopt(changes)) this.#adopt(change);
  }

  /** Changes are durable, and take effect. True when any was new. */
  handleDurable(changes: readonly MemberChange[], running: Running, nowMs: number): boolean {
    const { membership, outbox, stability } = this.#knowledge;
    const { catchUp, exchange, fence, peering, pluto } = running;
    const wasMember = membership.has(this.#self);
    membership.noteDurable();
    const news = membership.adopt(changes);
    if (news.length === 0) return false;
    for (const change of news) {
      const line = this.#knowledge.plutoPeers.get(change.name);
      const former = this.#adopt(change);
      if (line !== undefined) pluto.handleRemoved(line);
      const added = this.#knowledge.peers.get(change.name);
      if (added !== undefined) added.seenAtMs = nowMs;
      if (former !== undefined) peering.drop(former, nowMs);
      stability.forget(change.name);
      if (change.name !== this.#self) continue;
      if (membership.has(change.name)) {
        fence.lowerRemoved();
        catchUp.handleAdded(change.start);
        // Else it was removed in an earlier life of its name, and the one who says so has not heard yet that it was added again.
      } else if (wasMember) fence.raiseRemoved();
    }
    exchange.announceMembers();
    this.report(news);
    // Who is new is dialled.
    outbox.wakeBy(nowMs);
    return true;
  }

  report(changes: readonly MemberChange[]): void {
    const { membership, outbox } = this.#knowledge;
    outbox.event({ type: 'members', members: membership.members, changes });
  }

  /** Returns the peer that is none any more. */
  #adopt({ name, incarnation }: MemberChange): Peer | undefined {
    const { closedLogs, membership, origins, peers, plutoPeers } = this.#knowledge;
    origins.admit(name);
    if (name === this.#self) return undefined;
    // Who was removed and added again is added as one of us.
    plutoPeers.delete(name);
    if (membership.has(name)) {
      closedLogs.noteAdded(name, incarnation);
      if (!peers.has(name)) peers.set(name, newPeer(name));
      return undefined;
    }
    const former = peers.get(name);
    closedLogs.noteRemoved(name);
    peers.delete(name);
    return former;
  }
}
