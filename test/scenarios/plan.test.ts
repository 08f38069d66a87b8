import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AntecedentError, isNodeName, nodeName } from '../../core/index.js';
import { findInconsistencies } from '../../scenarios/plan-consistency.js';
import {
  at,
  bitRot,
  catalogue,
  crash,
  diskErrors,
  diskFull,
  diskStall,
  failureFileName,
  formatPlan,
  lyingDisk,
  makePlan,
  mailboxes,
  ms,
  partition,
  planJsonSchema,
  powerLoss,
  randomly,
  readPlan,
  scenario,
  seconds,
  swizzle,
  type Plan,
} from '../../scenarios/index.js';

const calm = scenario('quiet', { about: '', nodes: 3, workload: mailboxes({ perSecond: 10, for: seconds(1) }) });

type Path = readonly (string | number)[];

/** The text of a plan in which somebody has put `value` at `path`; undefined takes out what is there. */
function edited(path: Path, value: unknown): string {
  const document: unknown = JSON.parse(formatPlan(makePlan(calm, '1')));
  let place = document as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) place = place[key] as Record<string | number, unknown>;
  place[path.at(-1) ?? ''] = value;
  return JSON.stringify(document);
}

function refusal(text: string): string {
  try {
    readPlan(text, 'plan.json');
  } catch (error) {
    expect(error).toBeInstanceOf(AntecedentError);
    expect((error as AntecedentError).code).toBe('E_PLAN');
    return (error as AntecedentError).message;
  }
  throw new Error('was not refused');
}

describe.each(catalogue.map((entry) => [entry.name, entry] as const))('%s', (_name, entry) => {
  test('a plan comes back from its text as it was', () => {
    for (const seed of ['1', '2', '3', 'any text']) {
      const plan = makePlan(entry, seed);
      expect(readPlan(formatPlan(plan), 'plan.json')).toEqual(plan);
    }
  });

  test('the same seed makes the same plan, another seed another one', () => {
    const text = formatPlan(makePlan(entry, '1'));
    expect(formatPlan(makePlan(entry, '1'))).toBe(text);
    expect(formatPlan(makePlan(entry, '2'))).not.toBe(text.replace('"seed": "1"', '"seed": "2"'));
  });
});

test('every fault of a disk, a supervisor and a loss of power come back from the text', () => {
  const faults = [
    diskErrors('all', { read: 0.1, write: 0.2, sync: 0.3, for: ms(10) }),
    diskErrors('a', {}),
    diskFull('any', { freeBytes: 7, for: ms(10) }),
    diskStall('minority'),
    bitRot('any', { bits: 9 }),
    lyingDisk('any', { phantom: 0.5, for: ms(10) }),
  ];
  const plan = makePlan(
    scenario('disks', {
      about: '',
      nodes: 3,
      workload: mailboxes({ perSecond: 5, for: seconds(1) }),
      faults: faults.map((fault) => at(ms(500), fault)),
      disk: { powerLoss: 'everything' },
      supervisor: { restartAfterMs: ms(30) },
    }),
    '1',
  );
  expect(readPlan(formatPlan(plan), 'plan.json')).toEqual(plan);
  expect(plan.faults).toHaveLength(8);
});

test('deaths for good, swizzles, bridges and budgets come back from the text', () => {
  const faults = [
    crash('a', { forGood: true }),
    powerLoss('b', { forGood: true }),
    partition('bridge'),
    swizzle({ for: ms(100) }),
  ];
  const plan = makePlan(
    scenario('network', {
      about: '',
      nodes: 4,
      workload: mailboxes({ perSecond: 5, for: seconds(1) }),
      faults: faults.map((fault) => at(ms(500), fault)),
      expect: { messagesPerBroadcast: 9.5, bytesPerBroadcast: 100, deliveryP99: ms(50), diskBytesMax: 4096 },
    }),
    '1',
  );
  expect(readPlan(formatPlan(plan), 'plan.json')).toEqual(plan);
});

test('a fault that is taken out of a scenario leaves the others as they were', () => {
  const span = { from: ms(0), until: seconds(5) };
  const faults = [randomly(2, crash('any'), span), randomly(2, partition('random'), span)] as const;
  const define = (chosen: readonly (typeof faults)[number][]) =>
    makePlan(
      scenario('two', { about: '', nodes: 5, workload: mailboxes({ perSecond: 5, for: seconds(1) }), faults: chosen }),
      '9',
    );
  const both = define(faults);
  const onlyCrashes = define(faults.slice(0, 1));
  expect(both.faults.filter((fault) => fault.kind === 'crash')).toEqual(onlyCrashes.faults);
  expect(both.operations).toEqual(onlyCrashes.operations);
});

