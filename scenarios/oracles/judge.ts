/**
 * Judges one run, event by event.
 *
 * The first violation is final: what follows it may be its consequence, so nothing is recorded or judged after it.
 * The order of the checks is the order of their precision: bytes before positions, duplicates before causal order,
 * for a message given twice would also look out of order.
 */
import { unreachable, type NodeName } from '../../core/index.js';
import type { HistoryEvent, StopPhase } from '../history.js';
import { checkCausalOrder } from './causal-order.js';
import { checkBytes, checkCreated } from './content.js';
import { checkConvergence, isConverged, type End } from './convergence.js';
import { checkCopies } from './copies.js';
import { isAboutOwnLog, isExcusedAlarm, mayStop } from './damage.js';
import { checkDotUse } from './dot-use.js';
import { GroundTruth, type Attempt, type NodeTruth } from './ground-truth.js';
import { checkDuplicate, checkPosition } from './positions.js';
import { Rivals } from './rivals.js';
import { checkDropped } from './retention.js';
import { checkFollowsStable, checkStable } from './stability.js';
import { StateConvergence } from './state-convergence.js';
import type { Property, Violation } from './violation.js';

type EventOf<Type extends HistoryEvent['type']> = Extract<HistoryEvent, { readonly type: Type }>;

export interface JudgeOptions {
  /** The members at the beginning. */
  readonly nodes: readonly NodeName[];
  /** How nodes may stop by themselves, because a fault of the run asks for it. */
  readonly expectedStops?: readonly ExpectedStop[];
  /** Journals need not wait for a member that lags: it is given a state in place of messages. False when absent. */
  readonly demotes?: boolean;
}

export interface ExpectedStop {
  readonly node: NodeName;
  readonly code: string;
  readonly phases: readonly StopPhase[];
}

const alwaysChecked: readonly Property[] = [
  'causal-order',
  'no-creation',
  'no-duplication',
  'integrity',
  'position-order',
  'durability',
  'durable-copies',
  'stability',
  'retention',
  'no-unexpected-stop',
];

export class Judge {
  readonly #truth: GroundTruth;
  readonly #states: StateConvergence;
  readonly #rivals: Rivals;
  readonly #expectedStops: readonly ExpectedStop[];
  readonly #demotes: boolean;
  #violation: Violation | undefined;
  #deliveries = 0;
  #broadcasts = 0;
  #hasStates = false;
  #isFinished = false;

  constructor(options: JudgeOptions) {
    this.#truth = new GroundTruth(options.nodes);
    this.#states = new StateConvergence(this.#truth);
    this.#rivals = new Rivals(this.#truth);
    this.#expectedStops = options.expectedStops ?? [];
    this.#demotes = options.demotes ?? false;
  }

  /** Events observed, redeliveries included. */
  get deliveries(): number {
    return this.#deliveries;
  }

  get broadcasts(): number {
    return this.#broadcasts;
  }

