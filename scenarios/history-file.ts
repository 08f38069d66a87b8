/**
 * Histories as files of JSON lines: recorded by a simulated run, or by whoever watches a real cluster.
 *
 *     {"history":1,"title":"partition-heal, seed 1","nodes":["a","b"]}
 *     {"event":"broadcast","atMs":5,"node":"a","seq":1,"payload":"hello"}
 *     {"event":"deliver","atMs":9,"node":"b","origin":"a","seq":1,"position":1,"payload":"hello"}
 *     {"event":"end","atMs":20,"live":["a","b"]}
 *
 * One object a line: first what is judged, then the events in the order in which they happened, and at last, if the run came
 * to its end, who was up then. The words are those that the daemon prints. Nothing is guessed: an unknown key, a time that
 * goes back, a line behind the end are errors, each with the number of its line; a file that was cut off has no end.
 */
import { AntecedentError, type Dot } from '../core/index.js';
import {
  historyVersion,
  readEndLine,
  readEventLine,
  readHeaderLine,
  type EndLine,
  type EventLine,
  type HeaderLine,
} from './history-schema.js';
import type { HistoryEvent } from './history.js';
import { judgeOptions } from './judge-options.js';
import type { End } from './oracles/convergence.js';
import type { JudgeOptions } from './oracles/judge.js';
import type { RunResult } from './run.js';

/** A history with what is needed to judge it. */
export interface RecordedHistory {
  /** For people. */
  readonly title: string;
  readonly judged: Required<JudgeOptions>;
  readonly events: readonly HistoryEvent[];
  /** Undefined when the recording stopped before the run did. */
  readonly end: End | undefined;
}

/** A history from a file. */
export interface HistoryFile extends RecordedHistory {
  /** How errors name the file. */
  readonly source: string;
  /** The number of the line of each event. */
  readonly lineNumbers: readonly number[];
}

/** More problems than this are counted, not listed. */
const problemsShownMax = 10;

/** The result must have its history. */
export function recordRun(result: RunResult): RecordedHistory {
  const { plan, history = [], end } = result;
  return { title: `${plan.scenario}, seed ${plan.seed}`, judged: judgeOptions(plan), events: history, end };
}

/** Ends with a newline. */
export function formatHistory({ title, judged, events, end }: RecordedHistory): string {
  const { nodes, expectedStops, demotes } = judged;
  const header = {
    history: historyVersion,
    title,
    nodes,
    ...(expectedStops.length === 0 ? {} : { expectedStops }),
    ...(demotes ? { demotes } : {}),
  };
  const lines: unknown[] = [header, ...events.map(toLine), ...(end === undefined ? [] : [{ event: 'end', ...end }])];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function toLine(event: HistoryEvent): object {
  const { type, atMs, node, ...rest } = event;
  const begin = { event: type, atMs, node };
  if (event.type === 'stable') return { ...begin, clock: Object.fromEntries(event.clock) };
  const { dot, payload, ...facts } = { dot: undefined, payload: undefined, ...rest };
  return { ...begin, ...dot, ...facts, ...(payload === undefined ? {} : payloadFields(payload)) };
}

/** As text where the bytes are UTF-8, otherwise in base64. */
function payloadFields(payload: Uint8Array): { readonly payload: string } | { readonly payloadBase64: string } {
  const text = new TextDecoder().decode(payload);
  const bytes = new TextEncoder().encode(text);
  const isSame = bytes.length === payload.length && bytes.every((byte, index) => byte === payload[index]);
  return isSame ? { payload: text } : { payloadBase64: toBase64(payload) };
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

// --- Reading ---------------------------------------------------------------------------------------------------------

/** True for what can only be a history: its first line says so. */
export function isHistory(text: string): boolean {
  return /^\s*\{\s*"history"\s*:/.test(text);
}

/** Reads a history. `source` names it in errors. Throws `E_HISTORY`. */
export function readHistory(text: string, source: string): HistoryFile {
  const reader = new HistoryReader(source);
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() !== '') reader.take(line, index + 1);
  }
  return reader.result();
}

class HistoryReader {
  readonly #source: string;
  readonly #events: HistoryEvent[] = [];
  readonly #lineNumbers: number[] = [];
  readonly #problems: string[] = [];
  #header: HeaderLine | undefined;
  #end: EndLine | undefined;
  #latestMs = 0;

  constructor(source: string) {
    this.#source = source;
  }

  take(text: string, lineNumber: number): void {
    const problem = (words: string): void => {
      this.#problems.push(`line ${lineNumber}: ${words}`);
    };
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (cause) {
      problem(`no JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
      return;
    }
    if (this.#header === undefined) {
      this.#header = readHeaderLine(document, problem);
      // What follows cannot be understood without it.
      if (this.#problems.length > 0) throw this.#refusal();
      return;
    }
    if (this.#end !== undefined) {
      problem('behind the end; the line with "end" is the last');
      return;
    }
    const line = isEnd(document) ? readEndLine(document, problem) : readEventLine(document, problem);
    if (line === undefined) return;
    if (line.atMs < this.#latestMs) {
      problem(
        `atMs ${line.atMs} is before ${this.#latestMs} of a line above; write events in the order of their times`,
      );
    }
    this.#latestMs = Math.max(this.#latestMs, line.atMs);
    if (line.event === 'end') this.#end = line;
    else {
      this.#events.push(toEvent(line));
      this.#lineNumbers.push(lineNumber);
    }
  }

  result(): HistoryFile {
    if (this.#header === undefined && this.#problems.length === 0) {
      this.#problems.push(`the file is empty; its first line is {"history":${historyVersion},"nodes":[...]}`);
    }
    if (this.#header === undefined || this.#problems.length > 0) throw this.#refusal();
    const { title = this.#source, nodes, expectedStops = [], demotes = false } = this.#header;
    return {
      source: this.#source,
      title,
      judged: { nodes, expectedStops, demotes },
      events: this.#events,
      end: this.#end === undefined ? undefined : toEnd(this.#end),
      lineNumbers: this.#lineNumbers,
    };
  }

  #refusal(): AntecedentError {
    const shown = this.#problems.slice(0, problemsShownMax).map((problem) => `\n  ${problem}`);
    const rest = this.#problems.length - shown.length;
    const more = rest > 0 ? `\n  and ${rest} more` : '';
    return new AntecedentError('E_HISTORY', `${this.#source} is no history:${shown.join('')}${more}`);
  }
}

function isEnd(document: unknown): boolean {
  return typeof document === 'object' && document !== null && 'event' in document && document.event === 'end';
}

function toEnd({ atMs, live, busy, idle }: EndLine): End {
  return { atMs, live, busy: busy ?? false, ...(idle === undefined ? {} : { idle }) };
}

function toEvent(line: EventLine): HistoryEvent {
  const { event: type, atMs, node, ...rest } = line;
  // The schema has seen to it that each kind has its fields, and no others.
  const make = (fields: object): HistoryEvent => ({ type, atMs, node, ...fields }) as HistoryEvent;
  if (type === 'start') return make({ position: rest.position });
  const { origin = node, incarnation = 1, seq, payload, payloadBase64, clock, ...facts } = rest;
  if (clock !== undefined) return make({ clock: Object.entries(clock) });
  if (seq === undefined) return make(facts);
  const dot: Dot = { origin, incarnation, seq };
  if (payload !== undefined) return make({ dot, payload: new TextEncoder().encode(payload), ...facts });
  return make({ dot, ...(payloadBase64 === undefined ? {} : { payload: fromBase64(payloadBase64) }), ...facts });
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
