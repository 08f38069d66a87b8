import { describe, expect, test } from 'vitest';
import { nodeName } from '../../core/index.js';
import {
  checkHistory,
  findScenario,
  formatHistory,
  isHistory,
  makePlan,
  readHistory,
  recordRun,
  runPlan,
  type HistoryEvent,
  type RunResult,
} from '../../scenarios/index.js';
import { hopelessPlan } from '../cli/hopeless-plan.js';
import { HistoryBuilder } from './oracles/history-builder.js';

const header = '{"history":1,"nodes":["a","b"]}';

function read(...lines: readonly string[]): ReturnType<typeof readHistory> {
  return readHistory([header, ...lines].join('\n'), 'h.jsonl');
}

function recordedRun(scenario: string, seed = '1'): RunResult {
  return runPlan(makePlan(findScenario(scenario), seed), { keepHistory: true });
}

/** Clocks of stable messages come as whatever can be iterated. */
function plain(events: readonly HistoryEvent[]): readonly unknown[] {
  return events.map((event) => (event.type === 'stable' ? { ...event, clock: [...event.clock] } : event));
}

describe('what a run records', () => {
  test.each(['crash-restart', 'bit-rot', 'twin-names', 'member-leaves', 'poison-message'])(
    'of %s is read back as it was, and judged as it was',
    (scenario) => {
      const result = recordedRun(scenario);
      const text = formatHistory(recordRun(result));
      const file = readHistory(text, 'h.jsonl');
      expect(formatHistory(file)).toBe(text);
      expect(file.title).toBe(`${scenario}, seed 1`);
      const verdict = checkHistory(file);
      expect(verdict).toMatchObject({ verdict: 'pass', broadcasts: result.broadcasts, deliveries: result.deliveries });
      expect(result.properties).toEqual(expect.arrayContaining([...verdict.properties]));
    },
  );

  test('of a run that is violated at its end is violated in the same way', () => {
    const result = runPlan(hopelessPlan(), { keepHistory: true });
    const verdict = checkHistory(readHistory(formatHistory(recordRun(result)), 'h.jsonl'));
    expect(verdict.violation).toEqual(result.violations[0]);
    expect(verdict.verdict).toBe('liveness');
  });

  test('every kind of event is read back as it was', () => {
    const { events } = new HistoryBuilder('a b')
      .broadcast('a:1')
      .acceptedOn('a:1', 2, 'a b')
      .deliverOne('a', 'a:1', { stateDigest: 7 })
      .skipped('b', 'a:1')
      .stable('a', 'a:1 b~2:3')
      .dropped('a', 'a:1', 'a b')
      .joined('c', { node: 'a', position: 1, stateDigest: 7 })
      .removed('c')
      .alarm('a', 'E_PEER_FORGOT', 'b')
      .damaged('b')
      .stopped('b', 'E_LOG_CORRUPT', 'starting')
      .rebuilt('b')
      .setBack('b', 0)
      .start('b', undefined)
      .crash('b')
      .closed('a', 1)
      .twin('d', 'a', 1);
    const expectedStops = [{ node: nodeName('a'), code: 'E_X', phases: ['closing' as const] }];
    const judged = { nodes: [nodeName('a'), nodeName('b')], expectedStops, demotes: true };
    const recorded = { title: 't', judged, events, end: undefined };
    const file = readHistory(formatHistory(recorded), 'h.jsonl');
    expect(plain(file.events)).toEqual(plain(events));
    expect(file.judged).toEqual(recorded.judged);
    expect(new Set(events.map(({ type }) => type)).size).toBe(17);
  });

  test('bytes that are no text survive, and a mark at the beginning of a text too', () => {
    const payloads = [Uint8Array.of(0xff, 0, 0xc3), new TextEncoder().encode('\ufeffx'), new Uint8Array()];
    const builder = new HistoryBuilder('a');
    for (const [index, payload] of payloads.entries()) {
      const [event] = new HistoryBuilder('a').broadcast(`a:${index + 1}`).events.slice(-1);
      if (event?.type === 'broadcast') builder.events.push({ ...event, payload, atMs: index + 5 });
    }
    const [node] = builder.events.map((event) => event.node);
    if (node === undefined) throw new Error('the history is empty');
    const judged = { nodes: [node], expectedStops: [], demotes: false };
    const text = formatHistory({ title: 't', judged, events: builder.events, end: undefined });
    expect(readHistory(text, 'h').events).toEqual(builder.events);
  });
});

