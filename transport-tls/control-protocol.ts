/**
 * What is said on the control socket of a node: one line of JSON asks, one answers.
 *
 * A request names itself in `request`; its other fields are all required, and unknown ones are refused, so that nobody believes in
 * an option that does nothing. An answer holds either `result` or `error`. Whoever can connect may ask everything: the socket belongs to
 * the owner of the data directory.
 */
import { AntecedentError, unknownName, type ErrorCode } from '../core/index.js';

export type ControlRequest =
  | { readonly request: 'status' }
  | { readonly request: 'member-add'; readonly name: string; readonly address: string }
  | { readonly request: 'member-remove'; readonly name: string }
  | { readonly request: 'delivery-skip'; readonly position: number; readonly reason: string }
  | { readonly request: 'delivery-retry' };

export type ControlAnswer =
  { readonly result: unknown } | { readonly error: { readonly code: string; readonly message: string } };

/** Longest line that asks. Names, addresses and reasons are short. */
export const requestBytesMax: number = 16 << 10;
/** Longest line that answers: a status of as many members and logs as there may be has a few hundred kilobytes. */
export const answerBytesMax: number = 16 << 20;
/** A reason is journalled for good. In characters. */
const reasonLengthMax = 1_000;

/** Fields of each request beside its name. */
const fieldsOf: Readonly<Record<ControlRequest['request'], readonly string[]>> = {
  status: [],
  'member-add': ['name', 'address'],
  'member-remove': ['name'],
  'delivery-skip': ['position', 'reason'],
  'delivery-retry': [],
};

/** Reads a line that asks. Throws `E_INPUT`. */
export function parseRequest(line: Uint8Array): ControlRequest {
  const fields = parseObject(line);
  const kind = requestNamed(fields.get('request'));
  const known = ['request', ...fieldsOf[kind]];
  for (const key of fields.keys()) if (!known.includes(key)) throw bad(unknownName('key', key, known));
  switch (kind) {
    case 'status':
    case 'delivery-retry':
      return { request: kind };
    case 'member-add':
      return { request: kind, name: textOf(fields, 'name'), address: textOf(fields, 'address') };
    case 'member-remove':
      return { request: kind, name: textOf(fields, 'name') };
    case 'delivery-skip':
      return { request: kind, position: positionOf(fields), reason: reasonOf(fields) };
  }
}

function requestNamed(name: unknown): ControlRequest['request'] {
  const names = Object.keys(fieldsOf);
  for (const known of ['status', 'member-add', 'member-remove', 'delivery-skip', 'delivery-retry'] as const) {
    if (name === known) return known;
  }
  throw bad(
    typeof name === 'string' ? unknownName('request', name, names) : `request must be one of ${names.join(', ')}`,
  );
}

function textOf(fields: ReadonlyMap<string, unknown>, key: string): string {
  const value = fields.get(key);
  if (typeof value === 'string' && value !== '') return value;
  throw bad(`${key} must be a text that is not empty`);
}

function positionOf(fields: ReadonlyMap<string, unknown>): number {
  const value = fields.get('position');
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw bad('position must be a whole number from 1: that of the delivery to be given up');
}

function reasonOf(fields: ReadonlyMap<string, unknown>): string {
  const reason = textOf(fields, 'reason');
  if (reason.length <= reasonLengthMax) return reason;
  throw bad(`reason has ${reason.length} characters; at most ${reasonLengthMax} are kept`);
}

function parseObject(line: Uint8Array): ReadonlyMap<string, unknown> {
  const value = parseJson(line);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  throw bad('the line is no JSON object; send {"request":"status"}');
}

function parseJson(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line));
  } catch (cause) {
    throw bad(`the line is not JSON in UTF-8 (${String(cause)}); send {"request":"status"}`);
  }
}

function bad(what: string): AntecedentError {
  return new AntecedentError('E_INPUT', what);
}

/** What a failure is answered with. */
export function errorAnswer(error: unknown): ControlAnswer {
  const code: ErrorCode = error instanceof AntecedentError ? error.code : 'E_STATE';
  return { error: { code, message: error instanceof Error ? error.message : String(error) } };
}

/** Reads a line that answers; undefined when it is none. */
export function parseAnswer(line: Uint8Array): ControlAnswer | undefined {
  let fields: ReadonlyMap<string, unknown>;
  try {
    fields = parseObject(line);
  } catch {
    return undefined;
  }
  if (fields.has('result')) return { result: fields.get('result') };
  const error: unknown = fields.get('error');
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error)) return undefined;
  const { code, message } = error;
  return typeof code === 'string' && typeof message === 'string' ? { error: { code, message } } : undefined;
}
