/**
 * Results of a sweep, kept run by run: so that a sweep that was cut short goes on where it was, and so that several
 * machines can share one.
 *
 * JSON lines: a header that says which sweep it is, then one line a regression, one line a run in the order of the sweep,
 * and a line at each end of a sweep that wrote to it. A line is appended when its run is done, so a file that was cut at any byte is whole
 * up to its last complete line. Everything that a result is made of is in it, the plans and reports of failures too.
 */
import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { AntecedentError } from '../core/index.js';
import type { Variation } from './profile.js';
import type { Regression, RegressionOutcome } from './regressions.js';
import { parseResults, resultsVersion, type ResultsHeader, type SweepEnd } from './results-schema.js';
import type { SeedOutcome } from './run-seed.js';
import type { Scenario } from './scenario.js';
import type { SeedRange, Shard } from './sweep-order.js';

export interface RecordedResults {
  readonly path: string;
  readonly header: ResultsHeader;
  /** In the order of the file. */
  readonly outcomes: readonly SeedOutcome[];
  /** In the order in which they were run; none in the file of a shard that is not the first. */
  readonly regressions: readonly RegressionOutcome[];
  /** One for each sweep that came to an end; none after a kill. */
  readonly ends: readonly SweepEnd[];
}

/** What makes a sweep this one and no other. */
export interface SweepIdentity {
  readonly scenarios: readonly Scenario[];
  readonly regressions?: readonly Regression[];
  readonly seeds?: SeedRange | undefined;
  readonly shard?: Shard | undefined;
  readonly bail?: boolean;
  readonly verifyShare?: number;
  readonly variation?: Variation;
}

function headerOf(sweep: SweepIdentity): ResultsHeader {
  const { scenarios, regressions = [], seeds, shard, bail = false, verifyShare = 0.05, variation = {} } = sweep;
  return {
    antecedentResults: resultsVersion,
    version: packageVersion(),
    scenarios: scenarios.map(({ name, about, goals = [] }) => ({ name, about, goals: [...goals] })),
    regressions: regressions.map(({ path }) => path),
    seeds: seeds ?? null,
    shard: shard ?? null,
    bail,
    verifyShare,
    system: variation.system ?? 'antecedent',
    profile: variation.profile ?? null,
    without: [...(variation.without ?? [])],
  };
}

/** Throws `E_CONFIG`, with the line, for a file that is not there or does not hold results. */
export function readResults(path: string): RecordedResults {
  if (!existsSync(path)) throw new AntecedentError('E_CONFIG', `there is no file ${path}`);
  return { path, ...parseResults(readFileSync(path, 'utf8'), path) };
}

export class ResultsFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #outcomes: ReadonlyMap<string, SeedOutcome>;
  readonly #regressions: ReadonlyMap<string, RegressionOutcome>;

  /**
   * Begins a file, or goes on with one of the same sweep. A last line that is not whole is cut off. Throws `E_CONFIG`
   * for a file of another sweep, of another version of this program, or of somebody else.
   */
  static open(path: string, sweep: SweepIdentity): ResultsFile {
    const header = headerOf(sweep);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole === '') {
      const firstLine = `${JSON.stringify(header)}\n`;
      // A beginning of our own header was cut off in the middle. Anything else is not ours to write over.
      if (!firstLine.startsWith(text)) {
        throw new AntecedentError('E_CONFIG', `${path} holds no results of a sweep; name another file`);
      }
      writeFileSync(path, firstLine);
      return new ResultsFile(path, [], []);
    }
    const recorded = parseResults(whole, path);
    const difference = differenceOf(recorded.header, header);
    if (difference !== undefined) {
      const remedy = 'name another file, or remove this one to begin anew';
      throw new AntecedentError('E_CONFIG', `${path} holds results of another sweep: ${difference}; ${remedy}`);
    }
    truncateSync(path, Buffer.byteLength(whole));
    return new ResultsFile(path, recorded.outcomes, recorded.regressions);
  }

  private constructor(path: string, outcomes: readonly SeedOutcome[], regressions: readonly RegressionOutcome[]) {
    this.#path = path;
    this.#descriptor = openSync(path, 'a');
    this.#outcomes = new Map(outcomes.map((outcome) => [nameOf(outcome.scenario, outcome.seed), outcome]));
    this.#regressions = new Map(regressions.map((outcome) => [outcome.path, outcome]));
  }

  /** Runs that it held when it was opened. */
  get recorded(): number {
    return this.#outcomes.size;
  }

  /** What it held about this run when it was opened. */
  find(scenario: string, seed: number): SeedOutcome | undefined {
    return this.#outcomes.get(nameOf(scenario, seed));
  }

  /** Throws `E_CONFIG` for a run that it held, and that took another course now that it was made again. */
  checkAgain({ scenario, seed, traceHash, verdict }: SeedOutcome): void {
    const before = this.find(scenario, seed);
    if (before === undefined || (before.traceHash === traceHash && before.verdict === verdict)) return;
    throw this.#otherCode(`${scenario}, seed ${seed},`);
  }

  /** Appends a run, unless it held it. */
  add(outcome: SeedOutcome): void {
    if (this.find(outcome.scenario, outcome.seed) === undefined) this.#append(outcome);
  }

  /** Appends what came of a regression, unless it held it. Throws `E_CONFIG` where something else came of it before. */
  addRegression(outcome: RegressionOutcome): void {
    const before = this.#regressions.get(outcome.path);
    if (before === undefined) this.#append({ regression: outcome });
    else if (!isDeepStrictEqual(before, outcome)) throw this.#otherCode(outcome.path);
  }

  end(end: SweepEnd): void {
    this.#append({ end });
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #otherCode(what: string): AntecedentError {
    const message = `${what} takes another course than in ${this.#path}: that was written by other code; remove it to begin anew`;
    return new AntecedentError('E_CONFIG', message);
  }

  #append(line: object): void {
    writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
  }
}

function nameOf(scenario: string, seed: number): string {
  return `${scenario}/${seed}`;
}

/** The first thing in which two headers differ, in words; the shard counts only with `shards`. */
export function differenceOf(one: ResultsHeader, other: ResultsHeader, shards = true): string | undefined {
  for (const [key, value] of Object.entries(one)) {
    if (key === 'shard' && !shards) continue;
    const counterpart: unknown = Object.entries(other).find(([name]) => name === key)?.[1];
    const [here, there] = [JSON.stringify(value), JSON.stringify(counterpart)];
    if (here !== there) return `its ${key} ${shorten(here)}, not ${shorten(there)}`;
  }
  return undefined;
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

function packageVersion(): string {
  // The package refers to itself by name, so this works from the sources and from dist/ alike.
  const manifest: unknown = createRequire(import.meta.url)('antecedent/package.json');
  const known = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '';
  return String(known);
}
