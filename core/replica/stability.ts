/**
 * What every member has: how far all of them have applied each log (stable), and how far all of them have synced it.
 *
 * A message is stable once every member has applied it. From then on nothing concurrent with it is delivered any more, so a
 * CRDT may drop what it keeps for concurrent operations. Two things could break that, and each row waits for both:
 *
 * - A message that the member had broadcast before it applied ours may still be on its way: a row counts only once we have
 *   applied the member's log up to what it had broadcast when it made the row. (Our own row too: our disk may be slow.)
 * - A member may have forgotten what it broadcast in an earlier life, and others may still hold it: a row counts only while
 *   its maker knows the same members in the same incarnations as we do, and once we have applied all that it held of closed logs.
 *   (Our own row too: we may hold what nobody else does. And nobody makes a row while more of a closed log is on its way to its disk.)
 *   Who begins a new incarnation, or is new, broadcasts only behind what a member held when it came (see `CatchUp`).
 *
 * While a row waits for that, newer ones of the same member do not take its place: under steady load none would ever count.
 *
 * Source of the matrix of clocks: Wuu and Bernstein, "Efficient Solutions to the Replicated Log and Dictionary Problems", PODC 1984.
 */
import { equalBytes, type LogState } from '../message/batch.js';
import type { AdvertFrame } from '../message/frame.js';
import type { NodeName } from '../names.js';
import type { OriginTable } from './origin-table.js';

/** What a member has said, by origin index. */
interface Row {
  /** Index of the log that the member writes. */
  readonly own: number;
  readonly ownSeq: number;
  /** Undefined: the member passes nothing on, and counts under every view. */
  readonly view: Uint8Array | undefined;
  readonly durable: readonly number[];
  readonly applied: readonly number[];
}

interface MemberRows {
  latest: Row | undefined;
  /** The oldest row that has still to wait. */
  pending: Row | undefined;
  /** The newest row that counts. */
  confirmed: Row | undefined;
}

/** What the rows are compared with. */
export interface OwnKnowledge {
  readonly name: NodeName;
  /** Index of our own log, and seq of our last broadcast, synced or not. */
  readonly own: number;
  readonly ownSeq: number;
  readonly view: Uint8Array;
  /** The other members. */
  readonly members: Iterable<NodeName>;
  readonly closedLogs: readonly number[];
  appliedSeq(origin: number): number;
  /** What we have of a log, synced or not. */
  receivedSeq(origin: number): number;
}

export class Stability {
  readonly #origins: OriginTable;
  readonly #rows = new Map<NodeName, MemberRows>();
  readonly #stable: number[] = [];
  /** Something has been said since the last `advance`. */
  #isDirty = false;
  /** A row was found to have to wait. */
  #isWaiting = false;

  constructor(origins: OriginTable) {
    this.#origins = origins;
  }

  /** True when `advance` may have something new. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Last seq of a log that every member has applied, as of the last `advance`. */
  stableSeq(origin: number): number {
    return this.#stable[origin] ?? 0;
  }

  /** How many numbers are kept of what the members have said. */
  get numbers(): number {
    let numbers = 0;
    for (const { latest, pending, confirmed } of this.#rows.values()) {
      for (const row of new Set([latest, pending, confirmed])) {
        numbers += (row?.durable.length ?? 0) + (row?.applied.length ?? 0);
      }
    }
    return numbers;
  }

  /** What a member has said, in the row of the log that it writes. Only in an unbroken succession: see `AdvertFrame`. */
  handleAdvert(member: NodeName, own: number, advert: AdvertFrame): void {
    const rows = this.#rowsOf(member);
    const isWhole = advert.since === 0 || rows.latest?.own !== own;
    const durable = isWhole ? [] : (rows.latest?.durable.slice() ?? []);
    const applied = isWhole ? [] : (rows.latest?.applied.slice() ?? []);
    for (const { origin, incarnation, durableSeq, appliedSeq } of advert.rows) {
      const index = this.#origins.find(origin, incarnation);
      if (index === undefined) continue;
      setAt(durable, index, durableSeq);
      setAt(applied, index, appliedSeq);
    }
    rows.latest = { own, ownSeq: advert.ownSeq, view: advert.view.slice(), durable, applied };
    this.#isDirty = true;
  }