test('operations and faults are in the order of their times', () => {
  const plan = makePlan(catalogue.at(-1) ?? calm, '5');
  for (const list of [plan.operations, plan.faults]) {
    const times = list.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  }
});

test('the faults end after the last of them and its restart', () => {
  const faults = [at(seconds(3), crash('a', { for: ms(500) }))];
  const plan = makePlan(
    scenario('late', {
      about: '',
      nodes: 2,
      workload: mailboxes({ perSecond: 5, for: seconds(1) }),
      faults,
      expect: { convergeWithin: seconds(2) },
    }),
    '1',
  );
  expect(plan.healedAtMs).toBe(3500);
  expect(plan.deadlineMs).toBe(5500);
});

test.each<[what: string, path: Path, value: unknown, expected: string]>([
  ['another version', ['version'], 2, 'version: it has version 2, this program reads version 1'],
  ['no version', ['version'], undefined, 'version: it has no "version"'],
  ['a missing key', ['nodes'], undefined, 'nodes: missing; add it'],
  ['an unknown key', ['nodez'], 1, 'the document: unknown "nodez"; did you mean "nodes"?'],
  ['a key that is like no other', ['colour'], 1, 'the document: unknown "colour"; remove it'],
  [
    'a parameter of another kind, with the nearest of its own',
    ['faults', 0],
    { atMs: 1, kind: 'crash', node: 'a', restartAfter: 5 },
    'faults[0]: unknown "restartAfter"; did you mean "restartAfterMs"?',
  ],
  [
    'a kind that is nearly one',
    ['faults', 0],
    { atMs: 1, kind: 'partion', groups: [] },
    'faults[0].kind: no such kind; did you mean "partition"? Otherwise use one of partition, ',
  ],
  [
    'a node that is nearly one',
    ['joiners'],
    ['A'],
    'joiners[0]: "A" is no node of this plan (a, b, c); did you mean "a"?',
  ],
  ['a number that is none', ['healedAtMs'], Number.NaN, 'healedAtMs: null is not of type number'],
  [
    'a time in the next century',
    ['deadlineMs'],
    4e12,
    'deadlineMs: 4000000000000 is too large; the most is 1000000000',
  ],
  [
    'more nodes than a cluster has',
    ['nodes'],
    Array.from({ length: 300 }, (_, index) => `n${index}`),
    'nodes: a list of 300 is too large; the most is 256',
  ],
  [
    'a mail of a terabyte',
    ['operations', 0],
    { atMs: 0, node: 'a', kind: 'append', user: 'u', mailbox: 'b', mail: 'm', bytes: 1e12 },
    'operations[0].bytes: 1000000000000 is too large; the most is 16777216',
  ],
  ['a wrong type', ['healedAtMs'], 'soon', 'healedAtMs: "soon" is not of type number; write one that is'],
  ['a negative time', ['operations', 1, 'atMs'], -1, 'operations[1].atMs: -1 is too small; the least is 0'],
  [
    'a negative budget',
    ['budgets'],
    { bytesPerBroadcast: -1 },
    'budgets.bytesPerBroadcast: -1 is too small; the least',
  ],
  [
    'a return of a node that never comes back',
    ['faults'],
    [{ atMs: 1, kind: 'crash', node: 'a', forGood: true, restartAfterMs: 5 }],
    'faults[0].restartAfterMs: this node never comes back; remove it or "forGood"',
  ],
  ['a probability above 1', ['options', 'link', 'loss'], 2, 'options.link.loss: 2 is too large; the most is 1'],
  [
    'an unknown fault',
    ['faults', 0],
    { atMs: 1, kind: 'flood' },
    'faults[0].kind: no such kind; use one of partition, ',
  ],
  [
    'an unknown operation',
    ['operations', 0, 'kind'],
    'x',
    'operations[0].kind: no such kind; use one of create, delete, ',
  ],
  ['a fault without its node', ['faults', 0], { atMs: 1, kind: 'crash' }, 'faults[0].node: missing; add it'],
  ['a name that is no name', ['nodes', 0], '!', 'nodes[0]: "!": no node name; use 1 to 64 of A-Z a-z 0-9 . _ -'],
  [
    'a stranger',
    ['operations', 0, 'node'],
    'z',
    'operations[0].node: "z" is no node of this plan (a, b, c); name one of them or add it to "nodes"',
  ],
  [
    'a stranger in a group',
    ['faults', 0],
    { atMs: 1, kind: 'partition', groups: [['a'], ['b', 'z']] },
    'faults[0].groups[1][1]: "z" is no node of this plan',
  ],
  [
    'a stranger on a link',
    ['faults', 0],
    { atMs: 1, kind: 'hold', from: ['a'], to: ['z'] },
    'faults[0].to[0]: "z" is no node of this plan',
  ],
  [
    'an application of a stranger',
    ['options', 'applications', 'z'],
    { memory: 'mark' },
    'options.applications.z: "z" is no node',
  ],
  [
    'a rate above 1',
    ['faults', 0],
    { atMs: 1, kind: 'disk-errors', node: 'a', sync: 1.5 },
    'faults[0].sync: 1.5 is too large; the most is 1',
  ],
  [
    'a disk error of no kind',
    ['faults', 0],
    { atMs: 1, kind: 'disk-errors', node: 'a', seek: 1 },
    'faults[0]: unknown "seek"; remove it',
  ],
  [
    'less room than none',
    ['faults', 0],
    { atMs: 1, kind: 'disk-full', node: 'a', freeBytes: -1 },
    'faults[0].freeBytes: -1 is too small; the least is 0',
  ],
  [
    'a disk that hangs for less than nothing',
    ['faults', 0],
    { atMs: 1, kind: 'disk-stall', node: 'a', forMs: -1 },
    'faults[0].forMs: -1 is too small; the least is 0',
  ],
  [
    'rot behind the end',
    ['faults', 0],
    { atMs: 1, kind: 'bit-rot', node: 'a', at: 1.1, bits: 1 },
    'faults[0].at: 1.1 is too large; the most is 1',
  ],
  [
    'rot of no bit',
    ['faults', 0],
    { atMs: 1, kind: 'bit-rot', node: 'a', at: 0, bits: 0 },
    'faults[0].bits: 0 is too small; the least is 1',
  ],
  [
    'rot that ends',
    ['faults', 0],
    { atMs: 1, kind: 'bit-rot', node: 'a', at: 0, bits: 1, forMs: 1 },
    'faults[0]: unknown "forMs"; remove it',
  ],
  [
    'a lying disk of a stranger',
    ['faults', 0],
    { atMs: 1, kind: 'lying-disk', node: 'z', phantom: 1 },
    'faults[0].node: "z" is no node of this plan',
  ],
  [
    'a supervisor that does not say when',
    ['options', 'supervisor'],
    {},
    'options.supervisor.restartAfterMs: missing; add it',
  ],
  ['a loss of power of another kind', ['options', 'disk', 'powerLoss'], 'half', 'options.disk.powerLoss: "half"'],
  [
    'a slow disk that changes what a loss of power leaves',
    ['faults', 0],
    { atMs: 1, kind: 'slow-disk', node: 'a', profile: { powerLoss: 'everything' } },
    'faults[0].profile: unknown "powerLoss"; remove it',
  ],
  ['a joiner that is no node', ['joiners'], ['x'], 'joiners[0]: "x" is no node of this plan (a, b, c)'],
  ['joiners alone', ['joiners'], ['a', 'b', 'c'], 'joiners: nobody is left who could add them; remove one'],
  ['a node twice', ['nodes', 3], 'a', 'nodes[3]: "a" is there twice; remove one'],
  ['times out of order', ['operations', 0, 'atMs'], 999.5, 'operations[1].atMs: '],
  [
    'a fault after the end of faults',
    ['faults', 0],
    { atMs: 99_000, kind: 'heal' },
    'faults[0].atMs: 99000 is after healedAtMs',
  ],
  ['no time to converge', ['deadlineMs'], 1, 'deadlineMs: 1 is not after healedAtMs'],
  [
    'more copies than nodes',
    ['operations', 0, 'durable'],
    9,
    'operations[0].durable: 9 is more than the 3 nodes of this plan',
  ],
  [
    'a latency turned round',
    ['options', 'link', 'latency'],
    { minMs: 3, maxMs: 1 },
    'minMs is greater than maxMs; swap them',
  ],
  [
    'a name that breaks payloads',
    ['operations', 0, 'user'],
    'a|b',
    'operations[0].user: "a|b": use at least one character',
  ],
])('refuses %s and says where', (_what, path, value, expected) => {
  const message = refusal(edited(path, value));
  expect(message).toContain('plan.json is no valid plan:');
  expect(message).toContain(expected);
});

