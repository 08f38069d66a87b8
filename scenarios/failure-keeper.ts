/**
 * Writes the plans and reports of failing runs to a directory, ten of a kind at most: the others are listed, and their
 * plans can be made again from scenario and seed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failureFileName, type SeedOutcome } from './run-seed.js';

const plansPerSignatureMax = 10;

export class FailureKeeper {
  readonly #directory: string | undefined;
  readonly #signatures = new Map<string, number>();

  /** Without a directory nothing is kept. */
  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /** Returns where the plan of a failure is, or undefined when it was not kept. */
  keep({ scenario, seed, failure }: SeedOutcome): string | undefined {
    if (failure === undefined || this.#directory === undefined || failure.planText === undefined) return undefined;
    const alike = this.#signatures.get(failure.signature) ?? 0;
    this.#signatures.set(failure.signature, alike + 1);
    if (alike >= plansPerSignatureMax) return undefined;
    const path = join(this.#directory, failureFileName(scenario, seed));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, failure.planText);
    // A report that comes from another machine may name the directory of that.
    const { planPath: told, reportText } = failure;
    const report = told === undefined || told === path ? reportText : reportText.replaceAll(told, path);
    writeFileSync(path.replace(/\.json$/, '.txt'), report);
    return path;
  }
}
