/**
 * The lines of a results file, checked as they are read. What else a line may hold is a matter of a later version, and
 * refused: a result that is counted in part is no result.
 */
import { z } from 'zod';
import { AntecedentError } from '../core/index.js';
import { faultSwitchNames, type FaultSwitch } from './fault-switches.js';
import { goalNames, type Goal } from './goals.js';
import { propertyMeanings, type Property } from './oracles/violation.js';
import { systems, type System } from './plan.js';
import { profiles, type Profile } from './profile.js';
import type { RegressionOutcome } from './regressions.js';
import type { SeedOutcome } from './run-seed.js';
import type { SeedRange, Shard } from './sweep-order.js';

export const resultsVersion = 1;

/** The first line: which sweep the results are of. */
export interface ResultsHeader {
  readonly antecedentResults: typeof resultsVersion;
  /** Of the package. */
  readonly version: string;
  readonly scenarios: readonly ResultsScenario[];
  /** The plans of earlier failures that its first shard runs, by path. */
  readonly regressions: readonly string[];
  /** Null for a sweep for a time, from seed 1 on. */
  readonly seeds: SeedRange | null;
  readonly shard: Shard | null;
  readonly bail: boolean;
  readonly verifyShare: number;
  readonly system: System;
  readonly profile: Profile | null;
  readonly without: readonly FaultSwitch[];
}

export interface ResultsScenario {
  readonly name: string;
  readonly about: string;
  readonly goals: readonly Goal[];
}

/** How a sweep that wrote to the file came to its end. */
export interface SweepEnd {
  readonly elapsedMs: number;
  readonly isInterrupted: boolean;
}

const count = z.number().int().min(0);
const amount = z.number().min(0);
const seed = z.number().int().min(0);
const goal = z.enum(goalNames as [Goal, ...Goal[]]);
const property = z.enum(Object.keys(propertyMeanings) as [Property, ...Property[]]);

const headerSchema: z.ZodType<ResultsHeader> = z.strictObject({
  antecedentResults: z.literal(resultsVersion),
  version: z.string(),
  scenarios: z.array(z.strictObject({ name: z.string(), about: z.string(), goals: z.array(goal) })).min(1),
  regressions: z.array(z.string()),
  seeds: z.strictObject({ from: seed, to: seed }).nullable(),
  shard: z.strictObject({ index: count, of: count }).nullable(),
  bail: z.boolean(),
  verifyShare: amount,
  system: z.enum(systems),
  profile: z.enum(Object.keys(profiles) as [Profile, ...Profile[]]).nullable(),
  without: z.array(z.enum(faultSwitchNames as [FaultSwitch, ...FaultSwitch[]])),
});

const endSchema = z.strictObject({
  end: z.strictObject({ elapsedMs: amount, isInterrupted: z.boolean() }),
});

const verdict = z.enum(['pass', 'safety', 'liveness', 'budget', 'undecided']);

const regressionSchema: z.ZodType<{ readonly regression: RegressionOutcome }> = z.strictObject({
  regression: z.strictObject({
    path: z.string(),
    scenario: z.string(),
    seed: z.string(),
    verdict,
    signature: z.string().nullable(),
    property: property.nullable(),
    sentence: z.string().nullable(),
  }),
});

const metricsSchema = z.strictObject({
  messages: count,
  bytes: count,
  syncs: count,
  messagesPerBroadcast: amount,
  bytesPerBroadcast: amount,
  syncsPerBroadcast: amount,
  deliveryMs: z.strictObject({ p50: amount, p99: amount, max: amount }),
  linkBufferBytesMax: count,
  diskBytesMax: count,
  memoryBytes: z.strictObject({ max: count, messages: count, index: count, tables: count }),
});

const failureSchema = z.strictObject({
  signature: z.string(),
  violation: z.strictObject({
    property,
    kind: z.enum(['safety', 'liveness', 'budget']),
    atMs: amount,
    sentence: z.string(),
    nodes: z.array(z.string()),
    messages: z.array(z.string()),
  }),
  planText: z.string().optional(),
  planPath: z.string().optional(),
  reportText: z.string(),
});

const outcomeSchema = z.strictObject({
  scenario: z.string(),
  seed,
  verdict,
  events: count,
  broadcasts: count,
  deliveries: count,
  simulatedMs: amount,
  faults: z.record(z.string(), count),
  metrics: metricsSchema,
  goals: z.array(goal),
  properties: z.array(property),
  traceHash: z.string(),
  isVerified: z.boolean(),
  isReproducible: z.boolean(),
  failure: failureSchema.optional(),
});

export interface ParsedResults {
  readonly header: ResultsHeader;
  /** In the order of the file. */
  readonly outcomes: readonly SeedOutcome[];
  /** In the order in which they were run. */
  readonly regressions: readonly RegressionOutcome[];
  /** One for each sweep that came to an end; none after a kill. */
  readonly ends: readonly SweepEnd[];
}

/**
 * Throws `E_CONFIG`, with the place, for what holds no results. A last line that is not whole counts as not written.
 */
export function parseResults(text: string, path: string): ParsedResults {
  const lines = text.split('\n').slice(0, -1);
  const header = readHeader(lines[0] ?? '', path);
  const outcomes: SeedOutcome[] = [];
  const regressions: RegressionOutcome[] = [];
  const ends: SweepEnd[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue;
    const place = `${path}:${index + 1}`;
    const value = parseLine(line, place);
    if (hasKey(value, 'end')) ends.push(checkLine(endSchema, value, place).end);
    else if (hasKey(value, 'regression')) regressions.push(checkLine(regressionSchema, value, place).regression);
    else outcomes.push(toOutcome(checkLine(outcomeSchema, value, place)));
  }
  return { header, outcomes, regressions, ends };
}

function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && key in value;
}

function readHeader(line: string, path: string): ResultsHeader {
  const value = parseLine(line, `${path}:1`);
  const version =
    typeof value === 'object' && value !== null && 'antecedentResults' in value ? value.antecedentResults : undefined;
  if (version === undefined) {
    throw new AntecedentError(
      'E_CONFIG',
      `${path} holds no results of a sweep; name a file that --results has written`,
    );
  }
  if (version !== resultsVersion) {
    const message = `${path} has the format ${JSON.stringify(version)}, and this version reads ${resultsVersion}; use the version that wrote it`;
    throw new AntecedentError('E_CONFIG', message);
  }
  return checkLine(headerSchema, value, `${path}:1`);
}

function parseLine(line: string, place: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AntecedentError('E_CONFIG', `${place} is no JSON; take the line out, or the file`, { cause });
  }
}

function checkLine<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  const [issue] = error.issues;
  const where = issue === undefined ? '' : ` at ${issue.path.join('.')} (${issue.message})`;
  throw new AntecedentError('E_CONFIG', `${place} is no result${where}; take the line out, or the file`);
}

/** What JSON leaves out is there, and undefined. */
function toOutcome({ failure, ...rest }: z.infer<typeof outcomeSchema>): SeedOutcome {
  if (failure === undefined) return { ...rest, failure };
  return { ...rest, failure: { ...failure, planText: failure.planText, planPath: failure.planPath } };
}
