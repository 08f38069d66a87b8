import { expect, test } from 'vitest';
import { parseShard } from '../../cli/shard-argument.js';

test('a shard is written as people count', () => {
  expect(parseShard('2/8', {})).toEqual({ index: 2, of: 8 });
  expect(parseShard('1/1', {})).toEqual({ index: 1, of: 1 });
});

test.each([
  {
    system: 'GitLab, which counts from 1',
    environment: { CI_NODE_INDEX: '3', CI_NODE_TOTAL: '5' },
    shard: { index: 3, of: 5 },
  },
  {
    system: 'Buildkite, which counts from 0',
    environment: { BUILDKITE_PARALLEL_JOB: '0', BUILDKITE_PARALLEL_JOB_COUNT: '4' },
    shard: { index: 1, of: 4 },
  },
  {
    system: 'Slurm, whose arrays begin anywhere',
    environment: {
      SLURM_ARRAY_TASK_ID: '7',
      SLURM_ARRAY_TASK_COUNT: '8',
      SLURM_ARRAY_TASK_MIN: '0',
      SLURM_ARRAY_TASK_MAX: '7',
    },
    shard: { index: 8, of: 8 },
  },
  {
    system: 'Slurm, whose arrays go by steps',
    environment: {
      SLURM_ARRAY_TASK_ID: '20',
      SLURM_ARRAY_TASK_COUNT: '4',
      SLURM_ARRAY_TASK_MIN: '10',
      SLURM_ARRAY_TASK_MAX: '40',
    },
    shard: { index: 2, of: 4 },
  },
  {
    system: 'an array of one task',
    environment: {
      SLURM_ARRAY_TASK_ID: '6',
      SLURM_ARRAY_TASK_COUNT: '1',
      SLURM_ARRAY_TASK_MIN: '6',
      SLURM_ARRAY_TASK_MAX: '6',
    },
    shard: { index: 1, of: 1 },
  },
])('auto asks $system', ({ environment, shard }) => {
  expect(parseShard('auto', environment)).toEqual(shard);
  expect(parseShard(`auto/${shard.of}`, environment)).toEqual(shard);
});

test('Kubernetes says which index it is, and the command line of how many', () => {
  expect(parseShard('auto/6', { JOB_COMPLETION_INDEX: '5' })).toEqual({ index: 6, of: 6 });
  expect(() => parseShard('auto', { JOB_COMPLETION_INDEX: '5' })).toThrow('write --shard auto/N with the completions');
});

test.each([
  ['nonsense', {}, '"nonsense" is no shard: write --shard 2/8'],
  ['3', {}, '"3" is no shard'],
  ['9/8', {}, 'there is no shard 9 of 8'],
  ['0/8', {}, 'there is no shard 0 of 8'],
  ['1/0', {}, 'there is no shard 1 of 0'],
  ['auto', {}, '--shard auto found none of CI_NODE_INDEX (GitLab)'],
  ['auto', { CI_NODE_INDEX: '2' }, 'found CI_NODE_INDEX in the environment, but not CI_NODE_TOTAL'],
  ['auto', { BUILDKITE_PARALLEL_JOB: 'x' }, 'BUILDKITE_PARALLEL_JOB is "x" in the environment, which is no number'],
  ['auto/3', { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '4' }, 'the environment says that there are 4'],
  [
    'auto',
    {
      SLURM_ARRAY_TASK_ID: '3',
      SLURM_ARRAY_TASK_COUNT: '3',
      SLURM_ARRAY_TASK_MIN: '1',
      SLURM_ARRAY_TASK_MAX: '9',
    },
    'cannot number the tasks 1 to 9 of this Slurm array of 3',
  ],
])('%s in %j is refused', (text, environment, message) => {
  expect(() => parseShard(text, environment)).toThrow(message);
});
