/**
 * One mutant after the other: each is loaded and searched for, its failing plan is made smaller, and, if that is asked, it is searched for
 * again with fewer faults.
 */
import type { PlanSize } from '../scenarios/index.js';
import { faultClassNames, isFoundWithout, type FaultClassName } from './ablation.js';
import { loadScenarios, type Scenarios } from './load-scenarios.js';
import { idOf, type Mutant } from './mutant.js';
import { search, type Discovery, type SearchResult } from './search.js';

export interface FindingOptions {
  /** Of a checkout. */
  readonly root: string;
  readonly seedsMax: number;
  /** Also make the plan that gave it away as small as it gets in ten seconds. */
  readonly shrinks: boolean;
  /** Also find out which classes of faults each one needs. */
  readonly ablates: boolean;
  readonly signal: AbortSignal;
  /** Called after every run. */
  readonly onProgress: (progress: FindingProgress) => void;
}

export interface FindingProgress {
  /** 0 ... 1. */
  readonly fraction: number;
  /** What is being looked for, and where. */
  readonly status: string;
}

/** What came of one mutant. */
export interface Finding {
  readonly mutant: Mutant;
  readonly result: SearchResult;
  /** Undefined when it was not found, or nothing was to be shrunk: for that, a plan must fail twice in the same way. */
  readonly shrunk: PlanSize | undefined;
  /** Classes of faults without which it is not found; undefined when that was not asked, or it was not found at all. */
  readonly needs: readonly FaultClassName[] | undefined;
}

/** What came of all. */
export interface Findings {
  readonly findings: readonly Finding[];
  /** How many were to be looked for. */
  readonly mutants: number;
  readonly seedsMax: number;
  readonly isInterrupted: boolean;
}

export async function findAll(mutants: readonly Mutant[], options: FindingOptions): Promise<Findings> {
  const { seedsMax, onProgress } = options;
  const findings: Finding[] = [];
  for (const mutant of mutants) {
    const say = (words: string): void =>
      onProgress({ fraction: findings.length / mutants.length, status: `${idOf(mutant)}: ${words}` });
    const finding = await findOne(mutant, options, say);
    if (finding === undefined) break;
    findings.push(finding);
  }
  return { findings, mutants: mutants.length, seedsMax, isInterrupted: findings.length < mutants.length };
}

/** Undefined when it was interrupted before anything could be said. */
async function findOne(
  mutant: Mutant,
  { root, seedsMax, shrinks, ablates, signal }: FindingOptions,
  say: (words: string) => void,
): Promise<Finding | undefined> {
  const scenarios = await loadScenarios(root, mutant);
  const onRun = (seed: number, scenario: string): void => say(`seed ${seed}, ${scenario}`);
  const seeds = { from: 1, to: seedsMax };
  const result = await search(scenarios, mutant, { seeds, signal, onRun });
  const { discovery } = result;
  if (discovery === undefined) {
    return signal.aborted ? undefined : { mutant, result, shrunk: undefined, needs: undefined };
  }
  const shrunk = shrinks ? await shrinkFailure(scenarios, discovery, signal, say) : undefined;
  if (!ablates) return { mutant, result, shrunk, needs: undefined };
  const needs: FaultClassName[] = [];
  for (const name of faultClassNames) {
    say(`without ${name}`);
    if (!(await isFoundWithout(name, scenarios, mutant, { ...result, discovery }, signal))) needs.push(name);
    // What was not found by now might have been later.
    if (signal.aborted) return undefined;
  }
  return { mutant, result, shrunk, needs };
}

async function shrinkFailure(
  { shrink }: Scenarios,
  { plan }: Discovery,
  signal: AbortSignal,
  say: (words: string) => void,
): Promise<PlanSize | undefined> {
  const { signature, after, isReproducible } = await shrink(plan, {
    signal,
    onProgress: ({ runs, size: { nodes, operations, faults } }) =>
      say(`shrinking, run ${runs}: ${nodes} nodes, ${operations} operations, ${faults} faults`),
  });
  return signature === undefined || !isReproducible ? undefined : after;
}
