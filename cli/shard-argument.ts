/**
 * Which share of a sweep this machine has: as it is written, or as whoever started many machines says in their
 * environment.
 *
 * Each of these counts in its own way; here shards are numbered from 1, as people do.
 */
import type { Shard } from '../scenarios/index.js';
import { usageError } from './command-error.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** `total` is how many there are, if the command line says so. Undefined where that system did not start us. */
type Launcher = (environment: Environment, total: number | undefined) => Shard | undefined;

const rule = 'write --shard 2/8 for the second of eight, --shard auto, or --shard auto/8 where only the index is known';

/** Those that `auto` asks, in this order: one that started the job before one that the job runs on. */
const launchers: readonly Launcher[] = [gitlab, buildkite, slurmArray, kubernetesJob];

/** `2/8`, `auto`, `auto/8`. */
export function parseShard(text: string, environment: Environment = process.env): Shard {
  const match = /^(?<index>auto|\d+)(?:\/(?<of>\d+))?$/.exec(text);
  const { index, of } = match?.groups ?? {};
  const total = of === undefined ? undefined : Number(of);
  if (index === undefined || (total === undefined && index !== 'auto')) {
    throw usageError(`${JSON.stringify(text)} is no shard: ${rule}`);
  }
  const shard = index === 'auto' ? shardHere(environment, total) : { index: Number(index), of: total ?? 1 };
  if (shard.of >= 1 && shard.index >= 1 && shard.index <= shard.of) return shard;
  throw usageError(`there is no shard ${shard.index} of ${shard.of}: they are numbered from 1; ${rule}`);
}

function shardHere(environment: Environment, total: number | undefined): Shard {
  for (const launcher of launchers) {
    const shard = launcher(environment, total);
    if (shard === undefined) continue;
    if (total === undefined || total === shard.of) return shard;
    throw usageError(`--shard auto/${total}, but the environment says that there are ${shard.of}: write --shard auto`);
  }
  const known =
    'CI_NODE_INDEX (GitLab), BUILDKITE_PARALLEL_JOB, SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX (Kubernetes)';
  throw usageError(`--shard auto found none of ${known} in the environment: ${rule}`);
}

/** `parallel:` of a job; counts from 1. */
function gitlab(environment: Environment): Shard | undefined {
  const index = numberOf(environment, 'CI_NODE_INDEX');
  if (index === undefined) return undefined;
  return { index, of: required(environment, 'CI_NODE_TOTAL', 'CI_NODE_INDEX') };
}

/** `parallelism:` of a step; counts from 0. */
function buildkite(environment: Environment): Shard | undefined {
  const index = numberOf(environment, 'BUILDKITE_PARALLEL_JOB');
  if (index === undefined) return undefined;
  const of = required(environment, 'BUILDKITE_PARALLEL_JOB_COUNT', 'BUILDKITE_PARALLEL_JOB');
  return { index: index + 1, of };
}

/** `sbatch --array`; ids begin anywhere and may go by steps: `--array=10-40:10`. */
function slurmArray(environment: Environment): Shard | undefined {
  const id = numberOf(environment, 'SLURM_ARRAY_TASK_ID');
  if (id === undefined) return undefined;
  const of = required(environment, 'SLURM_ARRAY_TASK_COUNT', 'SLURM_ARRAY_TASK_ID');
  const least = required(environment, 'SLURM_ARRAY_TASK_MIN', 'SLURM_ARRAY_TASK_ID');
  const greatest = required(environment, 'SLURM_ARRAY_TASK_MAX', 'SLURM_ARRAY_TASK_ID');
  const step = of > 1 ? (greatest - least) / (of - 1) : 1;
  const index = (id - least) / step + 1;
  if (Number.isInteger(step) && step > 0 && Number.isInteger(index)) return { index, of };
  const remedy = 'use an array such as --array=1-8, or write --shard I/N';
  throw usageError(
    `--shard auto cannot number the tasks ${least} to ${greatest} of this Slurm array of ${of}: ${remedy}`,
  );
}

/** `completionMode: Indexed`; counts from 0, and does not say how many there are. */
function kubernetesJob(environment: Environment, total: number | undefined): Shard | undefined {
  const index = numberOf(environment, 'JOB_COMPLETION_INDEX');
  if (index === undefined) return undefined;
  if (total !== undefined) return { index: index + 1, of: total };
  throw usageError(
    'Kubernetes says which index this is, but not of how many: write --shard auto/N with the completions',
  );
}

function required(environment: Environment, name: string, beside: string): number {
  const value = numberOf(environment, name);
  if (value !== undefined) return value;
  throw usageError(`--shard auto found ${beside} in the environment, but not ${name}: ${rule}`);
}

function numberOf(environment: Environment, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw usageError(`${name} is ${JSON.stringify(text)} in the environment, which is no number: ${rule}`);
}
