import { describe, expect, test } from 'vitest';
import { mermaidDiagram, shivizLog, traceEvents, type Story } from '../../../scenarios/index.js';
import { HistoryBuilder } from '../oracles/history-builder.js';
import { hostileStory, overtaking, storyOf, storyOfScenario } from './stories.js';

interface TraceEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly id?: number;
  readonly cat?: string;
  readonly name: string;
}

describe('the log for ShiViz', () => {
  /** As ShiViz reads it: the first line is the expression, the second the delimiter. */
  function parse(
    log: string,
  ): readonly { readonly host: string; readonly clock: Map<string, number>; event: string }[] {
    const [pattern = '', delimiter, ...lines] = log.split('\n');
    expect(delimiter).toBe('');
    const found = [...lines.join('\n').matchAll(new RegExp(pattern, 'g'))];
    expect(found.map(([whole]) => whole).join('\n')).toBe(lines.join('\n').trimEnd());
    return found.map(({ groups: { host = '', clock = '', event = '' } = {} }) => ({
      host,
      clock: new Map(Object.entries(JSON.parse(clock) as Record<string, number>)),
      event,
    }));
  }

  test('has every event, with its clock', () => {
    const events = parse(shivizLog(storyOf(overtaking)));
    expect(events).toHaveLength(overtaking.events.length);
    expect(events.at(-1)).toEqual({
      host: 'c',
      clock: new Map([
        ['a', 2],
        ['b', 3],
        ['c', 2],
      ]),
      event: '0.009 s given b:1 at position 1',
    });
  });

  test.each(['crash-restart', 'swarm'])(
    'counts each line of %s by one, and knows nothing that has not happened',
    (name) => {
      const seen = new Map<string, number>();
      for (const { host, clock } of parse(shivizLog(storyOfScenario(name)))) {
        expect(clock.get(host)).toBe((seen.get(host) ?? 0) + 1);
        seen.set(host, clock.get(host) ?? 0);
        for (const [other, count] of clock) expect(count).toBeLessThanOrEqual(seen.get(other) ?? 0);
      }
    },
  );

  test('an event is one line, whatever others wrote into it', () => {
    expect(parse(shivizLog(hostileStory()))).toHaveLength(hostileStory().history.length);
  });
});

describe('the diagram for Mermaid', () => {
  test('shows who sent what to whom, who was never given it, and the verdict', () => {
    expect(mermaidDiagram(storyOf(overtaking, { faults: [] })).split('\n')).toEqual([
      'sequenceDiagram',
      '  participant n0 as a',
      '  participant n1 as b',
      '  participant n2 as c',
      '  Note over n0,n2: left out, for they are not about it: 1 of 10 events',
      '  Note over n1: 0.001 s start at 0',
      '  Note over n2: 0.002 s start at 0',
      '  Note over n0: 0.003 s broadcast a:1',
      '  Note over n0: 0.004 s accepted a:1',
      '  Note over n0: 0.005 s given a:1 at position 1',
      '  n0->>n1: 0.006 s given a:1 at position 1',
      '  Note over n1: 0.007 s broadcast b:1',
      '  Note over n1: 0.008 s given b:1 at position 2',
      '  n1->>n2: 0.009 s given b:1 at position 1',
      '  Note over n2: was never given a:1',
      '  Note over n0,n2: causal-order violated',
      '',
    ]);
  });

  test('stays small, however long the run', () => {
    const long = new HistoryBuilder('a b c d e f g h i j k l m n');
    for (let seq = 1; seq <= 500; seq++) long.broadcast(`a:${seq}`).deliver('b', `a:${seq}`);
    long.deliver('c', 'b:1');
    const lines = mermaidDiagram({ ...storyOf(long), violation: undefined }).split('\n');
    expect(lines.length).toBeLessThan(80);
    expect(lines.filter((line) => line.includes('participant')).length).toBeLessThanOrEqual(12);
    expect(lines.join('\n')).toMatch(/left out, for they are not about it: \d+ of 1015 events/);
  });

  test('text of others stays text', () => {
    const lines = mermaidDiagram(hostileStory()).trimEnd().split('\n');
    expect(lines[0]).toBe('sequenceDiagram');
    for (const line of lines.slice(1)) {
      expect(line).toMatch(
        /^ {2}(participant n\d as \w+|(Note over n\d(,n\d)?|n\d->>n\d): [^<>"'`\\[\]%;#]*(#\d+;[^<>"'`\\[\]%;#]*)*)$/,
      );
      expect(line.replace(/^.*?: /, '')).not.toMatch(/\bend\b/i);
    }
  });

  test('a run that holds, or without any event, is a diagram too', () => {
    expect(mermaidDiagram(storyOf(new HistoryBuilder('a b'), { faults: [] }))).toContain('every property held');
    const empty: Story = { ...storyOf(new HistoryBuilder('a'), { faults: [] }), history: [], nodes: [] };
    expect(mermaidDiagram(empty)).toBe('sequenceDiagram\n');
  });
});

describe('the trace for Perfetto', () => {
  const parse = (story: Story): readonly TraceEvent[] =>
    (JSON.parse(traceEvents(story)) as { readonly traceEvents: readonly TraceEvent[] }).traceEvents;

  test('has a process for the network and one for each node', () => {
    const events = parse(storyOf(overtaking));
    const names = events.filter(({ name }) => name === 'process_name');
    expect(names).toMatchObject(
      ['network', 'a', 'b', 'c'].map((name, index) => ({ ph: 'M', pid: index + 1, args: { name } })),
    );
  });

  test('a message flows from the slice of its broadcast to that of each delivery', () => {
    const events = parse(storyOf(overtaking));
    const slices = events.filter(({ ph }) => ph === 'X');
    const hasSlice = ({ pid, tid, ts }: TraceEvent): boolean =>
      slices.some((slice) => slice.pid === pid && slice.tid === tid && slice.ts === ts);
    const begins = events.filter(({ ph }) => ph === 's');
    const ends = events.filter(({ ph }) => ph === 'f');
    expect(slices).toHaveLength(overtaking.events.length);
    expect(begins.map(({ pid, ts }) => [pid, ts])).toEqual([
      [2, 3000],
      [2, 3000],
      [3, 7000],
      [3, 7000],
    ]);
    expect(ends.map(({ pid, ts }) => [pid, ts])).toEqual([
      [2, 5000],
      [3, 6000],
      [3, 8000],
      [4, 9000],
    ]);
    expect(begins.map(({ id }) => id)).toEqual(ends.map(({ id }) => id));
    expect([...begins, ...ends].every(hasSlice)).toBe(true);
  });

  test('every span of a fault that begins ends, and the verdict stands in it', () => {
    const story = storyOfScenario('swarm');
    const events = parse({ ...story, violation: storyOf(overtaking).violation });
    const ids = (ph: string): unknown[] => events.filter((event) => event.ph === ph).map(({ id }) => id);
    expect(ids('b').length).toBeGreaterThan(0);
    expect(ids('e')).toEqual(ids('b'));
    expect(events.at(-1)).toMatchObject({ ph: 'i', s: 'g', name: 'causal-order violated' });
  });

  test('is JSON whatever others wrote', () => {
    expect(parse(hostileStory()).length).toBeGreaterThan(hostileStory().history.length);
  });
});
