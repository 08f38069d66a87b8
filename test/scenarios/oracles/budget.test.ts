import { expect, test } from 'vitest';
import { checkBudgets } from '../../../scenarios/oracles/budget.js';
import type { Budgets, RunMetrics } from '../../../scenarios/index.js';

const metrics: RunMetrics = {
  messages: 100,
  bytes: 4000,
  syncs: 20,
  messagesPerBroadcast: 12.5,
  bytesPerBroadcast: 500,
  syncsPerBroadcast: 2.5,
  deliveryMs: { p50: 3, p99: 21.5, max: 80 },
  linkBufferBytesMax: 0,
  diskBytesMax: 4096,
  memoryBytes: { max: 900, messages: 500, index: 100, tables: 300 },
};

test.each<[budgets: Budgets]>([
  [{}],
  [{ messagesPerBroadcast: 12.5, bytesPerBroadcast: 500, deliveryP99Ms: 21.5 }],
  [{ deliveryP99Ms: 30 }],
  [{ diskBytesMax: 4096 }],
])('%j is kept', (budgets) => {
  expect(checkBudgets(budgets, metrics, 7)).toBeUndefined();
});

test.each<[budgets: Budgets, sentence: string]>([
  [{ messagesPerBroadcast: 12 }, 'A broadcast took 12.5 messages on average, and 12 are allowed.'],
  [{ bytesPerBroadcast: 499.5 }, 'A broadcast took 500 bytes on average, and 499.5 are allowed.'],
  [{ deliveryP99Ms: 21 }, 'One delivery in a hundred took 21.5 ms or more, and 21 ms are allowed.'],
  [{ diskBytesMax: 4095 }, 'The log of one node took 4096 bytes of disk, and 4095 are allowed.'],
  [
    { messagesPerBroadcast: 13, deliveryP99Ms: 0 },
    'One delivery in a hundred took 21.5 ms or more, and 0 ms are allowed.',
  ],
])('%j is exceeded', (budgets, sentence) => {
  expect(checkBudgets(budgets, metrics, 7)).toEqual({
    property: 'budget',
    kind: 'budget',
    atMs: 7,
    sentence,
    nodes: [],
    messages: [],
  });
});
