import { expect, test } from 'vitest';
import { catalogue, goalMeanings, largeScenarios, propertyMeanings } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';

test('lists every scenario, every property and every goal', async () => {
  const { exitCode, out } = await antecedent('list');
  expect(exitCode).toBe(0);
  for (const { name, about } of [...catalogue, ...largeScenarios]) {
    expect(out).toMatch(new RegExp(`^  ${name} +${about.slice(0, 10)}`, 'm'));
  }
  for (const name of Object.keys({ ...propertyMeanings, ...goalMeanings })) expect(out).toContain(name);
});

test('prints one JSON document', async () => {
  const { out } = await antecedent('list', '--json');
  expect(JSON.parse(out)).toMatchObject({
    scenarios: [...catalogue, ...largeScenarios].map(({ name, about }) => ({ name, about })),
    goals: Object.entries(goalMeanings).map(([name, meaning]) => ({ name, meaning })),
  });
});
