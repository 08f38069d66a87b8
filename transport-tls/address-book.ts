/**
 * Who the other members are, and where.
 *
 * An address comes from our own configuration, or was learned from the other members. The configuration wins: whoever wrote it knows
 * how this machine reaches the peer. A member may have no usable address at all; it can still come to us.
 */
import { AntecedentError, type NodeName } from '../core/index.js';
import { parseAddress, type Address } from './address.js';

export class AddressBook {
  readonly #members: Set<NodeName>;
  #given: ReadonlyMap<NodeName, Address>;
  readonly #learned = new Map<NodeName, Address>();
  readonly #admitted: Set<NodeName>;

  /** The members of the configuration, with their addresses. */
  constructor(given: ReadonlyMap<NodeName, Address>) {
    this.#given = given;
    this.#members = new Set(given.keys());
    this.#admitted = new Set(given.keys());
  }

  /** Changes with `learn` and `forget`. */
  get members(): ReadonlySet<NodeName> {
    return this.#members;
  }

  /** Who may link with us: members, and former ones, who have to be told that they are none any more. */
  get admitted(): ReadonlySet<NodeName> {
    return this.#admitted;
  }

  addressOf(peer: NodeName): Address | undefined {
    return this.#members.has(peer) ? (this.#given.get(peer) ?? this.#learned.get(peer)) : undefined;
  }

  /** `peer` is a member from now on. Returns what is wrong with the address; what was known of it stays then. */
  learn(peer: NodeName, address: string): AntecedentError | undefined {
    this.#members.add(peer);
    this.#admitted.add(peer);
    try {
      this.#learned.set(peer, parseAddress(address, { zeroPort: false }));
      return undefined;
    } catch (error) {
      if (error instanceof AntecedentError) return error;
      throw error;
    }
  }

  /** `peer` is no member any more. */
  forget(peer: NodeName): void {
    this.#admitted.add(peer);
    this.#members.delete(peer);
    this.#learned.delete(peer);
  }

  /** Takes the addresses of a configuration that was read again. Makes nobody a member. */
  give(addresses: ReadonlyMap<NodeName, Address>): void {
    this.#given = addresses;
  }
}
