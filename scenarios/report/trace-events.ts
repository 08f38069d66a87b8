/**
 * A history in the Trace Event Format, which https://ui.perfetto.dev and chrome://tracing open.
 *
 * Each node is a process with one row of events and one of what was wrong with it; faults of the network have a process of
 * their own in front. A message is a flow from its broadcast to each delivery. Times are microseconds of the run. What
 * overlaps in time (faults) is written as asynchronous spans, because slices of one thread must nest.
 */
import { bandsOf } from './bands.js';
import { traceCauses } from './causality.js';
import { longEvent } from './event-text.js';
import { formatDot } from '../../core/index.js';
import { previewPayload, visible } from './foreign-text.js';
import type { Story } from './story.js';

type TraceEvent = Readonly<Record<string, unknown>>;

/** Nodes follow; 0 is the idle process to some readers. */
const networkPid = 1;
const eventsTid = 1;
const usPerMs = 1000;
/** Flows begin and end at slices, and a slice without length cannot be clicked on. */
const sliceUs = 1;

/** One JSON document; ends with a newline. */
export function traceEvents(story: Story): string {
  const pids = new Map(story.nodes.map((node, index) => [node, networkPid + index + 1]));
  const events = [...processNames(story, pids), ...faults(story, pids), ...happenings(story, pids), ...verdict(story)];
  const document = { displayTimeUnit: 'ms', otherData: { title: visible(story.title) }, traceEvents: events };
  return `${JSON.stringify(document)}\n`;
}

function* processNames({ nodes }: Story, pids: ReadonlyMap<string, number>): Generator<TraceEvent> {
  const processes = [
    ['network', networkPid] as const,
    ...nodes.map((node) => [node, pids.get(node) ?? networkPid] as const),
  ];
  for (const [name, pid] of processes) {
    yield { ph: 'M', pid, name: 'process_name', args: { name: visible(name) } };
    yield { ph: 'M', pid, name: 'process_sort_index', args: { sort_index: pid } };
    if (pid !== networkPid) yield { ph: 'M', pid, tid: eventsTid, name: 'thread_name', args: { name: 'events' } };
  }
}

function* faults(story: Story, pids: ReadonlyMap<string, number>): Generator<TraceEvent> {
  for (const [id, { fromMs, toMs, node, text, kind }] of bandsOf(story).entries()) {
    const pid = node === undefined ? networkPid : (pids.get(node) ?? networkPid);
    const span = { cat: kind, name: visible(text), pid, tid: eventsTid, id };
    yield { ph: 'b', ts: microseconds(fromMs), ...span };
    yield { ph: 'e', ts: microseconds(Math.max(toMs, fromMs + 0.001)), ...span };
  }
}

function* happenings({ history }: Story, pids: ReadonlyMap<string, number>): Generator<TraceEvent> {
  const { source } = traceCauses(history);
  for (const [index, event] of history.entries()) {
    const place = { pid: pids.get(event.node) ?? networkPid, tid: eventsTid, ts: microseconds(event.atMs) };
    const args = {
      ...('dot' in event ? { message: formatDot(event.dot) } : {}),
      ...('position' in event && event.position !== undefined ? { position: event.position } : {}),
      ...('payload' in event ? { payload: previewPayload(event.payload), bytes: event.payload.length } : {}),
    };
    yield { ph: 'X', cat: event.type, name: visible(longEvent(event)), dur: sliceUs, ...place, args };
    const from = history[source[index] ?? -1];
    if (from === undefined) continue;
    const flow = { cat: 'message', name: 'message', id: index };
    yield { ph: 's', ...flow, pid: pids.get(from.node) ?? networkPid, tid: eventsTid, ts: microseconds(from.atMs) };
    yield { ph: 'f', bp: 'e', ...flow, ...place };
  }
}

function verdict({ violation }: Story): readonly TraceEvent[] {
  if (violation === undefined) return [];
  const name = `${violation.property} violated`;
  const ts = microseconds(violation.atMs);
  return [
    {
      ph: 'i',
      s: 'g',
      cat: 'verdict',
      name,
      pid: networkPid,
      tid: eventsTid,
      ts,
      args: { sentence: violation.sentence },
    },
  ];
}

function microseconds(ms: number): number {
  return Math.round(ms * usPerMs);
}
