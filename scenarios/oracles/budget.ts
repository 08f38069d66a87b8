/**
 * Budgets: a run that does everything right may still cost too much, or be too slow.
 *
 * They are judged at the end, and only when nothing else was violated: a run that lost its way costs whatever it costs.
 */
import type { RunMetrics } from '../metrics.js';
import type { Budgets } from '../plan.js';
import type { Violation } from './violation.js';

interface Expense {
  readonly spent: number;
  readonly allowed: number | undefined;
  readonly describe: (spent: string, allowed: string) => string;
}

/** The first budget that was exceeded. */
export function checkBudgets(budgets: Budgets, metrics: RunMetrics, atMs: number): Violation | undefined {
  const expenses: readonly Expense[] = [
    {
      spent: metrics.messagesPerBroadcast,
      allowed: budgets.messagesPerBroadcast,
      describe: (spent, allowed) => `A broadcast took ${spent} messages on average, and ${allowed} are allowed.`,
    },
    {
      spent: metrics.bytesPerBroadcast,
      allowed: budgets.bytesPerBroadcast,
      describe: (spent, allowed) => `A broadcast took ${spent} bytes on average, and ${allowed} are allowed.`,
    },
    {
      spent: metrics.deliveryMs.p99,
      allowed: budgets.deliveryP99Ms,
      describe: (spent, allowed) =>
        `One delivery in a hundred took ${spent} ms or more, and ${allowed} ms are allowed.`,
    },
    {
      spent: metrics.diskBytesMax,
      allowed: budgets.diskBytesMax,
      describe: (spent, allowed) => `The log of one node took ${spent} bytes of disk, and ${allowed} are allowed.`,
    },
  ];
  for (const { spent, allowed, describe } of expenses) {
    if (allowed === undefined || spent <= allowed) continue;
    const sentence = describe(String(spent), String(allowed));
    return { property: 'budget', kind: 'budget', atMs, sentence, nodes: [], messages: [] };
  }
  return undefined;
}
