/**
 * Random histories of three replicas and two nodes of pluto v0.4: connections are lost before, in and behind a line, replicas crash and
 * come back with their journals, links between them are cut. At the end everybody has applied everything, in causal order, every
 * copy of every log is the same, and no node of v0.4 was ever sent what makes it spin.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AntecedentError, type LineOutcome } from '../../../core/index.js';
import { readRecordContent } from '../../../core/record-content.js';
import { nodeDigests } from '../../support/digests.js';
import { groupOf, type GroupMember } from '../../support/replica-group.js';

const ours = ['a', 'b', 'c'];
const theirs = ['old', 'older'];

interface TextMessage {
  readonly sender: string;
  readonly clock: ReadonlyMap<string, number>;
  readonly payload: string;
}

function parse(line: string): TextMessage {
  const [sender = '', clock = '', ...payload] = line.split('|');
  const entries = clock.split(';').map((entry) => entry.split(':'));
  return {
    sender,
    clock: new Map(entries.map(([name = '', count]) => [name, Number(count)])),
    payload: payload.join('|'),
  };
}

/** The rules of v0.4, without its sockets. */
class TextNode {
  readonly name: string;
  readonly counts = new Map<string, number>();
  readonly applied: string[] = [];
  waiting: TextMessage[] = [];
  /** Lines that each replica has still to be handed. */
  readonly outgoing = new Map<string, string[]>(ours.map((name) => [name, []]));

  constructor(name: string) {
    this.name = name;
  }

  #count(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  send(payload: string): string {
    this.counts.set(this.name, this.#count(this.name) + 1);
    this.applied.push(payload);
    const line = `${this.name}|${[...this.counts].map(([name, count]) => `${name}:${count}`).join(';')}|${payload}`;
    for (const lines of this.outgoing.values()) lines.push(line);
    return line;
  }

