import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import fc from 'fast-check';
import { nodeName } from '../../../core/index.js';
import { formatPlan, lines, makePlan, readPlan, scenario, type Plan } from '../../../scenarios/index.js';

const folder = mkdtempSync(join(tmpdir(), 'antecedent-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

function planOf(input: Uint8Array, nodes = 3): Plan {
  const path = join(folder, 'input');
  writeFileSync(path, input);
  return makePlan(scenario('lines', { about: '', nodes, workload: lines({ input: path, perSecond: 100 }) }), '1');
}

/** What the nodes will broadcast, in order. */
function payloads(plan: Plan): Buffer[] {
  const application = lines({ lines: [], perSecond: 1 }).createApplication(nodeName('a'));
  return plan.operations.map((operation, index) =>
    Buffer.from(application.perform({ ...operation, number: index + 1 }) ?? []),
  );
}

test.each<[what: string, input: string, expected: readonly string[]]>([
  ['an empty file', '', []],
  ['one line', 'a\n', ['a']],
  ['a last line without newline', 'a\nb', ['a', 'b']],
  ['empty lines', '\n\na\n\n', ['', '', 'a', '']],
  ['carriage returns', 'a\r\nb\rc\r\n', ['a\r', 'b\rc\r']],
  ['a byte order mark', '\uFEFFa\n', ['\uFEFFa']],
])('%s: broadcasts the bytes between the newlines', (_what, input, expected) => {
  expect(payloads(planOf(Buffer.from(input))).map(String)).toEqual(expected);
});

test('any bytes come through the text of a plan as they were', () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => array.map((byte) => (byte % 5 === 0 ? 0x0a : byte)));
  fc.assert(
    fc.property(bytes, (input) => {
      const plan = readPlan(formatPlan(planOf(input)), 'plan.json');
      const ends = input.at(-1) === 0x0a || input.length === 0;
      const joined = payloads(plan).map((line) => Buffer.concat([line, Buffer.from('\n')]));
      expect(Buffer.concat(joined)).toEqual(Buffer.concat([input, Buffer.from(ends ? '' : '\n')]));
    }),
    { numRuns: 60 },
  );
});

test('a line that is UTF-8 is readable in the plan, another is base64', () => {
  const plan = planOf(Buffer.from([0xc3, 0xa9, 0x0a, 0xff, 0x0a]));
  expect(plan.operations).toMatchObject([
    { kind: 'line', text: 'é' },
    { kind: 'bytes', base64: '/w==' },
  ]);
});

test('lines go to the nodes in turn, at the rate', () => {
  const { operations } = planOf(Buffer.from('1\n2\n3\n4\n'), 3);
  expect(operations.map(({ node, atMs }) => [node, atMs])).toEqual([
    ['a', 0],
    ['b', 10],
    ['c', 20],
    ['a', 30],
  ]);
});

test('refuses a file that is not there, a newline inside a line, and a rate of nothing', () => {
  expect(() => lines({ input: join(folder, 'missing'), perSecond: 1 })).toThrow(/cannot read .*missing.*ENOENT/);
  expect(() => lines({ lines: ['a\nb'], perSecond: 1 })).toThrow('holds a newline');
  expect(() => lines({ lines: [], perSecond: 0 })).toThrow('is not above 0');
});
