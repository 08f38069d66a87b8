/**
 * Versions of what we know: every change of a log's row has a number, so that a peer can be told exactly what it has not
 * heard yet, also after frames were lost.
 */
export class Adverts {
  #version = 0;
  #viewVersion = 0;
  /** Version in which the row of an origin changed last, by origin index. */
  readonly #changedAt: number[] = [];

  /** Version of our knowledge now; 0 when there is none. */
  get version(): number {
    return this.#version;
  }

  /** The row of `origin` has changed. */
  touch(origin: number): void {
    while (this.#changedAt.length <= origin) this.#changedAt.push(0);
    this.#changedAt[origin] = ++this.#version;
  }

  /** Who is a member, or in which incarnation, has changed. */
  touchView(): void {
    this.#version++;
    this.#viewVersion++;
  }

  /** Counts the calls of `touchView`. */
  get viewVersion(): number {
    return this.#viewVersion;
  }

  /** Origins whose rows have changed behind version `since`, in ascending order. */
  changedSince(since: number): readonly number[] {
    const origins: number[] = [];
    this.#changedAt.forEach((version, origin) => {
      if (version > since) origins.push(origin);
    });
    return origins;
  }
}
