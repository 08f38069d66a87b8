/**
 * Writes the plans and reports of failing runs to a directory, ten of a kind at most: the others are listed, and their
 * plans can be made again from scenario and seed.
 *
 * The page is drawn from a run that is made again, here. So there is none of a run that hung or died, nor of programs
 * that are not part of this package.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { System } from './plan.js';
import { failurePage, type FailurePageInput } from './report/failure-page.js';
import { runPlan } from './run.js';
import { failureFileName, type SeedOutcome } from './run-seed.js';
import { nothingKept, type KeptFiles } from './sweep-tally.js';

const plansPerSignatureMax = 10;

export interface FailureKeeperOptions {
  /** What to type to start this program; `antecedent` when absent. */
  readonly program?: string | undefined;
  /** What the nodes are; `antecedent` when absent. */
  readonly system?: System | undefined;
  /** Another way to run, for tests. */
  readonly runPlan?: typeof runPlan | undefined;
}

export class FailureKeeper {
  readonly #directory: string | undefined;
  readonly #program: string;
  readonly #system: System | undefined;
  readonly #runPlan: typeof runPlan;
  readonly #signatures = new Map<string, number>();

  /** Without a directory nothing is kept. */
  constructor(directory: string | undefined, { program = 'antecedent', system, ...how }: FailureKeeperOptions = {}) {
    this.#directory = directory;
    this.#program = program;
    this.#system = system;
    this.#runPlan = how.runPlan ?? runPlan;
  }

  /** Says where everything is. */
  keep({ scenario, seed, failure, traceHash }: SeedOutcome): KeptFiles {
    if (failure === undefined || this.#directory === undefined || failure.planText === undefined) return nothingKept;
    const alike = this.#signatures.get(failure.signature) ?? 0;
    this.#signatures.set(failure.signature, alike + 1);
    if (alike >= plansPerSignatureMax) return nothingKept;
    const planPath = join(this.#directory, failureFileName(scenario, seed, this.#system));
    const reportPath = planPath.replace(/\.json$/, '.txt');
    mkdirSync(dirname(planPath), { recursive: true });
    writeFileSync(planPath, failure.planText);
    // A report that comes from another machine may name the directory of that.
    const { planPath: told, planText, reportText, violation } = failure;
    writeFileSync(
      reportPath,
      told === undefined || told === planPath ? reportText : reportText.replaceAll(told, planPath),
    );
    const didEnd = traceHash !== '';
    const how = { program: this.#program, runPlan: this.#runPlan };
    const page = didEnd ? pageOrNone({ planText, violation, planPath, ...how }) : undefined;
    if (page === undefined) return { planPath, reportPath, htmlPath: null };
    const htmlPath = planPath.replace(/\.json$/, '.html');
    writeFileSync(htmlPath, page);
    return { planPath, reportPath, htmlPath };
  }
}

/** What was found counts, also where it cannot be run again to be drawn. */
function pageOrNone(input: FailurePageInput): string | undefined {
  try {
    return failurePage(input);
  } catch {
    return undefined;
  }
}
