/** Collects what the parts of a replica want done until the driver takes it as a `Ready`. */
import type { EncodableFrame, FrameEncoder } from '../message/frame.js';
import type { NodeName } from '../names.js';
import type { LineAction, LinkAction, LinkId, ReadRequest, ReplicaEvent } from './ready.js';

const nothing: readonly never[] = [];

export class Outbox {
  readonly #encoder: FrameEncoder;
  #links: LinkAction[] = [];
  #lines: LineAction[] = [];
  #reads: ReadRequest[] = [];
  #nextReadId = 1;
  /** What to do with the bytes of each read that is under way. */
  readonly #awaited = new Map<number, (bytes: Uint8Array) => void>();
  #receipts: number[] = [];
  #impossible: number[] = [];
  #confirmations: number[] = [];
  #events: ReplicaEvent[] = [];
  #wakeAtMs: number | undefined;

  constructor(encoder: FrameEncoder) {
    this.#encoder = encoder;
  }

  /** Earliest time anybody asked to be woken at. */
  get wakeAtMs(): number | undefined {
    return this.#wakeAtMs;
  }

  send(link: LinkId, bytes: Uint8Array): void {
    this.#links.push({ type: 'send', link, bytes });
  }

  sendFrame(link: LinkId, frame: EncodableFrame): void {
    this.send(link, this.#encoder.encode(frame));
  }

  close(link: LinkId): void {
    this.#links.push({ type: 'close', link });
  }

  dial(peer: NodeName): void {
    this.#links.push({ type: 'dial', peer });
  }

  cancelDial(peer: NodeName): void {
    this.#links.push({ type: 'cancel-dial', peer });
  }

  /** For a member that speaks pluto v0.4. */
  line(action: LineAction): void {
    this.#lines.push(action);
  }

  /** Asks for bytes of the journal; `then` gets them, unless the node ends before. */
  read({ address, length }: Pick<ReadRequest, 'address' | 'length'>, then: (bytes: Uint8Array) => void): void {
    const id = this.#nextReadId++;
    this.#awaited.set(id, then);
    this.#reads.push({ id, address, length });
  }

  /** What was asked for is here. */
  handleRead(id: number, bytes: Uint8Array): void {
    const then = this.#awaited.get(id);
    this.#awaited.delete(id);
    then?.(bytes);
  }

  receipt(seq: number): void {
    this.#receipts.push(seq);
  }

  /** Message `seq` will never be as durable as was asked. */
  impossible(seq: number): void {
    this.#impossible.push(seq);
  }

  /** What was asked under this number is durable. */
  confirm(request: number): void {
    this.#confirmations.push(request);
  }

  event(event: ReplicaEvent): void {
    this.#events.push(event);
  }

  /** Asks for `handleTimeout` at `atMs`. Waking too early does no harm: whoever waits looks at the time again. */
  wakeBy(atMs: number): void {
    if (this.#wakeAtMs === undefined || atMs < this.#wakeAtMs) this.#wakeAtMs = atMs;
  }

  /** Forgets all wake-ups: everybody is about to be asked again. */
  clearWake(): void {
    this.#wakeAtMs = undefined;
  }

  takeLinks(): readonly LinkAction[] {
    if (this.#links.length === 0) return nothing;
    const taken = this.#links;
    this.#links = [];
    return taken;
  }

  takeLines(): readonly LineAction[] {
    if (this.#lines.length === 0) return nothing;
    const taken = this.#lines;
    this.#lines = [];
    return taken;
  }

  takeReads(): readonly ReadRequest[] {
    if (this.#reads.length === 0) return nothing;
    const taken = this.#reads;
    this.#reads = [];
    return taken;
  }

  takeReceipts(): readonly number[] {
    if (this.#receipts.length === 0) return nothing;
    const taken = this.#receipts;
    this.#receipts = [];
    return taken;
  }

  takeImpossible(): readonly number[] {
    if (this.#impossible.length === 0) return nothing;
    const taken = this.#impossible;
    this.#impossible = [];
    return taken;
  }

  takeConfirmations(): readonly number[] {
    if (this.#confirmations.length === 0) return nothing;
    const taken = this.#confirmations;
    this.#confirmations = [];
    return taken;
  }

  takeEvents(): readonly ReplicaEvent[] {
    if (this.#events.length === 0) return nothing;
    const taken = this.#events;
    this.#events = [];
    return taken;
  }
}
