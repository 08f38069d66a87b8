/**
 * A worker thread of a sweep: makes one run after the other, as it is told to.
 *
 * It decides nothing: which run, whether it took too long and what that means is the business of `seed-pool.ts`.
 */
import { parentPort } from 'node:worker_threads';
import { findScenario } from './catalogue/index.js';
import { loadScenarios } from './load-scenarios.js';
import { lostSeed, runSeed, type SeedOutcome } from './run-seed.js';
import type { Scenario } from './scenario.js';
import type { SeedAnswer, SeedTask, Started } from './worker-messages.js';

const loaded = new Map<string, Promise<readonly Scenario[]>>();

export default async function answer(task: SeedTask): Promise<SeedAnswer> {
  try {
    return { outcome: await perform(task) };
  } catch (error) {
    const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
    return { error: { code, message, stack } };
  }
}

async function perform({ ticket, scenario: name, file, seed, settings, lost }: SeedTask): Promise<SeedOutcome> {
  const scenario = await scenarioOf(name, file);
  parentPort?.postMessage({ started: ticket } satisfies Started);
  return lost === undefined ? runSeed(scenario, seed, settings) : lostSeed(scenario, seed, lost, settings);
}

async function scenarioOf(name: string, file: string | undefined): Promise<Scenario> {
  if (file === undefined) return findScenario(name);
  const scenarios = loaded.get(file) ?? loadScenarios(file);
  loaded.set(file, scenarios);
  const found = (await scenarios).find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`${file} had a scenario "${name}" a moment ago, and has it no more`);
  return found;
}
