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

test('the shape of a plan, as a JSON Schema that names every key, kind and bound', async () => {
  const { exitCode, out } = await antecedent('list', '--plan-schema');
  const schema = JSON.parse(out) as { readonly required: readonly string[]; readonly properties: object };
  expect(exitCode).toBe(0);
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    properties: {
      version: { const: 1 },
      nodes: { type: 'array', items: { type: 'string' }, maxItems: 256 },
      options: { properties: { link: { properties: { loss: { minimum: 0, maximum: 1 } } } } },
    },
  });
  expect(schema.required).toEqual(expect.arrayContaining(['version', 'seed', 'operations', 'faults', 'deadlineMs']));
  for (const kind of ['crash-point', 'partition', 'append', 'custom']) expect(out).toContain(JSON.stringify(kind));
});
