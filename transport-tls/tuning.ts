/** Limits and timings as people give them, in options and in files: known names, whole positive numbers. */
import { defaultLimits, defaultTimings, unknownName, type NodeOptions } from '../core/index.js';
import { defaultTlsLimits } from './links.js';

/** How long the journal waits for members that are away; see `NodeOptions.retention`. */
export type RetentionOptions = NonNullable<NodeOptions['retention']>;

const retentionPolicies: Readonly<Record<NonNullable<RetentionOptions['policy']>, true>> = {
  block: true,
  alarm: true,
  demote: true,
};
const retentionKeys: Readonly<Record<keyof RetentionOptions, true>> = { policy: true, bytesMax: true, ageMs: true };

/** The groups of numbers that can be tuned; their keys are those of the defaults. */
export type TuningGroup = 'limits' | 'timings' | 'transport';

export const tuningGroups: readonly TuningGroup[] = ['limits', 'timings', 'transport'];

const tuningKeys: Readonly<Record<TuningGroup, readonly string[]>> = {
  limits: Object.keys(defaultLimits),
  timings: Object.keys(defaultTimings),
  transport: Object.keys(defaultTlsLimits),
};

/** Where more would not work: a start holds a whole segment in memory. */
const largest: Readonly<Record<string, number>> = { 'limits.segmentBytesMax': 1 << 30 };

export interface TuningProblem {
  readonly key: string;
  readonly text: string;
}

/** What is wrong with `given` as values of `group`: unknown names, and values that are no whole positive number. */
export function tuningProblems(group: TuningGroup, given: Readonly<Record<string, unknown>>): readonly TuningProblem[] {
  const known = tuningKeys[group];
  const problems: TuningProblem[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (!known.includes(key)) problems.push({ key, text: unknownName(`key in ${group}`, key, known) });
    else if (!Number.isSafeInteger(value) || Number(value) < 1) {
      problems.push({ key, text: `${group}.${key} must be a whole number from 1, not ${JSON.stringify(value)}` });
    } else if (Number(value) > (largest[`${group}.${key}`] ?? Infinity)) {
      const most = largest[`${group}.${key}`];
      problems.push({ key, text: `${group}.${key} is at most ${most}, not ${JSON.stringify(value)}` });
    }
  }
  return problems;
}

/** What is wrong with `given` as `RetentionOptions`. */
export function retentionProblems(given: Readonly<Record<string, unknown>>): readonly TuningProblem[] {
  const policies = Object.keys(retentionPolicies);
  const problems: TuningProblem[] = [];
  for (const [key, value] of Object.entries(given)) {
    const shown = JSON.stringify(value);
    if (!Object.hasOwn(retentionKeys, key)) {
      problems.push({ key, text: unknownName('key in retention', key, Object.keys(retentionKeys)) });
    } else if (key === 'policy') {
      if (policies.includes(String(value))) continue;
      problems.push({ key, text: `retention.policy must be one of ${policies.join(', ')}, not ${shown}` });
    } else if (!Number.isSafeInteger(value) || Number(value) < 1) {
      problems.push({ key, text: `retention.${key} must be a whole number from 1, not ${shown}` });
    }
  }
  return problems;
}
