import { describe, expect, test } from 'vitest';
import {
  catalogue,
  findScenario,
  formatPlan,
  makePlan,
  readPlan,
  runPlan,
  varyPlan,
  type Plan,
} from '../../scenarios/index.js';

const crashRestart = findScenario('crash-restart');

function kindsOf({ faults }: Plan): readonly string[] {
  return [...new Set(faults.map(({ kind }) => kind))].sort();
}

describe('calm', () => {
  test('leaves nothing but what ends faults', () => {
    for (const scenario of catalogue) {
      const kinds = kindsOf(varyPlan(makePlan(scenario, '1'), { profile: 'calm' }));
      expect(kinds.filter((kind) => !['heal', 'release', 'resume', 'restart', 'repair'].includes(kind))).toEqual([]);
    }
  });
});

describe('swarm', () => {
  test('takes another half of the faults away for each seed, and always the same for one', () => {
    const kept = new Map<string, number>();
    for (let seed = 1; seed <= 60; seed++) {
      const plan = makePlan(crashRestart, String(seed));
      const varied = varyPlan(plan, { profile: 'swarm' });
      expect(varyPlan(plan, { profile: 'swarm' })).toEqual(varied);
      for (const kind of kindsOf(varied)) kept.set(kind, (kept.get(kind) ?? 0) + 1);
    }
    for (const kind of ['crash', 'hold', 'pause', 'stop']) {
      // Of 60 fair coins fewer than 12 or more than 48 are heads once in a million times.
      expect(kept.get(kind)).toBeGreaterThan(12);
      expect(kept.get(kind)).toBeLessThan(48);
    }
  });
});

describe('chaos', () => {
  test('brings every fault that takes nothing away for good, and keeps those that were there', () => {
    const plan = makePlan(crashRestart, '3');
    const kinds = new Set<string>();
    for (let seed = 1; seed <= 12; seed++) {
      const each = makePlan(crashRestart, String(seed));
      const varied = varyPlan(each, { profile: 'chaos' });
      for (const kind of kindsOf(varied)) kinds.add(kind);
      expect(varied.faults).toEqual(expect.arrayContaining([...each.faults]));
      expect(varied.operations).toBe(each.operations);
      expect(readPlan(formatPlan(varied), 'plan')).toEqual(varied);
    }
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        ...['partition', 'one-way', 'cut', 'hold', 'crash', 'power-loss', 'stop', 'pause', 'slow-disk'],
        ...['disk-errors', 'disk-full', 'disk-stall', 'link'],
      ]),
    );
    expect(varyPlan(plan, { profile: 'chaos' })).toEqual(varyPlan(plan, { profile: 'chaos' }));
  });

  test('leaves plans alone that take something away themselves', () => {
    for (const name of ['twin-names', 'wiped-disk', 'member-leaves', 'bit-rot', 'minority-dies-for-good']) {
      const plan = makePlan(findScenario(name), '1');
      expect(varyPlan(plan, { profile: 'chaos' })).toBe(plan);
    }
  });

  test('asks for no budget, and what is switched off it does not bring', () => {
    const plan = makePlan(findScenario('calm'), '1');
    const varied = varyPlan(plan, { profile: 'chaos', without: ['crash', 'power-loss'] });
    expect(plan.budgets).toBeDefined();
    expect(varied.budgets).toBeUndefined();
    expect(kindsOf(varied)).toContain('disk-stall');
    expect(kindsOf(varied)).not.toContain('crash');
    expect(kindsOf(varied)).not.toContain('power-loss');
  });

  test('is survived by every scenario', () => {
    for (const scenario of catalogue) {
      const { violations } = runPlan(varyPlan(makePlan(scenario, '1'), { profile: 'chaos' }));
      expect({ name: scenario.name, violations }).toEqual({ name: scenario.name, violations: [] });
    }
  });
});
