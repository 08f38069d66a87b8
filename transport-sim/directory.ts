/**
 * The names in a simulated data directory: those a program sees, and those that a loss of power would leave.
 *
 * Invariant: `#durable` with `#changes` applied in order is `#current`. After a loss of power a prefix of the changes is
 * left, as in a journalling file system: never the second one without the first.
 */
import type { FileContent } from './file-content.js';
import type { RandomStream } from './random.js';

type Change =
  | { readonly kind: 'create'; readonly name: string; readonly content: FileContent }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string };

type Names = Map<string, FileContent>;

export class Directory {
  #current: Names = new Map();
  #durable: Names = new Map();
  #changes: Change[] = [];
  #settled = 0;

  /** Number of changes ever made: what a sync that is issued now will cover. */
  get mark(): number {
    return this.#settled + this.#changes.length;
  }

  /** Number of pages of all named files that a loss of power could take away; changes of names count as one more. */
  get unsyncedPages(): number {
    let pages = this.#changes.length > 0 ? 1 : 0;
    for (const content of this.#named) pages += content.unsyncedPages.length;
    return pages;
  }

  /** In byte order. */
  get names(): string[] {
    return [...this.#current.keys()].sort();
  }

  get(name: string): FileContent | undefined {
    return this.#current.get(name);
  }

  has(name: string): boolean {
    return this.#current.has(name);
  }

  /** The files that a loss of power would leave at worst, in byte order of their names. */
  get synced(): readonly (readonly [name: string, content: FileContent])[] {
    return [...this.#durable].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** The present name of `content`; undefined when it has none. */
  nameOf(content: FileContent): string | undefined {
    for (const [name, named] of this.#current) if (named === content) return name;
    return undefined;
  }

  /** Bytes of all files that have a name. */
  get totalBytes(): number {
    let total = 0;
    for (const content of this.#current.values()) total += content.length;
    return total;
  }

  create(name: string, content: FileContent): void {
    this.#change({ kind: 'create', name, content });
  }

  /** `from` must exist; `to` is replaced. */
  rename(from: string, to: string): void {
    this.#change({ kind: 'rename', from, to });
  }

  remove(name: string): void {
    this.#change({ kind: 'remove', name });
  }

  /** A sync that was issued at `mark` has completed. */
  makeDurable(mark: number): void {
    const covered = Math.min(this.#changes.length, mark - this.#settled);
    if (covered <= 0) return;
    for (const change of this.#changes.splice(0, covered)) apply(this.#durable, change);
    this.#settled += covered;
  }

  /** The power goes: a random number of the changes, from the first on, survives. `count` hears of each lost one. */
  losePower(random: RandomStream, count: (fault: string) => void): void {
    this.#keep(this.#changes.length > 0 ? random.between(0, this.#changes.length) : 0, count);
  }

  /**
   * The power goes, for the contents too: the i-th of the `unsyncedPages` survives when `survives(i)`. They are counted
   * through the files in byte order of their present names, each in order of position; the changes of names, all or none,
   * are the last one. A content that has no name at present goes back to its durable bytes.
   */
  keepPages(survives: (index: number) => boolean, count: (fault: string) => void): void {
    const contents = new Set(this.#named);
    let next = 0;
    for (const content of contents) {
      const kept = new Set<number>();
      for (const page of content.unsyncedPages) {
        if (survives(next)) kept.add(page);
        next += 1;
      }
      content.keepPages(kept, count);
    }
    for (const content of this.contents) if (!contents.has(content)) content.keepPages(new Set(), count);
    this.#keep(survives(next) ? this.#changes.length : 0, count);
  }

  /** Every content that a name refers to, now or after a loss of power, each once. */
  get contents(): readonly FileContent[] {
    const found = new Set<FileContent>();
    for (const content of this.#durable.values()) found.add(content);
    for (const change of this.#changes) if (change.kind === 'create') found.add(change.content);
    return [...found];
  }

  /** Throws everything away and takes `files`, all durable. */
  reset(files: ReadonlyMap<string, FileContent>): void {
    this.#settled += this.#changes.length;
    this.#changes = [];
    this.#current = new Map(files);
    this.#durable = new Map(files);
  }

  #keep(kept: number, count: (fault: string) => void): void {
    this.#changes.forEach((change, index) => {
      if (index < kept) apply(this.#durable, change);
      else count('lost-directory-entry');
    });
    this.#settled += this.#changes.length;
    this.#changes = [];
    this.#current = new Map(this.#durable);
  }

  /** The contents of the files, in byte order of their present names. */
  get #named(): FileContent[] {
    return this.names.flatMap((name) => this.get(name) ?? []);
  }

  #change(change: Change): void {
    apply(this.#current, change);
    this.#changes.push(change);
  }
}

function apply(names: Names, change: Change): void {
  switch (change.kind) {
    case 'create':
      names.set(change.name, change.content);
      return;
    case 'rename': {
      const content = names.get(change.from);
      if (content === undefined || change.from === change.to) return;
      names.delete(change.from);
      names.set(change.to, content);
      return;
    }
    case 'remove':
      names.delete(change.name);
      return;
  }
}