  /** What this run has been judged by so far. */
  get properties(): readonly Property[] {
    return [
      ...alwaysChecked,
      ...(this.#hasStates ? (['state-convergence'] as const) : []),
      ...(this.#isFinished ? (['convergence', 'livelock', 'deadlock'] as const) : []),
    ];
  }

  /**
   * Takes the next event; O(nodes). Payloads are kept: nobody changes them afterwards. Returns the violation, if there
   * is one now or was one before. Throws `E_UNKNOWN_MEMBER` or `E_POSITION` for a history that contradicts itself.
   */
  observe(event: HistoryEvent): Violation | undefined {
    this.#violation ??= this.#judge(event);
    return this.#violation;
  }

  /** True when every live node has been given everything it must have. */
  readonly converged = (live: readonly NodeName[]): boolean => isConverged(this.#truth, live);

  /** True when nothing can have been lost: everybody who ever was a member is one, is live, and has a disk that was not damaged. */
  readonly isWhole = (live: readonly NodeName[]): boolean =>
    this.#truth.nodes.every(({ name, isMember, isDamaged }) => isMember && !isDamaged && live.includes(name));

  /** The end of the run: every live member must have been given the same messages, and everything accepted by a live member. */
  finish(end: End): Violation | undefined {
    this.#isFinished = true;
    this.#violation ??= this.#rivals.checkNoticed(end) ?? checkConvergence(this.#truth, end);
    return this.#violation;
  }

  #judge(event: HistoryEvent): Violation | undefined {
    if (event.type === 'joined') return this.#join(event);
    if (event.type === 'twin') {
      this.#rivals.addTwin(event);
      return undefined;
    }
    const node = this.#truth.node(event.node);
    switch (event.type) {
      case 'deliver':
        return this.#deliver(node, event);
      case 'broadcast':
        return this.#broadcast(node, event);
      case 'accepted':
        return this.#accept(node, event);
      case 'stable':
        return checkStable(this.#truth, node, event.clock, event.atMs);
      case 'dropped':
        return checkDropped(this.#truth, node, event.ranges, this.#demotes, event.atMs);
      case 'removed':
        this.#truth.remove(node);
        return undefined;
      case 'skipped':
        return this.#skip(node, event);
      case 'start':
        if (this.#rivals.isForked(node)) node.life += 1;
        else this.#truth.start(node, event.position);
        return undefined;
      case 'set-back':
        this.#rivals.setBack(node, event);
        node.isUnused = event.isKnown;
        return undefined;
      case 'rebuilt':
        this.#truth.rebuild(node);
        node.isUnused = true;
        return undefined;
      case 'crash':
        this.#truth.end(node);
        return undefined;
      case 'closed':
        this.#truth.close(node, event.confirmed);
        return undefined;
      case 'alarm':
        return this.#alarm(node, event);
      case 'disk-damaged':
        node.isDamaged = true;
        node.mayRefuse = true;
        node.isUnused = false;
        return undefined;
      case 'stopped':
        return this.#stop(node, event);
      default:
        return unreachable(event);
    }
  }

  #broadcast(node: NodeTruth, event: EventOf<'broadcast'>): Violation | undefined {
    this.#broadcasts += 1;
    const { dot, payload, atMs } = event;
    node.isUnused = false;
    if (this.#rivals.concerns({ ...dot, origin: node.identity })) return this.#rivals.broadcast(node, event);
    const violation = checkDotUse(node, dot, this.#truth.findLog(dot), atMs);
    if (violation !== undefined) return violation;
    this.#truth.addAttempt(node, this.#truth.logFor(node, dot.incarnation), dot.seq, payload);
    return undefined;
  }

  #accept(node: NodeTruth, event: EventOf<'accepted'>): Violation | undefined {
    if (this.#rivals.concerns(event.dot)) return this.#rivals.accept(node, event);
    const attempt = this.#truth.findAttempt(event.dot);
    const violation = checkCreated(node, event.dot, attempt, 'accepted', event.atMs);
    if (violation !== undefined || attempt === undefined) return violation;
    const { copies = 1, holders, atMs } = event;
    this.#truth.accept(node, attempt, copies);
    return checkCopies(this.#truth, attempt, copies, holders, atMs);
  }

  #join({ node: name, state, stateDigest, atMs }: EventOf<'joined'>): Violation | undefined {
    const node = this.#truth.join(name, state);
    if (state === undefined || stateDigest === undefined) return undefined;
    this.#hasStates = true;
    return this.#states.check(node, stateDigest, atMs);
  }

  #deliver(node: NodeTruth, event: EventOf<'deliver'>): Violation | undefined {
    this.#deliveries += 1;
    const { dot, position, payload, atMs } = event;
    const attempt = this.#rivals.concerns(dot) ? this.#rivals.resolve(node, event) : this.#truth.findAttempt(dot);
    if (attempt === undefined) return checkCreated(node, dot, attempt, 'delivered', atMs);
    if ('property' in attempt) return attempt;
    if (this.#rivals.isForked(node)) {
      this.#rivals.deliverForked(node, dot);
      return undefined;
    }
    const isNew = position > node.positions.length;
    const violation =
      checkBytes(node, attempt, payload, atMs) ??
      checkPosition(node, attempt, position, atMs) ??
      (isNew ? this.#checkNew(node, attempt, atMs) : undefined);
    if (violation !== undefined) return violation;
    this.#truth.addDelivery(node, attempt, position);
    if (!isNew || event.stateDigest === undefined || node.skipped.size > 0) return undefined;
    this.#hasStates = true;
    return this.#states.check(node, event.stateDigest, atMs);
  }

  /** The application was handed a message, and neither applied nor confirmed it. */
  #skip(node: NodeTruth, { dot, position, atMs }: EventOf<'skipped'>): Violation | undefined {
    if (this.#rivals.isForked(node)) return undefined;
    const attempt = this.#truth.findAttempt(dot);
    const violation =
      attempt === undefined
        ? checkCreated(node, dot, attempt, 'delivered', atMs)
        : (checkPosition(node, attempt, position, atMs) ?? this.#checkNew(node, attempt, atMs));
    if (violation !== undefined || attempt === undefined) return violation;
    this.#truth.skip(node, attempt);
    return undefined;
  }

  #checkNew(node: NodeTruth, attempt: Attempt, atMs: number): Violation | undefined {
    return (
      checkDuplicate(node, attempt, atMs) ??
      checkCausalOrder(this.#truth, node, attempt, atMs) ??
      (this.#rivals.isUnreliable(attempt.log) ? undefined : checkFollowsStable(this.#truth, node, attempt, atMs))
    );
  }

  /**
   * What a node has sent or acknowledged must survive its crashes; otherwise the others find out when it comes back. An
   * alarm therefore means that somebody spoke before the sync, unless the disk of whom it names has done it.
   */
  #alarm(node: NodeTruth, event: EventOf<'alarm'>): Violation | undefined {
    const { code, atMs, message } = event;
    if (isExcusedAlarm(this.#truth, event)) {
      if (event.isFenced ?? isAboutOwnLog(code)) node.isFenced = true;
      return undefined;
    }
    const sentence = `${node.name} raised ${code}: ${message}.`;
    return { property: 'durability', kind: 'safety', atMs, sentence, nodes: [node.name], messages: [] };
  }

  #stop(node: NodeTruth, event: EventOf<'stopped'>): Violation | undefined {
    this.#truth.end(node);
    if (isExpected(event, this.#expectedStops) || mayStop(node, event.code)) return undefined;
    return {
      property: 'no-unexpected-stop',
      kind: 'safety',
      atMs: event.atMs,
      sentence: `${node.name} stopped by itself with ${event.code}: ${event.message}`,
      nodes: [node.name],
      messages: [],
    };
  }
}

function isExpected({ node, code, phase }: EventOf<'stopped'>, stops: readonly ExpectedStop[]): boolean {
  if (phase === undefined) return false;
  return stops.some((stop) => stop.node === node && stop.code === code && stop.phases.includes(phase));
}
