/**
 * What a report tells, whatever its form: a run of a plan, or a history that was recorded somewhere.
 *
 * Everything in it comes from outside (names, payloads, errors): each form escapes what it shows, see `foreign-text.ts`.
 */
import { formatDot } from '../../core/index.js';
import type { HistoryVerdict } from '../check-history.js';
import type { HistoryFile } from '../history-file.js';
import type { HistoryEvent } from '../history.js';
import type { Property, Violation } from '../oracles/violation.js';
import type { Plan } from '../plan.js';
import type { RunResult } from '../run.js';
import { quoteForShell, replayLine } from './replay-line.js';

export interface Story {
  /** `partition-heal, seed 1`. */
  readonly title: string;
  /** Everybody who occurs, in the order in which reports show them. */
  readonly nodes: readonly string[];
  readonly history: readonly HistoryEvent[];
  readonly violation: Violation | undefined;
  /** False when nobody can say whether it held. */
  readonly isDecided: boolean;
  readonly endMs: number;
  /** Undefined for a history: then nobody knows what was done to its network. */
  readonly plan: Plan | undefined;
  /** Where the plan is kept; undefined when it is not. */
  readonly planPath: string | undefined;
  /** Where its scenario comes from; absent for one of the catalogue, and where nobody knows. */
  readonly scenarioFile?: string | undefined;
  /** What to type to see it again. */
  readonly command: string;
}

/** Where the plan of a story comes from. */
export interface StorySource {
  /** Undefined when it was not kept. */
  readonly planPath: string | undefined;
  /** What to type to start this program. */
  readonly program: string;
  /** Where its scenario comes from; absent for one of the catalogue, and where nobody knows. */
  readonly scenarioFile?: string | undefined;
}

/** The result must have its history. */
export function storyOfRun(
  result: Pick<RunResult, 'plan' | 'history' | 'verdict' | 'violations' | 'simulatedMs'>,
  { planPath, program, scenarioFile }: StorySource,
): Story {
  const { plan, history = [], verdict, violations } = result;
  return {
    title: `${plan.scenario}, seed ${plan.seed}`,
    nodes: linesOf(plan.nodes, history),
    history,
    violation: violations[0],
    isDecided: verdict !== 'undecided',
    endMs: result.simulatedMs,
    plan,
    planPath,
    scenarioFile,
    command: replayLine(program, { ...plan, planPath, scenarioFile }),
  };
}

/**
 * With what `checkHistory` has found in it. `program`: what to type to start this program. Times count from the first event, for
 * who records a real cluster may count from anywhere.
 */
export function storyOfHistory(
  { title, judged, events, end, source }: HistoryFile,
  { verdict, violation }: HistoryVerdict,
  program: string,
): Story {
  const beginMs = events[0]?.atMs ?? 0;
  const counted = <Timed extends { readonly atMs: number }>(timed: Timed): Timed => ({
    ...timed,
    atMs: timed.atMs - beginMs,
  });
  const history = events.map(counted);
  return {
    title,
    nodes: linesOf(judged.nodes, history),
    history,
    violation: violation && counted(violation),
    isDecided: verdict !== 'undecided',
    endMs: (end === undefined ? history.at(-1) : counted(end))?.atMs ?? 0,
    plan: undefined,
    planPath: undefined,
    command: `${program} check ${quoteForShell(source)}`,
  };
}

/** `known`, each with its twins behind it, and then whoever else occurs. */
function linesOf(known: readonly string[], history: readonly HistoryEvent[]): readonly string[] {
  const twins = new Map<string, Set<string>>();
  const others = new Set<string>();
  for (const event of history) {
    if (event.type === 'twin') twins.set(event.of, (twins.get(event.of) ?? new Set()).add(event.node));
    others.add(event.node);
  }
  const withTwins = known.flatMap((node) => [node, ...(twins.get(node) ?? [])]);
  return [...new Set([...withTwins, ...others])];
}

/** True when the event is about one of the messages that the violation names. */
export function isConcerned(event: HistoryEvent, violation: Violation | undefined): boolean {
  return violation !== undefined && 'dot' in event && violation.messages.includes(formatDot(event.dot));
}

/** A message of the violation, and a node that should have been given it and had not been by then. */
export interface Lack {
  readonly node: string;
  readonly message: string;
}

/** Properties whose violations name first the node that lacks something. */
const lackingFirst: ReadonlySet<Property> = new Set(['causal-order', 'convergence', 'livelock', 'deadlock']);

export function lacksOf({ history, violation }: Pick<Story, 'history' | 'violation'>): readonly Lack[] {
  const node = violation?.nodes[0];
  if (violation === undefined || node === undefined || !lackingFirst.has(violation.property)) return [];
  const given = new Set<string>();
  for (const event of history) {
    if (event.node === node && (event.type === 'deliver' || event.type === 'skipped')) given.add(formatDot(event.dot));
  }
  return violation.messages.filter((message) => !given.has(message)).map((message) => ({ node, message }));
}