describe('a history written by somebody else', () => {
  const broadcast = '{"event":"broadcast","atMs":5,"node":"a","seq":1,"payload":"hello"}';
  const deliver = (node: string, atMs: number): string =>
    `{"event":"deliver","atMs":${atMs},"node":"${node}","origin":"a","seq":1,"position":1,"payload":"hello"}`;
  const end = '{"event":"end","atMs":20,"live":["a","b"]}';

  test('needs no more than broadcasts, deliveries and an end', () => {
    expect(checkHistory(read(broadcast, deliver('a', 6), deliver('b', 9), end)).verdict).toBe('pass');
  });

  test('shows what was never delivered', () => {
    const { verdict, violation } = checkHistory(read(broadcast, deliver('a', 6), end));
    expect([verdict, violation?.sentence]).toEqual([
      'liveness',
      'b was never given a:1, though it had the time; a has it.',
    ]);
  });

  test('shows what was delivered too early, also without an end', () => {
    const { verdict, violation } = checkHistory(read(deliver('b', 1)));
    expect([verdict, violation?.property]).toEqual(['safety', 'no-creation']);
  });

  test('without its end is undecided at best', () => {
    expect(checkHistory(read(broadcast, deliver('a', 6), deliver('b', 9))).verdict).toBe('undecided');
  });

  test('may have empty lines and those of another system', () => {
    expect(readHistory(`${header}\r\n\r\n${broadcast}\r\n`, 'h').events).toHaveLength(1);
  });

  test.each<[lines: readonly string[], problem: string]>([
    [['{"event":'], 'line 2: no JSON'],
    [['{"event":"delivr","atMs":1,"node":"a"}'], 'line 2: event: no such event; use one of start, broadcast'],
    [['{"event":"crash","atMs":1,"node":"a","why":"x"}'], 'line 2: Unrecognized key: "why"'],
    [['{"event":"crash","atMs":-1,"node":"a"}'], 'line 2: atMs: Too small'],
    [['{"event":"crash","atMs":1,"node":"a b"}'], 'line 2: node: no node name'],
    [
      ['{"event":"broadcast","atMs":1,"node":"a","seq":1}'],
      'line 2: give either "payload", a text, or "payloadBase64"',
    ],
    [['{"event":"broadcast","atMs":1,"node":"a","seq":1,"payloadBase64":"?"}'], 'line 2: payloadBase64'],
    [[broadcast, '{"event":"crash","atMs":4,"node":"a"}'], 'line 3: atMs 4 is before 5 of a line above'],
    [[end, broadcast], 'line 3: behind the end'],
  ])('%j is refused: %s', (lines, problem) => {
    expect(() => read(...lines)).toThrow(problem);
  });

  test.each([
    ['', 'the file is empty'],
    [broadcast, 'the first line is {"history":1,"nodes":["a","b"]}'],
    ['{"history":2,"nodes":["a"]}', 'line 1: history: this program reads histories of version 1'],
    ['{"history":1,"nodes":[]}', 'line 1: nodes: Too small'],
    ['{"history":1,"nodes":["a","a"]}', 'line 1: nodes: a name occurs twice'],
  ])('a file that begins with %j is refused: %s', (text, problem) => {
    expect(() => readHistory(text, 'h.jsonl')).toThrow(problem);
  });

  test('names the first problems and counts the others', () => {
    const lines = Array.from({ length: 15 }, () => '{}');
    expect(() => read(...lines)).toThrow(/line 11: .*\n {2}and 5 more$/s);
  });

  test.each([
    [['{"event":"crash","atMs":1,"node":"c"}'], 'h.jsonl contradicts itself in line 2: the history names node c'],
    [
      [broadcast, '{"event":"start","atMs":9,"node":"b","position":3}'],
      'h.jsonl contradicts itself in line 3: node b is said to have stored position 3',
    ],
    [['{"event":"end","atMs":1,"live":["c"]}'], 'h.jsonl contradicts itself in its end: the history names node c'],
  ])('%j contradicts itself: %s', (lines, problem) => {
    expect(() => checkHistory(read(...lines))).toThrow(problem);
  });

  test('is told from a plan by its first line', () => {
    expect([isHistory(`\n ${header}`), isHistory('{\n  "version": 1\n}')]).toEqual([true, false]);
  });
});
