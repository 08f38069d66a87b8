/** Writes histories by hand: short enough to read, complete enough to judge. */
import { nodeName, type Dot, type NodeName } from '../../../core/index.js';
import type { HistoryEvent, StopPhase } from '../../../scenarios/history.js';
import { Judge, type ExpectedStop } from '../../../scenarios/oracles/judge.js';
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

/** Each call is one event, one millisecond after the one before. Payloads are the dot's text unless given. */
export class HistoryBuilder {
  readonly events: HistoryEvent[] = [];
  readonly #nodes: readonly NodeName[];
  readonly #positions = new Map<string, number>();
  readonly #stops: readonly ExpectedStop[];

  constructor(nodes: string, stops: readonly ExpectedStop[] = []) {
    this.#nodes = nodes.split(' ').map(nodeName);
    this.#stops = stops;
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

  accepted(text: string): this {
    this.events.push({ type: 'accepted', atMs: this.#atMs, node: dot(text).origin, dot: dot(text) });
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

  damaged(node: string): this {
    this.events.push({ type: 'disk-damaged', atMs: this.#atMs, node: nodeName(node) });
    return this;
  }

  judged(): Judge {
    const judge = new Judge({ nodes: this.#nodes, expectedStops: this.#stops });
    for (const event of this.events) judge.observe(event);
    return judge;
  }

  /** The violation that the events alone show. */
  safety(): Violation | undefined {
    const judge = new Judge({ nodes: this.#nodes, expectedStops: this.#stops });
    let violation: Violation | undefined;
    for (const event of this.events) violation ??= judge.observe(event);
    return violation;
  }

  /** The violation that the end shows; every node is live unless `live` says otherwise. */
  end(end: Partial<Omit<End, 'live'>> & { readonly live?: string } = {}): Violation | undefined {
    const live = end.live === undefined ? this.#nodes : end.live.split(' ').map(nodeName);
    return this.judged().finish({ atMs: this.#atMs, busy: false, ...end, live });
  }
}
