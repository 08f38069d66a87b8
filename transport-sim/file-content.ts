/**
 * The bytes of one simulated file: what a reader sees now, and how to get back to what a loss of power would leave.
 *
 * Invariants:
 * - `#bytes` up to `length` is the page cache: every write so far. Behind `length` the buffer is zero.
 * - `#changes` are the writes and truncations since the last durable state, oldest first, each with what it overwrote, so
 *   undoing them from the last to the first gives the durable state. An append overwrites nothing and so keeps nothing:
 *   a log costs no second copy.
 * - A change whose sync failed is abandoned: a later sync succeeds without it, as on Linux, where the pages are marked
 *   clean. A reader still sees it until the power goes.
 * - A loss of power is decided in one of two ways: change by change at random (`losePower`), or page by page as the caller
 *   says (`keepPages`).
 */
import type { RandomStream } from './random.js';

/** What a medium writes as a whole or not at all. */
export const sectorBytes = 512;
/** What a system writes back to the medium at a time. */
export const pageBytes = 4096;
const capacityMin = 4096;

type Durability = 'pending' | 'durable' | 'abandoned';

interface Change {
  /** A truncation has no `length` of its own: it overwrites the tail. */
  readonly kind: 'write' | 'truncate';
  readonly position: number;
  readonly length: number;
  readonly lengthBefore: number;
  readonly overwritten: Uint8Array;
  durability: Durability;
}

const nothing = new Uint8Array(0);

export class FileContent {
  #bytes: Uint8Array = nothing;
  #length = 0;
  #changes: Change[] = [];
  /** Number of changes that have left `#changes` at its front. */
  #settled = 0;

  get length(): number {
    return this.#length;
  }

  /** Number of changes ever made: what a sync that is issued now will cover. */
  get mark(): number {
    return this.#settled + this.#changes.length;
  }

  /** What a reader sees, without a copy: valid until the next change. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of the bytes that no loss of power can take away, without anything else. */
  get synced(): Uint8Array {
    const copy = this.copy();
    copy.#changes = [...this.#changes];
    copy.keepPages(new Set(), () => undefined);
    return copy.view;
  }

  /** The same without a copy where nothing but appends has not been synced, as in a log. Valid until the next change. */
  get syncedView(): Uint8Array {
    const changes = this.#changes;
    if (changes.length === 0) return this.view;
    const isAppending = changes.every(({ kind, overwritten, durability }) => {
      return kind === 'write' && overwritten.length === 0 && durability !== 'durable';
    });
    return isAppending ? this.#bytes.subarray(0, changes[0]?.lengthBefore) : this.synced;
  }

  /** A copy of up to `length` bytes. */
  read(position: number, length: number): Uint8Array {
    return this.#bytes.slice(Math.min(position, this.#length), Math.min(position + length, this.#length));
  }

  /** Writes the first `length` bytes of `chunks`. A hole before `position` reads as zero. */
  write(position: number, chunks: readonly Uint8Array[], length: number): void {
    if (length === 0) return;
    const overwritten =
      position < this.#length ? this.#bytes.slice(position, Math.min(position + length, this.#length)) : nothing;
    const lengthBefore = this.#length;
    this.#changes.push({ kind: 'write', position, length, lengthBefore, overwritten, durability: 'pending' });
    this.#extend(position + length);
    let at = position;
    let left = length;
    for (const chunk of chunks) {
      const part = chunk.length <= left ? chunk : chunk.subarray(0, left);
      this.#bytes.set(part, at);
      at += part.length;
      left -= part.length;
    }
  }

