/** Writes histories by hand: short enough to read, complete enough to judge. */
import { nodeName, originKey, type Dot, type NodeName } from '../../../core/index.js';
import type { HistoryEvent, StopPhase } from '../../../scenarios/history.js';
import { Judge, type ExpectedStop, type JudgeOptions } from '../../../scenarios/oracles/judge.js';
import type { End } from '../../../scenarios/oracles/convergence.js';
import type { Violation } from '../../../scenarios/oracles/violation.js';

const dotPattern = /^(?<origin>\w+)(?:~(?<incarnation>\d+))?:(?<seq>\d+)$/;

/** Reads `b:7` and `b~2:7`. */
export function dot(text: string): Dot {
  const { origin = '', incarnation = '1', seq = '0' } = dotPattern.exec(text)?.groups ?? {};
  return { origin: nodeName(origin), incarnation: Number(incarnation), seq: Number(seq) };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function names(text: string): readonly NodeName[] {
  return text === '' ? [] : text.split(' ').map(nodeName);
}

/** Each call is one event, one millisecond after the one before. Payloads are the dot's text unless given. */
export class HistoryBuilder {
  readonly events: HistoryEvent[] = [];
  readonly #nodes: readonly NodeName[];
  readonly #positions = new Map<string, number>();
  #options: Omit<JudgeOptions, 'nodes'>;

  constructor(nodes: string, stops: readonly ExpectedStop[] = []) {
    this.#nodes = names(nodes);
    this.#options = { expectedStops: stops };
    for (const node of this.#nodes) this.start(node, 0);
  }

  get #atMs(): number {
    return this.events.length;
  }

  start(node: string, position: number | undefined): this {
    this.events.push({ type: 'start', atMs: this.#atMs, node: nodeName(node), position });
    if (position !== undefined) this.#positions.set(node, position);
    return this;
  }

  crash(node: string): this {
    this.events.push({ type: 'crash', atMs: this.#atMs, node: nodeName(node) });
    return this;
  }

  /** The node is closed and has taken its leave. */
  closed(node: string, confirmed: number): this {
    this.events.push({ type: 'closed', atMs: this.#atMs, node: nodeName(node), confirmed });
    return this;
  }

  broadcast(text: string, payload: string = text, node: string = dot(text).origin): this {
    const event = { node: nodeName(node), dot: dot(text), payload: bytes(payload) };
    this.events.push({ type: 'broadcast', atMs: this.#atMs, ...event });
    return this;
  }

  accepted(text: string, node: string = dot(text).origin): this {
    this.events.push({ type: 'accepted', atMs: this.#atMs, node: nodeName(node), dot: dot(text) });
    return this;
  }

  /** `holders`: on whose disks it was found; undefined when nobody looked. */
  acceptedOn(text: string, copies: number, holders: string | undefined, node: string = dot(text).origin): this {
    const found = holders === undefined ? {} : { holders: names(holders) };
    const event = { node: nodeName(node), dot: dot(text), copies, ...found };
    this.events.push({ type: 'accepted', atMs: this.#atMs, ...event });
    return this;
  }

  /** Clock entries as dots: `a:3 b~2:1`. */
  stable(node: string, clock: string): this {
    const entries = clock.split(' ').map((text) => {
      const { origin, incarnation, seq } = dot(text);
      return [originKey(origin, incarnation), seq] as const;
    });
    this.events.push({ type: 'stable', atMs: this.#atMs, node: nodeName(node), clock: entries });
    return this;
  }

  /** A file with one message in it, which is on the disks of `holders`. */
  dropped(node: string, text: string, holders: string): this {
    const { origin, incarnation, seq } = dot(text);
    const range = { origin, incarnation, firstSeq: seq, lastSeq: seq, holders: names(holders) };
    this.events.push({ type: 'dropped', atMs: this.#atMs, node: nodeName(node), ranges: [range] });
    return this;
  }

  joined(
    node: string,
    state?: { readonly node: string; readonly position: number; readonly stateDigest?: number },
  ): this {
    const joined = { type: 'joined', atMs: this.#atMs, node: nodeName(node) } as const;
    if (state === undefined) {
      this.events.push(joined);
      return this;
    }
    const { position, stateDigest } = state;
    const copied = { state: { node: nodeName(state.node), position } };
    this.events.push({ ...joined, ...copied, ...(stateDigest === undefined ? {} : { stateDigest }) });
    this.#positions.set(node, position);
    return this;
  }

  removed(node: string): this {
    this.events.push({ type: 'removed', atMs: this.#atMs, node: nodeName(node) });
    return this;
  }

  /** Several messages, at the next positions. */
  deliver(node: string, texts: string): this {
    for (const text of texts.split(' ')) this.deliverOne(node, text, {});
    return this;
  }

  deliverOne(
    node: string,
    text: string,
    {
      position = (this.#positions.get(node) ?? 0) + 1,
      payload = text,
      stateDigest,
    }: { readonly position?: number; readonly payload?: string; readonly stateDigest?: number },
  ): this {
    this.#positions.set(node, position);
    this.events.push({
      type: 'deliver',
      atMs: this.#atMs,
      node: nodeName(node),
      dot: dot(text),
      position,
      payload: bytes(payload),
      ...(stateDigest === undefined ? {} : { stateDigest }),
    });
    return this;
  }

  stopped(node: string, code: string, phase: StopPhase = 'running'): this {
    const event = { node: nodeName(node), code, message: 'disk is gone', phase };
    this.events.push({ type: 'stopped', atMs: this.#atMs, ...event });
    return this;
  }

  alarm(node: string, code: string, peer: string): this {
    const event = { node: nodeName(node), code, message: 'something is missing', peer: nodeName(peer) };
    this.events.push({ type: 'alarm', atMs: this.#atMs, ...event });
    return this;
  }

  rebuilt(node: string): this {
    this.events.push({ type: 'rebuilt', atMs: this.#atMs, node: nodeName(node) });
    return this;
  }

  setBack(node: string, position: number, isKnown = true): this {
    this.events.push({ type: 'set-back', atMs: this.#atMs, node: nodeName(node), position, isKnown });
    this.#positions.set(node, position);
    return this;
  }

  /** A second process of `of`, which has what that one had at `position`. */
  twin(node: string, of: string, position: number): this {
    this.events.push({ type: 'twin', atMs: this.#atMs, node: nodeName(node), of: nodeName(of), position });
    return this.start(node, position);
  }

  /** At the next position. */
  skipped(node: string, text: string, position: number = (this.#positions.get(node) ?? 0) + 1): this {
    this.#positions.set(node, position);
    this.events.push({ type: 'skipped', atMs: this.#atMs, node: nodeName(node), dot: dot(text), position });
    return this;
  }

  damaged(node: string): this {
    this.events.push({ type: 'disk-damaged', atMs: this.#atMs, node: nodeName(node) });
    return this;
  }

  judgedWith(options: Partial<JudgeOptions>): this {
    this.#options = { ...this.#options, ...options };
    return this;
  }

  judged(): Judge {
    const judge = this.#newJudge();
    for (const event of this.events) judge.observe(event);
    return judge;
  }

  /** The violation that the events alone show. */
  safety(): Violation | undefined {
    const judge = this.#newJudge();
    let violation: Violation | undefined;
    for (const event of this.events) violation ??= judge.observe(event);
    return violation;
  }

  /** The violation that the end shows; every node is live unless `live` says otherwise. */
  end(end: Partial<Omit<End, 'live'>> & { readonly live?: string } = {}): Violation | undefined {
    const live = end.live === undefined ? this.#nodes : names(end.live);
    return this.judged().finish({ atMs: this.#atMs, busy: false, ...end, live });
  }

  #newJudge(): Judge {
    return new Judge({ ...this.#options, nodes: this.#nodes });
  }
}
