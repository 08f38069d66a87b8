/**
 * What the lines of a history file may say: one shape for each kind of event, and nothing that is not in it.
 *
 * Names and numbers are checked here; whether the events make sense together is for the judge.
 */
import { z } from 'zod';
import { isNodeName, type NodeName } from '../core/index.js';
import type { HistoryEvent } from './history.js';
import type { ExpectedStop } from './oracles/judge.js';

export const historyVersion = 1;

export interface HeaderLine {
  readonly title?: string;
  readonly nodes: readonly NodeName[];
  readonly expectedStops?: readonly ExpectedStop[];
  readonly demotes?: boolean;
}

export interface EndLine {
  readonly event: 'end';
  readonly atMs: number;
  readonly live: readonly NodeName[];
  readonly busy?: boolean;
  readonly idle?: boolean;
}

/** What several kinds of events have; everything else is named as in `HistoryEvent`. */
export interface EventLine {
  readonly event: HistoryEvent['type'];
  readonly atMs: number;
  readonly node: NodeName;
  readonly origin?: NodeName;
  readonly incarnation?: number;
  readonly seq?: number;
  readonly position?: number;
  readonly payload?: string;
  readonly payloadBase64?: string;
  readonly clock?: Readonly<Record<string, number>>;
}

const time = z.number().min(0);
const wholeNumber = z.number().int().min(0);
const positive = z.number().int().min(1);
const name = z.custom<NodeName>((value) => typeof value === 'string' && isNodeName(value), {
  error: 'no node name; use 1 to 64 of A-Z a-z 0-9 . _ -',
});
const names = z.array(name);
const phase = z.enum(['starting', 'running', 'closing']);

const begin = { atMs: time, node: name };
/** Of what the node of the line has broadcast itself. */
const ownDot = { origin: name.exactOptional(), incarnation: positive.exactOptional(), seq: positive };
const dot = { ...ownDot, origin: name };
const payload = { payload: z.string().exactOptional(), payloadBase64: z.base64().exactOptional() };
const range = z.strictObject({
  origin: name,
  incarnation: positive,
  firstSeq: positive,
  lastSeq: positive,
  holders: names,
});
const state = z.strictObject({ node: name, position: wholeNumber });
const stateDigest = wholeNumber.exactOptional();

const hasOnePayload = {
  check: (line: { readonly payload?: string; readonly payloadBase64?: string }): boolean =>
    (line.payload === undefined) !== (line.payloadBase64 === undefined),
  error: 'give either "payload", a text, or "payloadBase64"',
};

const eventLines = [
  z.strictObject({ event: z.literal('start'), ...begin, position: wholeNumber.exactOptional() }),
  z
    .strictObject({ event: z.literal('broadcast'), ...begin, ...ownDot, ...payload })
    .refine(hasOnePayload.check, { error: hasOnePayload.error }),
  z.strictObject({
    event: z.literal('accepted'),
    ...begin,
    ...ownDot,
    copies: positive.exactOptional(),
    holders: names.exactOptional(),
  }),
  z
    .strictObject({ event: z.literal('deliver'), ...begin, ...dot, position: positive, ...payload, stateDigest })
    .refine(hasOnePayload.check, { error: hasOnePayload.error }),
  z.strictObject({
    event: z.literal('alarm'),
    ...begin,
    code: z.string(),
    message: z.string(),
    peer: name.exactOptional(),
    isFenced: z.boolean().exactOptional(),
  }),
  z.strictObject({ event: z.literal('disk-damaged'), ...begin }),
  z.strictObject({ event: z.literal('rebuilt'), ...begin }),
  z.strictObject({ event: z.literal('stable'), ...begin, clock: z.record(z.string(), wholeNumber) }),
  z.strictObject({ event: z.literal('dropped'), ...begin, ranges: z.array(range) }),
  z.strictObject({ event: z.literal('joined'), ...begin, state: state.exactOptional(), stateDigest }),
  z.strictObject({ event: z.literal('removed'), ...begin }),
  z.strictObject({ event: z.literal('set-back'), ...begin, position: wholeNumber, isKnown: z.boolean() }),
  z.strictObject({ event: z.literal('twin'), ...begin, of: name, position: wholeNumber }),
  z.strictObject({ event: z.literal('skipped'), ...begin, ...dot, position: positive }),
  z.strictObject({ event: z.literal('crash'), ...begin }),
  z.strictObject({ event: z.literal('closed'), ...begin, confirmed: wholeNumber }),
  z.strictObject({
    event: z.literal('stopped'),
    ...begin,
    code: z.string(),
    message: z.string(),
    phase: phase.exactOptional(),
  }),
] as const;

const eventNames = eventLines.map(({ shape }) => shape.event.value);
const eventLine = z.discriminatedUnion('event', eventLines, {
  error: `no such event; use one of ${eventNames.join(', ')}, end`,
});

const headerLine = z.strictObject({
  history: z.literal(historyVersion, { error: `this program reads histories of version ${historyVersion}` }),
  title: z.string().exactOptional(),
  nodes: names.min(1).refine((nodes) => new Set(nodes).size === nodes.length, { error: 'a name occurs twice' }),
  expectedStops: z.array(z.strictObject({ node: name, code: z.string(), phases: z.array(phase) })).exactOptional(),
  demotes: z.boolean().exactOptional(),
});

const endLine = z.strictObject({
  event: z.literal('end'),
  atMs: time,
  live: names,
  busy: z.boolean().exactOptional(),
  idle: z.boolean().exactOptional(),
});

/** Hears what is wrong with a line. */
type Report = (problem: string) => void;

/** Undefined when it is wrong. */
export function readHeaderLine(document: unknown, report: Report): HeaderLine | undefined {
  return read(headerLine, document, (problem) => {
    report(`${problem} (the first line is {"history":${historyVersion},"nodes":["a","b"]})`);
  });
}

export function readEventLine(document: unknown, report: Report): EventLine | undefined {
  return read(eventLine, document, report);
}

export function readEndLine(document: unknown, report: Report): EndLine | undefined {
  return read(endLine, document, report);
}

function read<Line>(schema: z.ZodType<Line>, document: unknown, report: Report): Line | undefined {
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  for (const { path, message } of result.error.issues) {
    report(path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`);
  }
  return undefined;
}
