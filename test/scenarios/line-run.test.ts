import { expect, test } from 'vitest';
import { nodeName } from '../../core/index.js';
import { compareLines, findScenario, linesUnderFaults, planLines, type HistoryEvent } from '../../scenarios/index.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What one node was given, as `position:line`. */
function given(node: string, ...deliveries: readonly string[]): HistoryEvent[] {
  return deliveries.map((text, index) => {
    const [position = '', line = ''] = text.split(':');
    const dot = { origin: nodeName('a'), incarnation: 1, seq: index + 1 };
    return {
      type: 'deliver',
      atMs: index,
      node: nodeName(node),
      dot,
      position: Number(position),
      payload: encode(line),
    };
  });
}

const equals = (text: string, history: readonly HistoryEvent[]): boolean | undefined =>
  compareLines(encode(text), ['b'], history).nodes[0]?.isEqual;

test('the order of lines does not matter, their number does', () => {
  expect(equals('x\ny\nx\n', given('b', '1:y', '2:x', '3:x'))).toBe(true);
  expect(equals('x\ny\nx\n', given('b', '1:y', '2:x'))).toBe(false);
  expect(equals('x\ny\nx\n', given('b', '1:y', '2:x', '3:x', '4:x'))).toBe(false);
  expect(equals('x\ny\nx\n', given('b', '1:y', '2:x', '3:y'))).toBe(false);
});

test('what comes again at the same position counts once', () => {
  expect(equals('x\ny\n', given('b', '1:x', '2:y', '2:y'))).toBe(true);
  expect(equals('x\ny\n', given('b', '1:x', '2:y', '1:x', '2:y'))).toBe(true);
});

test('a node that was given the state of another has the lines that were in it', () => {
  const joined: HistoryEvent = {
    type: 'joined',
    atMs: 9,
    node: nodeName('b'),
    state: { node: nodeName('a'), position: 2 },
  };
  const nodesOf = (...history: readonly HistoryEvent[]) => compareLines(encode('x\ny\nz\n'), ['a', 'b'], history).nodes;
  const behind = nodesOf(...given('a', '1:x', '2:y', '3:z'), joined, ...given('b', '3:z'));
  expect(behind.map(({ isEqual }) => isEqual)).toEqual([true, true]);
  expect(nodesOf(...given('a', '1:x', '2:y', '3:z'), joined)[1]).toMatchObject({ lines: 2, isEqual: false });
});

test('two lines are not one line with a break in it', () => {
  expect(equals('xy\n', given('b', '1:x', '2:y'))).toBe(false);
  expect(equals('x', given('b', '1:x'))).toBe(true);
});

test('a node that was given nothing is listed', () => {
  expect(compareLines(encode('x'), ['b', 'c'], given('b', '1:x')).nodes).toMatchObject([
    { node: 'b', lines: 1, isEqual: true },
    { node: 'c', lines: 0, isEqual: false },
  ]);
});

test('plans every line of the file once, under the faults of the scenario', () => {
  const text = Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join('');
  const plan = planLines(findScenario('lossy'), '4', encode(text));
  expect(plan).toMatchObject({ scenario: 'lossy', workload: 'lines', options: { link: { loss: 0.05 } } });
  expect(plan.operations.map((operation) => (operation.kind === 'line' ? `${operation.text}\n` : '')).join('')).toBe(
    text,
  );
  expect(new Set(plan.operations.map(({ node }) => node)).size).toBe(plan.nodes.length);
});

test('a short file is spread over the faults, a long one is not hurried', () => {
  const lastMs = (count: number): number =>
    planLines(linesUnderFaults, '1', encode('x\n'.repeat(count))).operations.at(-1)?.atMs ?? 0;
  expect(lastMs(100)).toBeGreaterThan(1_500);
  expect(lastMs(100)).toBeLessThan(2_500);
  expect(lastMs(10_000)).toBeGreaterThan(9_000);
});