test('more deliveries than a run can make are refused with an estimate', () => {
  const nodes = Array.from({ length: 200 }, (_, index) => nodeName(`n${index}`));
  const operation = { atMs: 1, node: nodeName('n1'), kind: 'line', text: '' } as const;
  const large: Plan = {
    ...makePlan(calm, '1'),
    nodes,
    operations: Array(150_000).fill(operation) as Plan['operations'],
  };
  expect(findInconsistencies(large)).toEqual([
    {
      path: ['operations'],
      text: '150000 operations at 200 nodes make about 30 million deliveries, and 20 million are the most; take out operations or nodes',
    },
  ]);
});

test('refuses what is no JSON, and says where', () => {
  expect(refusal('{')).toBe('plan.json:1:2 is no JSON: the text ends where a key in double quotes should be; mend it');
  expect(refusal('{\n  "version": 1,\n  "seed": NaN\n}')).toContain(
    'plan.json:3:11 is no JSON: NaN is no value of JSON',
  );
  expect(refusal('{"version": 1, "version": 1}')).toContain(
    'plan.json:1:16 is no JSON: the key "version" is there twice',
  );
});

test('names the line and the column of each problem', () => {
  const text = formatPlan(makePlan(calm, '1')).replace('"workload"', '"workloda"').replace('"loss":0', '"loss":7');
  const lines = text.split('\n');
  const placeOf = (part: string): string => {
    const line = lines.findIndex((one) => one.includes(part));
    return `${line + 1}:${(lines[line] ?? '').indexOf(part) + 1}`;
  };
  const loss = placeOf('"loss":7').split(':').map(Number) as [number, number];
  expect(refusal(text).split('\n').slice(1)).toEqual([
    '  1:1  workload: missing; add it, it is of type string',
    `  ${loss[0]}:${loss[1] + '"loss":'.length}  options.link.loss: 7 is too large; the most is 1`,
    `  ${placeOf('"workloda"')}  the document: unknown "workloda"; did you mean "workload"?`,
  ]);
});

