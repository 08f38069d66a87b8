/** Runs of a scenario with their histories, for tests of what it reaches. */
import { expect } from 'vitest';
import {
  findScenario,
  makePlan,
  runPlan,
  type HistoryEvent,
  type RunOptions,
  type RunResult,
} from '../../../scenarios/index.js';

export type Run = RunResult & { readonly history: readonly HistoryEvent[] };

export type EventOf<Type extends HistoryEvent['type']> = Extract<HistoryEvent, { readonly type: Type }>;

/** Seeds from 1 on, which all hold. */
export function runs(name: string, seeds = 8): readonly Run[] {
  return Array.from({ length: seeds }, (_, index) => {
    const run = runOf(name, index + 1);
    expect(run.violations, `seed ${index + 1}`).toEqual([]);
    return run;
  });
}

/** Whatever comes of it. */
export function runOf(name: string, seed: number, options: RunOptions = {}): Run {
  const result = runPlan(makePlan(findScenario(name), String(seed)), { ...options, keepHistory: true });
  return { ...result, history: result.history ?? [] };
}

export function eventsOf<Type extends HistoryEvent['type']>({ history }: Run, type: Type): readonly EventOf<Type>[] {
  return history.filter((event): event is EventOf<Type> => event.type === type);
}