  /**
   * What a member that speaks pluto v0.4 has said by its last message, in the log `own`: it had applied what the clock counts. It passes
   * on nothing that others have written, so that nothing comes out of what it holds of closed logs.
   */
  handleClock(member: NodeName, own: number, { clock, dictionary, nextSeq }: LogState): void {
    const applied: number[] = [];
    for (const [index, origin] of dictionary.entries()) setAt(applied, origin, clock[index] ?? 0);
    setAt(applied, own, nextSeq - 1);
    this.#rowsOf(member).latest = { own, ownSeq: nextSeq - 1, view: undefined, durable: [], applied };
    this.#isDirty = true;
  }

  /** A member has lost what it had said it has. */
  forget(member: NodeName): void {
    this.#rows.delete(member);
  }

  /** We have applied more, or know other members: rows that wait for that may count now. */
  noteProgress(): void {
    this.#isDirty ||= this.#isWaiting;
  }

  /** Looks at all rows again. Returns true when more has become stable. O(members * logs). */
  advance(own: OwnKnowledge): boolean {
    this.#isDirty = false;
    this.#isWaiting = false;
    const members = [own.name, ...own.members];
    this.#rowsOf(own.name).latest = ownRow(own, this.#origins.size);
    const confirmed = members.flatMap((member) => this.#confirm(this.#rowsOf(member), own) ?? []);
    if (confirmed.length < members.length) return false;
    let hasAdvanced = false;
    for (let origin = 0; origin < this.#origins.size; origin++) {
      const known = this.stableSeq(origin);
      let seq = Infinity;
      for (const { applied } of confirmed) {
        seq = Math.min(seq, applied[origin] ?? 0);
        // One row is enough to say that nothing has moved, and in most logs nothing has.
        if (seq <= known) break;
      }
      if (seq <= known) continue;
      setAt(this.#stable, origin, seq);
      hasAdvanced = true;
    }
    return hasAdvanced;
  }

  /** Last seq of each log that `member` has synced, as far as it has said, by origin index. */
  syncedSeqs(member: NodeName): readonly number[] {
    return this.#rows.get(member)?.latest?.durable ?? [];
  }

  /** The newest row of a member that counts under the present view. */
  #confirm(rows: MemberRows, own: OwnKnowledge): Row | undefined {
    // One that was made under another view never counts.
    if (rows.pending === undefined || !isOfView(rows.pending, own.view)) rows.pending = rows.latest;
    // The row behind the pending one may count as well.
    for (let tries = 0; tries < 2 && rows.pending !== undefined && counts(rows.pending, own); tries++) {
      rows.confirmed = rows.pending;
      rows.pending = rows.pending === rows.latest ? undefined : rows.latest;
    }
    this.#isWaiting ||= rows.pending !== undefined;
    const { confirmed } = rows;
    return confirmed !== undefined && isOfView(confirmed, own.view) ? confirmed : undefined;
  }

  #rowsOf(member: NodeName): MemberRows {
    let rows = this.#rows.get(member);
    if (rows === undefined) {
      rows = { latest: undefined, pending: undefined, confirmed: undefined };
      this.#rows.set(member, rows);
    }
    return rows;
  }
}

function ownRow(knowledge: OwnKnowledge, origins: number): Row {
  const { own, ownSeq, view } = knowledge;
  const durable: number[] = [];
  const applied: number[] = [];
  for (let origin = 0; origin < origins; origin++) {
    // Not only what is synced: what comes behind is delivered here all the same.
    durable.push(knowledge.receivedSeq(origin));
    applied.push(knowledge.appliedSeq(origin));
  }
  return { own, ownSeq, view, durable, applied };
}

function isOfView({ view }: Row, present: Uint8Array): boolean {
  return view === undefined || equalBytes(view, present);
}

function counts(row: Row, own: OwnKnowledge): boolean {
  if (!isOfView(row, own.view) || own.appliedSeq(row.own) < row.ownSeq) return false;
  return own.closedLogs.every((origin) => own.appliedSeq(origin) >= (row.durable[origin] ?? 0));
}

/** Sets an element of a list that has no holes. */
function setAt(list: number[], index: number, value: number): void {
  while (list.length <= index) list.push(0);
  list[index] = value;
}
