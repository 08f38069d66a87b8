/** Every fault can be switched off, and nothing else changes with it. */
import { expect, test } from 'vitest';
import {
  addMember,
  at,
  backup,
  bitRot,
  catalogue,
  clockDrift,
  clockJump,
  crash,
  cut,
  diskErrors,
  diskFull,
  diskStall,
  faultSwitchNames,
  hold,
  link,
  lyingDisk,
  mailboxes,
  makePlan,
  ms,
  oneWay,
  partition,
  pause,
  poison,
  powerLoss,
  readPlan,
  formatPlan,
  removeMember,
  restoreBackup,
  runPlan,
  scenario,
  seconds,
  slowDisk,
  stop,
  timersLate,
  twin,
  wipe,
  withoutFaults,
  type Fault,
  type FaultSwitch,
  type Plan,
} from '../../scenarios/index.js';

const briefly = { for: ms(200) };

/** One fault for each switch, and by what the plan shows that it is there. */
const examples: Readonly<Record<FaultSwitch, Fault>> = {
  partition: partition('halves', briefly),
  'one-way': oneWay('any', briefly),
  cut: cut('any'),
  hold: hold('any', briefly),
  loss: link({ loss: 0.1 }, briefly),
  duplication: link({ duplication: 0.1 }, briefly),
  reordering: link({ reordering: 0.1, reorderDelayMs: 7 }, briefly),
  corruption: link({ corruption: 0.1 }, briefly),
  splitting: link({ splitting: 0.1 }, briefly),
  'slow-link': link({ bytesPerMs: 9, latency: { minMs: 10, maxMs: 90 } }, briefly),
  crash: crash('any', briefly),
  'power-loss': powerLoss('any', briefly),
  'torn-write': slowDisk('any', { profile: { tornWrite: 0.9 }, ...briefly }),
  stop: stop('any', briefly),
  pause: pause('any', briefly),
  'slow-disk': slowDisk('any', briefly),
  'disk-errors': diskErrors('any', { sync: 0.5, ...briefly }),
  'disk-full': diskFull('any', briefly),
  'disk-stall': diskStall('any', briefly),
  'bit-rot': bitRot('any'),
  'lying-disk': lyingDisk('any', { phantom: 0.5, ...briefly }),
  wipe: wipe('any', briefly),
  'restore-backup': restoreBackup('a', briefly),
  twin: twin('any', briefly),
  'clock-jump': clockJump('any', { by: ms(300) }),
  'clock-drift': clockDrift('any', { rate: 2, ...briefly }),
  'timers-late': timersLate('any', { by: ms(50), ...briefly }),
  poison: poison('any', briefly),
  'slow-apply': backup('b'),
  'add-member': addMember('e'),
  'remove-member': removeMember('d'),
};

/** Does all of them, one after the other, so that each one's end is its own. */
const everything = scenario('everything', {
  about: 'Every fault that there is.',
  nodes: 4,
  joiners: ['e'],
  workload: mailboxes({ perSecond: 10, for: seconds(1) }),
  application: { memory: 'position', applyMs: { minMs: 1, maxMs: 2 } },
  link: { loss: 0.01, cut: 0.01, bytesPerMs: 500 },
  faults: Object.values(examples).map((fault, index) => at(ms(100 + index * 300), fault)),
});

const plan = makePlan(everything, '1');

/** Where, after which faults begin, the one of this name does. */
function faultsOf(name: FaultSwitch, { faults }: Plan): Plan['faults'] {
  const fromMs = 100 + Object.keys(examples).indexOf(name) * 300;
  return faults.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 300);
}

/** What only ends something that is not there. */
const ends = new Set<string>(['heal', 'release', 'resume', 'restart']);

test.each(faultSwitchNames.filter((name) => name !== 'slow-apply'))('without %s its fault is gone', (name) => {
  const varied = withoutFaults(plan, new Set([name]));
  expect(faultsOf(name, plan).some(({ kind }) => !ends.has(kind))).toBe(true);
  expect(faultsOf(name, varied).filter(({ kind }) => !ends.has(kind))).toEqual([]);
});

test.each(faultSwitchNames)('without %s the rest of the plan is as it was, and can be read', (name) => {
  const varied = withoutFaults(plan, new Set([name]));
  expect(varied).not.toEqual(plan);
  expect(readPlan(formatPlan(varied), 'plan')).toEqual(varied);
  const { faults, options, ...rest } = varied;
  expect(rest).toEqual({ ...plan, faults: undefined, options: undefined, ...rest });
  // Everything that is left was there before.
  const before = plan.faults.map((fault) => JSON.stringify(fault));
  expect(faults.every((fault) => before.includes(JSON.stringify(fault)))).toBe(true);
  expect(options.timings).toEqual(plan.options.timings);
});

test('rates of links, torn writes and slow applications are options of a plan, and go with their switches', () => {
  const { options } = withoutFaults(plan, new Set(['loss', 'cut', 'slow-link', 'torn-write', 'slow-apply']));
  expect(options.link).toEqual({ ...plan.options.link, loss: 0, cut: 0, bytesPerMs: 'unlimited' });
  expect(options.disk).toEqual({ ...plan.options.disk, tornWrite: 0 });
  for (const mode of Object.values(options.applications)) expect(mode).toEqual({ memory: 'position' });
});

test('a fault of several parts keeps those that are not switched off', () => {
  const mixed = scenario('mixed', {
    about: 'Two things at once.',
    nodes: 2,
    workload: mailboxes({ perSecond: 10, for: seconds(1) }),
    faults: [at(ms(100), link({ loss: 0.5, duplication: 0.25 }, { direction: 'all' }))],
  });
  const { faults } = withoutFaults(makePlan(mixed, '1'), new Set(['loss']));
  expect(faults).toMatchObject([{ kind: 'link', profile: { duplication: 0.25 } }]);
  expect(faults[0]).not.toHaveProperty('profile.loss');
});

test('without any fault every scenario of the catalogue holds, and none is counted', () => {
  const off = new Set(faultSwitchNames);
  for (const each of catalogue) {
    const { violations, faults } = runPlan(withoutFaults({ ...makePlan(each, '1') }, off));
    expect({ name: each.name, violations, faults }).toEqual({ name: each.name, violations: [], faults: {} });
  }
});
