/** Some replicas, the links between them, and an application for each: tests decide who can reach whom, and when time passes. */
import { AntecedentError } from '../../core/index.js';
import { exchange, ReplicaUnderTest, type ReplicaUnderTestOptions } from './replicas.js';

const roundsMax = 500;

/** What a member has been given, as a state that can be handed on as a whole. */
export class GroupMember extends ReplicaUnderTest {
  /** `a: text` of everything applied, in order. */
  applied: string[] = [];
  /** Snapshots that the application was given, by position. */
  readonly installed: number[] = [];
  /** False: takes nothing. */
  isApplying = true;
  givesSnapshots = true;
  /** Added to every snapshot, to make it long. */
  ballast = '';
  stopsAfter = Infinity;

  /** Takes what there is; true when there was something. */
  apply(): boolean {
    let hasApplied = false;
    while (this.isApplying && (this.#giveSnapshot() || (this.applied.length < this.stopsAfter && this.#applyNext()))) {
      hasApplied = true;
    }
    return hasApplied;
  }

  #giveSnapshot(): boolean {
    const { replica } = this;
    if (!replica.isSnapshotWanted) return false;
    const bytes = new TextEncoder().encode(JSON.stringify({ applied: this.applied, ballast: this.ballast }));
    replica.provideSnapshot(this.givesSnapshots ? bytes : undefined, this.nowMs);
    this.step();
    return true;
  }

  #applyNext(): boolean {
    const { replica } = this;
    const snapshot = replica.takeSnapshot();
    if (snapshot !== undefined) {
      const state = JSON.parse(new TextDecoder().decode(snapshot.state)) as { readonly applied: readonly string[] };
      this.applied = [...state.applied];
      this.installed.push(snapshot.position);
      replica.handleApplied(snapshot.position);
      this.step();
      return true;
    }
    const next = replica.takeDelivery();
    if (next === undefined) {
      this.step();
      return false;
    }
    this.applied.push(new TextDecoder().decode(next.payload));
    replica.handleApplied(next.position);
    this.step();
    return true;
  }

  alarms(code: string): number {
    return this.events.filter((event) => event.type === 'alarm' && event.alarm.code === code).length;
  }

  get refusals(): readonly string[] {
    return this.events.flatMap((event) => (event.type === 'refused' ? [`${event.code} ${event.message}`] : []));
  }

  /** The code with which a broadcast is refused; undefined when it is taken. */
  refusalOf(text: string): string | undefined {
    try {
      this.broadcast(text);
      return undefined;
    } catch (error) {
      if (error instanceof AntecedentError) return error.code;
      throw error;
    }
  }
}

export class ReplicaGroup {
  readonly #members = new Map<string, GroupMember>();
  readonly #links = new Map<string, number>();
  #nextLink = 1;
  #nonce = 1;
  nowMs = 0;

  /** Starts a member, or starts it again. */
  start(options: ReplicaUnderTestOptions): GroupMember {
    this.cutAll(options.name);
    const member = new GroupMember({ nonce: this.#nonce++, nowMs: this.nowMs, ...options });
    this.#members.set(options.name, member);
    return member;
  }

  get(name: string): GroupMember {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`no member ${name}`);
    return member;
  }

  get all(): readonly GroupMember[] {
    return [...this.#members.values()];
  }

  remove(name: string): void {
    this.cutAll(name);
    this.#members.delete(name);
  }

  isConnected(one: string, other: string): boolean {
    return this.#links.has(pairOf(one, other));
  }

  linkOf(one: string, other: string): number {
    const link = this.#links.get(pairOf(one, other));
    if (link === undefined) throw new Error(`${one} and ${other} have no link`);
    return link;
  }

  connect(one: string, other: string): number {
    const link = this.#nextLink++;
    this.#links.set(pairOf(one, other), link);
    this.get(one).open(link, other, true);
    this.get(other).open(link, one, false);
    this.exchange(one, other);
    return link;
  }

  cut(one: string, other: string): void {
    const link = this.#links.get(pairOf(one, other));
    this.#links.delete(pairOf(one, other));
    if (link === undefined) return;
    for (const name of [one, other]) {
      const member = this.get(name);
      member.replica.handleLinkClosed(link, 'cut', member.nowMs);
      member.step();
    }
  }

  cutAll(name: string): void {
    for (const pair of [...this.#links.keys()]) {
      const [one = '', other = ''] = pair.split(' ');
      if (one === name || other === name) this.cut(one, other);
    }
  }

  connectAll(): void {
    const names = [...this.#members.keys()];
    for (const [index, one] of names.entries()) {
      for (const other of names.slice(index + 1)) if (!this.isConnected(one, other)) this.connect(one, other);
    }
  }

  exchange(one: string, other: string): void {
    const link = this.linkOf(one, other);
    const [left, right] = [this.get(one), this.get(other)];
    exchange(left, right, link);
    if (left.isClosed(link) || right.isClosed(link)) this.cut(one, other);
  }

  /** Carries, syncs, reads and applies until nothing is left to do. */
  settle(): void {
    for (let round = 0; round < roundsMax; round++) {
      let isBusy = false;
      for (const pair of [...this.#links.keys()]) {
        const [one = '', other = ''] = pair.split(' ');
        if (this.isConnected(one, other)) this.exchange(one, other);
      }
      for (const member of this.#members.values()) {
        isBusy ||= member.unsynced + member.reads.length > 0;
        member.syncAll();
        member.answerReads();
        isBusy = member.apply() || isBusy;
      }
      if (!isBusy) return;
    }
    throw new Error('the replicas do not come to rest');
  }

  /** Lets time pass: everybody looks at the clock, and all comes to rest. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const member of this.#members.values()) member.wake(this.nowMs);
    this.settle();
  }

  /** Lets so much time pass that everybody has pinged everybody, a few times. */
  passPings(): void {
    for (let round = 0; round < 4; round++) this.pass(5_000);
  }
}

function pairOf(one: string, other: string): string {
  return [one, other].toSorted().join(' ');
}

/** Members that know each other by configuration. */
export function groupOf(
  names: readonly string[],
  options: (name: string) => Partial<ReplicaUnderTestOptions> = () => ({}),
): ReplicaGroup {
  const group = new ReplicaGroup();
  for (const name of names) {
    group.start({ name, peers: names.filter((other) => other !== name), ...options(name) });
  }
  return group;
}
