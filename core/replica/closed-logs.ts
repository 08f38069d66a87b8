/**
 * Logs that nobody writes any more: those of a member's earlier incarnations, and those of former members.
 *
 * A member begins a new incarnation when it cannot be sure to remember all of the one before, such as after its log was
 * repaired. What it has forgotten may live on with others, and nobody else will send it: so every member says at once what it
 * holds of closed logs, and fetches what another one holds more of (see `Fetching`).
 *
 * Only a member itself closes its logs, by its HELLO or by what it has broadcast as a later incarnation; and its removal does.
 * What others say of it closes nothing.
 */
import type { NodeName } from '../names.js';
import type { OriginTable } from './origin-table.js';

const none: readonly number[] = [];

export class ClosedLogs {
  readonly #origins: OriginTable;
  /** Newest incarnation in which each member has spoken. */
  readonly #newest = new Map<NodeName, number>();
  readonly #removed = new Set<NodeName>();
  #hasAny = false;

  constructor(origins: OriginTable) {
    this.#origins = origins;
  }

  /** `name` speaks, or has written, as this incarnation. True when that closes earlier ones. */
  note(name: NodeName, incarnation: number): boolean {
    if (this.newestOf(name) >= incarnation) return false;
    this.#newest.set(name, incarnation);
    this.#hasAny ||= incarnation > 1;
    return incarnation > 1;
  }

  /** `name` is no member any more. */
  noteRemoved(name: NodeName): void {
    this.#removed.add(name);
    this.#hasAny = true;
  }

  /** `name` is a member again, and its logs before `incarnation` are over. */
  noteAdded(name: NodeName, incarnation: number): void {
    this.#removed.delete(name);
    this.note(name, incarnation);
  }

  /** Newest incarnation of `name` that we know of; 0 for none. */
  newestOf(name: NodeName): number {
    return this.#newest.get(name) ?? 0;
  }

  isClosed(origin: number): boolean {
    if (!this.#hasAny) return false;
    const { name, incarnation } = this.#origins.at(origin);
    return incarnation < this.newestOf(name) || this.#removed.has(name);
  }

  /** All closed logs that we have heard of. */
  get all(): readonly number[] {
    if (!this.#hasAny) return none;
    return Array.from({ length: this.#origins.size }, (_, origin) => origin).filter((origin) => this.isClosed(origin));
  }
}
