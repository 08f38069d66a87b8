/**
 * The HTML report of a failure that is kept.
 *
 * What is sent and kept of a failure is its plan, so the run is made once more for its history. A page is much larger than
 * a plan: it is made for failures that are kept, not for all that are found.
 */
import type { Violation } from '../oracles/violation.js';
import { readPlan } from '../read-plan.js';
import type { runPlan } from '../run.js';
import { isBuiltIn } from '../workloads/index.js';
import { htmlReport } from './html.js';
import { storyOfRun } from './story.js';

export interface FailurePageInput {
  /** As `replay` reads it. */
  readonly planText: string;
  readonly violation: Violation;
  /** Where the plan is kept. */
  readonly planPath: string;
  /** What to type to start this program. */
  readonly program: string;
  readonly runPlan: typeof runPlan;
}

/** Undefined for a program that is not part of this package. */
export function failurePage(input: FailurePageInput): string | undefined {
  const { planText, violation, planPath, program, ...how } = input;
  const plan = readPlan(planText, planPath);
  if (!isBuiltIn(plan.workload)) return undefined;
  const { history = [], simulatedMs } = how.runPlan(plan, { keepHistory: true });
  // What was found counts, also where the run is another one when it is made again.
  const run = { plan, history, simulatedMs, verdict: violation.kind, violations: [violation] };
  return htmlReport(storyOfRun(run, { planPath, program }));
}
