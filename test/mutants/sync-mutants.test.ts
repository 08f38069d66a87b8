import { describe, expect, test } from 'vitest';
import { loadScenarios, type Scenarios } from '../../mutants/index.js';
import type { CrashPointFailure, CrashPointsOptions } from '../../scenarios/index.js';
import { root } from '../structure/source-tree.js';
import { syncMutants, type SyncMutant } from './sync-mutants.js';

type RunPlan = Scenarios['runPlan'];

/** Crash points tried before all the others, evenly spread: most of the bugs show at more than one in ten. */
const spreadPoints = 200;

/** What crash points find first, of the likely ones and then of all. */
async function firstFailure(mutant: SyncMutant): Promise<CrashPointFailure | undefined> {
  const { crashPoints, findScenario, makePlan, runPlan } = await loadScenarios(root, mutant);
  const { diesBefore } = mutant;
  const scenarioPlan = makePlan(findScenario('small-log'), '1');
  // The faults of the scenario show some of these bugs by themselves. Crash points must show them without.
  const plan = diesBefore === undefined ? { ...scenarioPlan, faults: [] } : scenarioPlan;
  const likely: CrashPointsOptions =
    diesBefore === undefined ? { limit: spreadPoints } : { runPlan: dyingBefore(diesBefore, runPlan) };
  for (const options of [likely, {}]) {
    const { failures } = await crashPoints(plan, { ...options, bail: true });
    if (failures[0] !== undefined) return failures[0];
  }
  return undefined;
}

/** Runs a plan whose crash point is the death of a process just before such an operation. All others count as if nothing had struck. */
function dyingBefore(textStart: string, runPlan: RunPlan): RunPlan {
  const places = new Set<string>();
  let dryRun: ReturnType<RunPlan> | undefined;
  return (plan, options) => {
    const point = plan.faults.find((fault) => fault.kind === 'crash-point');
    if (point === undefined) {
      dryRun = runPlan(plan, {
        ...options,
        onDiskOperation: (node, operation) => {
          if (operation.text.startsWith(textStart)) places.add(`${node} ${operation.index}`);
          options?.onDiskOperation?.(node, operation);
        },
      });
      return dryRun;
    }
    const isLikely = !point.power && point.when === 'before' && places.has(`${point.node} ${point.operation}`);
    return isLikely || dryRun === undefined ? runPlan(plan, options) : dryRun;
  };
}

describe('crash points find', () => {
  test.each(syncMutants.map((mutant) => [mutant.about, mutant] as const))('%s', async (_about, mutant) => {
    const found = await firstFailure(mutant);
    expect(mutant.breaks).toContain(found?.property);
    expect(found?.node, 'a failure at a crash point, not of the scenario by itself').toEqual(expect.any(String));
  });
});
