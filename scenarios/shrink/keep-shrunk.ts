/** Writes what became of a failing plan beside it: `runs/lossy-7.json` gets a `runs/lossy-7.shrunk.json`, and a report. */
import { writeFileSync } from 'node:fs';
import { formatPlan } from '../plan.js';
import { failureText } from '../report/text.js';
import type { ShrinkResult } from './shrink.js';

const suffix = '.shrunk.json';

/** Where the smallest plan of a failure is kept. What is shrunk already keeps its place. */
export function shrunkPathOf(planPath: string): string {
  return planPath.endsWith(suffix) ? planPath : `${planPath.replace(/\.json$/, '')}${suffix}`;
}

/** Returns where the plan is, and the report, whose path ends in `.txt`. */
export function keepShrunk(
  { smallest }: ShrinkResult,
  shrunkPath: string,
  program: string,
  scenarioFile?: string,
): { readonly shrunkPath: string; readonly reportPath: string } {
  const { plan, violations, history = [] } = smallest;
  const reportPath = `${shrunkPath.replace(/\.json$/, '')}.txt`;
  writeFileSync(shrunkPath, formatPlan(plan));
  const [violation] = violations;
  if (violation !== undefined) {
    const source = { planPath: shrunkPath, scenarioFile, isShrunk: true, program };
    writeFileSync(reportPath, failureText({ plan, violation, history, ...source }));
  }
  return { shrunkPath, reportPath };
}
