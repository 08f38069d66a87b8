/** Scenarios of a user's own file, some of which do to a sweep what they should not. */
import {
  lines,
  makePlan,
  ms,
  scenario,
  type Application,
  type Scenario,
  type Workload,
} from '../../scenarios/index.js';

/** Three lines, at once: a run takes milliseconds. */
const fewLines = lines({ lines: ['one', 'two', 'three'], perSecond: 100 });

/** The lines, but at the first message its application does something else. */
function interruptedBy(name: string, act: () => void): Workload {
  return {
    ...fewLines,
    name,
    createApplication: (node): Application => {
      const application = fewLines.createApplication(node);
      return {
        perform: (operation) => application.perform(operation),
        deliver: (): void => {
          act();
        },
        stateDigest: () => application.stateDigest(),
      };
    },
  };
}

/** The seed says whether something happens, so that the others can be seen to go on. */
function unruly(name: string, about: string, act: () => void): Scenario {
  return scenario(name, {
    about,
    vary: (streams) => {
      const isUnruly = streams('unruly').chance(0.3);
      return { nodes: 2, workload: isUnruly ? interruptedBy(name, act) : fewLines };
    },
  });
}

export const quick: Scenario = scenario('quick', { about: 'A few lines.', nodes: 2, workload: fewLines });

export const hanging: Scenario = unruly('hanging', 'Some applications wait for ever.', () => {
  // As a loop without end, but without the heat.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});

export const exiting: Scenario = unruly('exiting', 'Some applications end their process.', () => {
  process.exit(3);
});

export const greedy: Scenario = unruly('greedy', 'Some applications keep more than there is room for.', () => {
  const kept: number[][] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => index + kept.length));
});

export const senseless: Scenario = scenario('senseless', {
  about: 'No plan can be made of it.',
  vary: () => ({ nodes: 0, workload: fewLines }),
});

export const dear: Scenario = scenario('dear', {
  about: 'Costs more than it may.',
  nodes: 2,
  workload: fewLines,
  expect: { messagesPerBroadcast: 0.01 },
});

export const ownWorkload: Scenario = scenario('own-workload', {
  about: 'A workload that no other program knows.',
  nodes: 2,
  workload: { ...fewLines, name: 'my-lines' },
  expect: { convergeWithin: ms(500) },
});

/** The first seed from 1 on for which that scenario is unruly. */
export function firstUnrulySeed({ name, body }: Scenario): number {
  for (let seed = 1; ; seed++) {
    if (makePlan({ name, about: '', body }, String(seed)).workload === name) return seed;
  }
}