  /** Cuts the file, or extends it with zeros. */
  truncate(length: number): void {
    const lengthBefore = this.#length;
    const overwritten = length < lengthBefore ? this.#bytes.slice(length, lengthBefore) : nothing;
    this.#changes.push({
      kind: 'truncate',
      position: length,
      length: 0,
      lengthBefore,
      overwritten,
      durability: 'pending',
    });
    this.#setLength(length);
  }

  /** Changes one byte in place and for good, as a failing medium does. */
  damage(position: number, mask: number): boolean {
    const byte = position < this.#length ? this.#bytes[position] : undefined;
    if (byte === undefined) return false;
    this.#bytes[position] = byte ^ mask;
    return true;
  }

  /** A sync that was issued at `mark` has completed. */
  makeDurable(mark: number): void {
    this.#settle(mark, 'durable');
  }

  /** A sync that was issued at `mark` has failed: what it should have covered is not tried again. */
  abandon(mark: number): void {
    this.#settle(mark, 'abandoned');
  }

  /** A content with the same bytes, all of them durable. */
  copy(): FileContent {
    const copy = new FileContent();
    copy.#bytes = this.#bytes.slice(0, this.#length);
    copy.#length = this.#length;
    return copy;
  }

  /**
   * The power goes: every change that is not durable survives, or does not, or survives in part, independently of the
   * others. `count` hears of each fault.
   */
  losePower(random: RandomStream, tornWrite: number, count: (fault: string) => void): void {
    if (this.#changes.length === 0) return;
    const redo = this.#undoAll();
    this.#changes.forEach((change, index) => {
      const written = redo[index] ?? nothing;
      if (change.durability === 'durable') this.#redo(change, written);
      else if (change.durability === 'abandoned') count('lost-write');
      else if (change.kind === 'truncate') this.#decideTruncate(change, random, count);
      else this.#decideWrite(change, written, random, tornWrite, count);
    });
    this.#settled += this.#changes.length;
    this.#changes = [];
  }

  /**
   * Numbers of the pages that are not durable yet but may still become so, in order. A truncation belongs to the page of
   * the last byte it leaves (to the first page when it leaves none). The pages behind are written back no more and do not
   * count.
   */
  get unsyncedPages(): number[] {
    const pages = new Set<number>();
    for (const change of this.#changes) {
      if (change.durability !== 'pending') continue;
      const touched = pagesOf(change);
      if (change.kind === 'truncate') for (const page of pages) if (page > (touched[0] ?? page)) pages.delete(page);
      for (const page of touched) pages.add(page);
    }
    return [...pages].sort((x, y) => x - y);
  }

  /**
   * The power goes: of the un-synced pages those in `kept` survive as a reader saw them, even where a sync had failed, with
   * zeros behind the end; the others go back to their durable bytes. A truncation survives with its page and then takes
   * away durable bytes of other pages too. The file is as long as its durable bytes and the pages that survived need; a
   * hole reads as zeros. `count` hears of each fault.
   */
  keepPages(kept: ReadonlySet<number>, count: (fault: string) => void): void {
    if (this.#changes.length === 0) return;
    const isKept = (page: number): boolean => kept.has(page);
    const pages = this.unsyncedPages;
    const seen = this.view.slice();
    const redo = this.#undoAll();
    let cut = Infinity;
    this.#changes.forEach((change, index) => {
      if (change.durability === 'durable') this.#redo(change, redo[index] ?? nothing);
      else if (change.durability === 'abandoned' && !pagesOf(change).some(isKept)) count('lost-write');
      else if (isCut(change) && change.durability === 'pending' && pagesOf(change).some(isKept)) {
        cut = Math.min(cut, change.position);
      }
    });
    if (cut < this.#length) this.#setLength(cut);
    for (const page of pages) {
      if (isKept(page)) this.#putPage(page, seen);
      else count('lost-page');
    }
    this.#settled += this.#changes.length;
    this.#changes = [];
  }

  #settle(mark: number, durability: Durability): void {
    const changes = this.#changes;
    const covered = Math.min(changes.length, mark - this.#settled);
    for (let index = 0; index < covered; index += 1) {
      const change = changes[index];
      if (change?.durability === 'pending') change.durability = durability;
    }
    const firstOpen = changes.findIndex((change) => change.durability !== 'durable');
    if (firstOpen < 0) {
      // Nearly always, and then nothing has to be moved.
      this.#settled += changes.length;
      changes.length = 0;
    } else if (firstOpen > 0) {
      this.#settled += firstOpen;
      this.#changes = changes.slice(firstOpen);
    }
  }

  /** Goes back to the durable state; returns what each change had written. */
  #undoAll(): Uint8Array[] {
    const redo: Uint8Array[] = [];
    for (const change of this.#changes.toReversed()) {
      redo.push(change.kind === 'write' ? this.read(change.position, change.length) : nothing);
      this.#setLength(change.lengthBefore);
      this.#bytes.set(change.overwritten, change.position);
    }
    return redo.reverse();
  }

  #redo(change: Change, written: Uint8Array): void {
    if (change.kind === 'truncate') this.#setLength(change.position);
    else this.#put(change.position, written);
  }

  #decideTruncate(change: Change, random: RandomStream, count: (fault: string) => void): void {
    if (random.chance(0.5)) this.#setLength(change.position);
    else count('lost-truncation');
  }

  #decideWrite(
    change: Change,
    written: Uint8Array,
    random: RandomStream,
    tornWrite: number,
    count: (fault: string) => void,
  ): void {
    if (random.chance(tornWrite)) {
      count(this.#tear(change.position, written, random));
    } else if (random.chance(0.5)) {
      this.#put(change.position, written);
    } else if (random.chance(0.25) && change.position + written.length > this.#length) {
      // The size reached the disk, the bytes did not: the tail reads as zero.
      this.#extend(change.position + written.length);
      count('zeroed-write');
    } else {
      count('lost-write');
    }
  }

  /** Lets a part of a write survive; returns the kind of fault. */
  #tear(position: number, written: Uint8Array, random: RandomStream): string {
    const way = random.below(3);
    if (way === 0 || written.length < sectorBytes) {
      this.#put(position, written.subarray(0, random.below(written.length)));
      return 'torn-write';
    }
    if (way === 1 || written.length <= pageBytes) {
      // Sectors are a matter of the place on the disk, not of where the write began.
      const end = position + random.below(written.length);
      this.#put(position, written.subarray(0, Math.max(0, end - (end % sectorBytes) - position)));
      return 'torn-write';
    }
    for (let at = 0; at < written.length;) {
      const end = Math.min(written.length, at + pageBytes - ((position + at) % pageBytes));
      if (random.chance(0.5)) this.#put(position + at, written.subarray(at, end));
      at = end;
    }
    return 'scattered-write';
  }

  #putPage(page: number, seen: Uint8Array): void {
    const start = page * pageBytes;
    const end = Math.max(start, Math.min(start + pageBytes, seen.length));
    this.#put(start, seen.subarray(start, end));
    if (end < this.#length) this.#bytes.fill(0, end, Math.min(start + pageBytes, this.#length));
  }

  #put(position: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#extend(position + bytes.length);
    this.#bytes.set(bytes, position);
  }

  #extend(length: number): void {
    if (length <= this.#length) return;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(capacityMin, length, this.#bytes.length * 2));
      grown.set(this.view);
      this.#bytes = grown;
    }
    this.#length = length;
  }

  #setLength(length: number): void {
    if (length >= this.#length) {
      this.#extend(length);
      return;
    }
    this.#bytes.fill(0, length, this.#length);
    this.#length = length;
  }
}

function isCut({ kind, position, lengthBefore }: Change): boolean {
  return kind === 'truncate' && position < lengthBefore;
}

/** Numbers of the pages that `change` makes un-synced. */
function pagesOf(change: Change): number[] {
  const { kind, position, length, lengthBefore } = change;
  if (kind === 'truncate') {
    if (position === lengthBefore) return [];
    return [Math.floor(Math.max(0, position - 1) / pageBytes)];
  }
  const pages: number[] = [];
  for (let page = Math.floor(position / pageBytes); page * pageBytes < position + length; page += 1) pages.push(page);
  return pages;
}