  receive(line: string): void {
    this.waiting.push(parse(line));
    for (;;) {
      const index = this.waiting.findIndex((message) => this.#isDue(message));
      if (index < 0) break;
      const [message] = this.waiting.splice(index, 1);
      if (message === undefined || message.clock.get(message.sender) === this.#count(message.sender)) continue;
      this.counts.set(message.sender, this.#count(message.sender) + 1);
      this.applied.push(message.payload);
    }
    // An older one never goes away again.
    expect(this.waiting.filter(({ sender, clock }) => (clock.get(sender) ?? 0) < this.#count(sender))).toEqual([]);
  }

  #isDue({ sender, clock }: TextMessage): boolean {
    const own = (clock.get(sender) ?? 0) - this.#count(sender);
    return (
      (own === 0 || own === 1) && [...clock].every(([name, count]) => name === sender || count <= this.#count(name))
    );
  }
}

class History {
  readonly #group = groupOf(ours, () => ({ plutoPeers: theirs, letsLinesIn: false, limits: { batchBytesTarget: 1 } }));
  readonly #texts = new Map(theirs.map((name) => [name, new TextNode(name)]));
  /** Attempts to connect to a node of v0.4 for a line. */
  readonly #dials = new Set<string>();
  /** Attempts that will find a node of v0.4 gone. */
  readonly #gone = new Set<string>();
  /** Lines under way to nodes of v0.4. */
  readonly #underWay = new Map<string, string>();
  /** Lines of v0.4 that a replica was handed and has not answered, by replica and id. */
  readonly #unanswered = new Map<string, Map<number, string>>(ours.map((name) => [name, new Map()]));
  /** Lines that some replica has stored. */
  readonly #stored = new Set<string>();
  /** What was said and is on a disk, or still may come to one. */
  readonly #said = new Set<string>();
  #payloads = 0;

  do(action: number, pick: number): void {
    const name = ours[pick % ours.length] ?? 'a';
    const text = this.#text(theirs[pick % theirs.length] ?? 'old');
    // Most attempts work: what may go wrong is interesting behind some that have.
    const works = (): void => this.#conclude(pick, { arrives: true, outcome: { type: 'sent', isDoubtful: false } });
    const connects = (): void => this.#answerDial(pick, true);
    const actions = [
      ...[works, works, works, works, works, connects, connects, connects, connects],
      ...[() => this.#answerDial(pick, false), () => this.#swallow(pick)],
      ...[() => this.#broadcast(name), () => this.#broadcast(name)],
      ...[() => this.#say(text), () => this.#hand(text, name), () => this.#hand(text, name)],
      () => this.#conclude(pick, { arrives: true, outcome: { type: 'sent', isDoubtful: true } }),
      () => this.#conclude(pick, { arrives: false, outcome: { type: 'sent', isDoubtful: true } }),
      () => this.#conclude(pick, { arrives: true, outcome: failed(true) }),
      () => this.#conclude(pick, { arrives: false, outcome: failed(true) }),
      () => this.#conclude(pick, { arrives: false, outcome: failed(false) }),
      ...[() => this.#work(name), () => this.#work(name), () => this.#syncOne(name)],
      ...[() => this.#toggle(pick), () => this.#crash(name, pick % 2 === 0), () => this.#pass()],
    ];
    actions[action % actions.length]?.();
    this.#collect();
  }

  /** Of equal lengths, so that none is a part of another. */
  #payload(name: string): string {
    const payload = `${name} ${String(this.#payloads++).padStart(4, '0')}`;
    this.#said.add(payload);
    return payload;
  }

  // --- what may happen ---

  #broadcast(name: string): void {
    this.#group.get(name).broadcast(this.#payload(name));
  }

  #say(text: TextNode): void {
    const line = text.send(this.#payload(text.name));
    for (const other of this.#texts.values()) if (other !== text) other.receive(line);
  }

  #hand(text: TextNode, name: string): void {
    const line = text.outgoing.get(name)?.shift();
    if (line === undefined) return;
    const id = this.#group.get(name).receiveLine(text.name, line);
    this.#unanswered.get(name)?.set(id, line);
  }

  /** The node of v0.4 lets somebody in, or does not. */
  #answerDial(pick: number, works: boolean): void {
    const dials = [...this.#dials];
    const pair = dials[pick % Math.max(1, dials.length)];
    if (pair === undefined) return;
    this.#dials.delete(pair);
    const [from = '', to = ''] = pair.split(' ');
    if (works && !this.#gone.delete(pair)) this.#group.get(from).lineConnected(to);
    else this.#group.get(from).lineOutcome(to, failed(false));
  }

  /** The node of v0.4 ends with a line in its socket, and is away when it is looked for the next time. */
  #swallow(pick: number): void {
    const attempts = [...this.#underWay.keys()];
    const pair = attempts[pick % Math.max(1, attempts.length)];
    if (pair === undefined) return;
    this.#gone.add(pair);
    this.#conclude(pick, { arrives: false, outcome: { type: 'sent', isDoubtful: false } });
  }

  /** An attempt to send a line ends. */
  #conclude(pick: number, { arrives, outcome }: { readonly arrives: boolean; readonly outcome: LineOutcome }): void {
    const attempts = [...this.#underWay];
    const [pair, line] = attempts[pick % Math.max(1, attempts.length)] ?? [];
    if (pair === undefined || line === undefined) return;
    this.#underWay.delete(pair);
    const [from = '', to = ''] = pair.split(' ');
    if (arrives) this.#text(to).receive(line);
    this.#group.get(from).lineOutcome(to, outcome);
  }

  /** Syncs and applies all that there is. */
  #work(name: string): void {
    const member = this.#group.get(name);
    for (let rounds = 0; rounds < 10 && member.unsynced + member.reads.length > 0; rounds++) this.#syncOne(name);
    member.apply();
  }

  #syncOne(name: string): void {
    const member = this.#group.get(name);
    if (member.unsynced > 0) member.sync();
    member.answerReads();
  }

  #toggle(pick: number): void {
    const [one = 'a', other = 'b'] =
      [
        ['a', 'b'],
        ['b', 'c'],
        ['a', 'c'],
      ][pick % 3] ?? [];
    if (this.#group.isConnected(one, other)) this.#group.cut(one, other);
    else this.#group.connect(one, other);
  }

  /** Comes back with its journal. What v0.4 has told nobody else would be lost for good, so that this is not done to it. */
  #crash(name: string, lastArrives: boolean): void {
    const lost = [...(this.#unanswered.get(name)?.values() ?? [])];
    if (lost.some((line) => !this.#stored.has(line))) return;
    const member = this.#group.get(name);
    for (const to of theirs) {
      this.#dials.delete(`${name} ${to}`);
      const line = this.#underWay.get(`${name} ${to}`);
      this.#underWay.delete(`${name} ${to}`);
      if (line !== undefined && lastArrives) this.#text(to).receive(line);
    }
    this.#unanswered.get(name)?.clear();
    // What it has broadcast and not synced nobody has heard of.
    const kept = member.journal.map(({ body }) => Buffer.from(body).toString('latin1')).join();
    for (const payload of this.#said) {
      if (payload.startsWith(`${name} `) && !kept.includes(payload)) this.#said.delete(payload);
    }
    const position = member.applied.length;
    const applied = [...member.applied];
    const peers = ours.filter((other) => other !== name);
    const next = this.#group.start({
      ...{ name, peers, plutoPeers: theirs, letsLinesIn: false, limits: { batchBytesTarget: 1 }, position },
      journal: [...member.journal],
    });
    next.applied = applied;
  }

  #pass(): void {
    this.#group.nowMs += 1_000;
    for (const member of this.#group.all) member.wake(this.#group.nowMs);
  }

  /** Takes note of what the replicas want. */
  #collect(): void {
    for (const member of this.#group.all) {
      for (const to of member.takeConnects()) this.#dials.add(`${member.name} ${to}`);
      for (const [to, line] of member.takeSentLines()) this.#underWay.set(`${member.name} ${to}`, line);
      for (const [id, answer] of member.takeAnswers()) {
        expect(answer).toBe('stored');
        const line = this.#unanswered.get(member.name)?.get(id);
        if (line !== undefined) this.#stored.add(line);
        this.#unanswered.get(member.name)?.delete(id);
      }
    }
  }

  #text(name: string): TextNode {
    const text = this.#texts.get(name);
    if (text === undefined) throw new Error(`no node ${name}`);
    return text;
  }

  // --- the end ---

  /** Nothing is lost any more, until nothing is left to do. */
  converge(): void {
    this.#group.connectAll();
    for (let round = 0; round < 400 && !this.#isDone(); round++) {
      for (const text of this.#texts.values()) for (const name of ours) this.#hand(text, name);
      this.#group.settle();
      this.#collect();
      while (this.#dials.size + this.#underWay.size > 0) {
        this.#answerDial(0, true);
        this.#conclude(0, { arrives: true, outcome: { type: 'sent', isDoubtful: false } });
        this.#group.settle();
        this.#collect();
      }
      if (round % 4 === 3) this.#group.pass(1_000);
      this.#collect();
    }
    const all = [...this.#said].sort();
    for (const [name, applied] of this.#everybodysApplied) expect(applied.toSorted(), name).toEqual(all);
    for (const text of this.#texts.values()) expect(text.waiting, text.name).toEqual([]);
    for (const member of this.#group.all) expect(copiesOf(member), member.name).toEqual(copiesOf(this.#group.get('a')));
  }

  #isDone(): boolean {
    return this.#everybodysApplied.every(([, applied]) => applied.length === this.#said.size);
  }

  get #everybodysApplied(): readonly (readonly [string, readonly string[]])[] {
    return [...this.#group.all, ...this.#texts.values()].map(({ name, applied }) => [name, applied]);
  }
}

function failed(mayHaveArrived: boolean): LineOutcome {
  return { type: 'failed', error: new AntecedentError('E_UNREACHABLE', 'lost'), mayHaveArrived };
}

/** The logs of the nodes of v0.4, byte for byte, by name and seq. */
function copiesOf(member: GroupMember): readonly string[] {
  const batches = member.journal.flatMap((entry) => {
    const content = readRecordContent(entry, nodeDigests);
    if (content.kind !== 'batch' || !theirs.includes(content.header.origin)) return [];
    const { origin, firstSeq } = content.header;
    return [`${origin} ${firstSeq} ${Buffer.from(entry.body).toString('hex')}`];
  });
  return batches.sort();
}

test('everybody gets everything, and nobody of v0.4 is made to spin', () => {
  const step = fc.tuple(fc.nat(26), fc.nat(11));
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 250, size: 'max' }), (steps) => {
      const history = new History();
      for (const [action, pick] of steps) history.do(action, pick);
      history.converge();
    }),
    { numRuns: 40 },
  );
});