test('a plan is data: nothing in it leads out of the directory in which it is kept', () => {
  for (const name of ['../../etc/passwd', '/etc/passwd', '..', 'a\0b', 'c:\\x', 'x'.repeat(5000)]) {
    const fileName = failureFileName(name, name);
    expect(fileName).toMatch(/^[A-Za-z0-9._-]{1,205}\.json$/);
    expect(join('runs', fileName)).toBe(`runs/${fileName}`);
  }
  expect(failureFileName('lossy', 7)).toBe('lossy-7.json');
});

test.each([
  [
    () => mailboxes({ perSecond: 100_000, for: seconds(10_000) }),
    'mailboxes: 100000 a second for 10000000 ms are 1000000000 operations',
  ],
  [
    () =>
      makePlan(
        scenario('wide', { about: '', nodes: 1e9, workload: mailboxes({ perSecond: 1, for: seconds(1) }) }),
        '1',
      ),
    'a scenario with 1000000000 nodes',
  ],
])('a scenario of a size that nobody can run is refused: %#', (make, expected) => {
  expect(make).toThrow(expected);
});

test('names all problems at once, up to ten', () => {
  const operation = { atMs: 1, node: 'z', kind: 'line', text: '' };
  const lines = refusal(edited(['operations'], Array(12).fill(operation))).split('\n');
  expect(lines).toHaveLength(12);
  expect(lines[10]).toContain('operations[9].node');
  expect(lines[11]).toBe('  and 2 more');
});

test('the pattern of names in the JSON Schema is the rule of names', () => {
  const { properties } = planJsonSchema() as {
    readonly properties: {
      readonly nodes: { readonly items: { readonly pattern: string; readonly maxLength: number } };
    };
  };
  const { pattern, maxLength } = properties.nodes.items;
  const text = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '.', '_', '-', '/', ' '), maxLength: 70 });
  fc.assert(
    fc.property(text, (name) => {
      expect(name.length <= maxLength && new RegExp(pattern).test(name), name).toBe(isNodeName(name));
    }),
    { numRuns: 2000 },
  );
});

test('steps come back from the text, and name nodes of the plan', () => {
  const steps = [
    { kind: 'operation', node: 'a' },
    { kind: 'deliver', from: 'a', to: 'b' },
    { kind: 'crash', node: 'c' },
  ];
  expect(readPlan(edited(['steps'], steps), 'plan.json').steps).toEqual(steps);
  expect(refusal(edited(['steps'], [{ kind: 'drop', from: 'a', to: 'z' }]))).toContain('steps[0].to: "z" is no node');
  expect(refusal(edited(['steps'], [{ kind: 'deliver', node: 'a' }]))).toContain('steps[0].from: missing; add it');
  expect(refusal(edited(['steps'], [{ kind: 'delivr', from: 'a', to: 'b' }]))).toContain('did you mean "deliver"?');
});

test('a text has one operation a line', () => {
  const plan: Plan = makePlan(calm, '1');
  expect(
    formatPlan(plan)
      .split('\n')
      .filter((line) => line.includes('"atMs"')),
  ).toHaveLength(plan.operations.length);
});
