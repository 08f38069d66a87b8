/**
 * What the lines on the daemon's standard streams say.
 *
 * Bytes pass unchanged or are refused: text that cannot be UTF-8 is not repaired, and a payload is shown as text only if
 * encoding that text again gives the same bytes.
 */
import { AntecedentError, unknownName, type Delivery, type Durability } from '../core/index.js';

/** A line of standard input. */
export interface BroadcastCommand {
  readonly payload: Uint8Array;
  /** Given back in the answer. */
  readonly ref: string | undefined;
  readonly durable: Durability;
}

const commandKeys = ['broadcast', 'broadcastBase64', 'ref', 'durable'];
const example = 'send {"broadcast":"text","ref":"1"}';

/** A refused line, with its `ref` if that much could be read. */
export class CommandError extends AntecedentError {
  readonly ref: string | undefined;

  constructor(message: string, ref?: string) {
    super('E_INPUT', message);
    this.ref = ref;
  }
}

/** Longest line that can hold a payload of `messageBytesMax`: JSON may take six characters for one byte. */
export function lineBytesMaxFor(messageBytesMax: number): number {
  return 6 * messageBytesMax + 4096;
}

/** Reads a line of standard input. Throws `CommandError`. */
export function parseCommand(line: Uint8Array): BroadcastCommand {
  const fields = parseObject(line);
  const ref = fields.get('ref');
  if (ref !== undefined && typeof ref !== 'string') throw new CommandError('ref must be a text');
  const bad = (what: string): CommandError => new CommandError(what, ref);
  for (const key of fields.keys()) {
    if (!commandKeys.includes(key)) throw bad(unknownName('key', key, commandKeys));
  }
  const text = fields.get('broadcast');
  const base64 = fields.get('broadcastBase64');
  if ((text === undefined) === (base64 === undefined)) {
    throw bad(`a line holds either broadcast or broadcastBase64; ${example}`);
  }
  return {
    payload: text === undefined ? readBase64(base64, bad) : readText(text, bad),
    ref,
    durable: readDurable(fields, bad),
  };
}

function parseObject(line: Uint8Array): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line));
  } catch (cause) {
    throw new CommandError(`the line is not JSON in UTF-8 (${String(cause)}); ${example}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CommandError(`the line is no JSON object; ${example}`);
  }
  return new Map(Object.entries(value));
}

function readText(value: unknown, bad: (what: string) => CommandError): Uint8Array {
  if (typeof value !== 'string') throw bad(`broadcast must be a text; ${example}`);
  // Encoding would silently put U+FFFD in the place of half a surrogate pair.
  if (/\p{Surrogate}/u.test(value)) throw bad('broadcast holds half a surrogate pair; use broadcastBase64 for bytes');
  return new TextEncoder().encode(value);
}

function readBase64(value: unknown, bad: (what: string) => CommandError): Uint8Array {
  if (typeof value !== 'string') throw bad('broadcastBase64 must be a text');
  const bytes = Buffer.from(value, 'base64');
  // Node's decoder skips what it does not understand; encoding again shows whether it did.
  if (bytes.toString('base64') !== value) throw bad('broadcastBase64 is not base64 with padding (RFC 4648, section 4)');
  return bytes;
}

function readDurable(fields: ReadonlyMap<string, unknown>, bad: (what: string) => CommandError): Durability {
  const durable = fields.get('durable') ?? 'here';
  if (durable === 'here' || durable === 'all') return durable;
  if (typeof durable === 'number' && Number.isSafeInteger(durable) && durable > 0) return durable;
  throw bad(`durable must be "here", "all" or a number of members, not ${JSON.stringify(durable)}`);
}

/** A delivery as a line of standard output. */
export function deliverEvent(delivery: Delivery): Readonly<Record<string, unknown>> {
  const { origin, incarnation, seq, position, clock, payload } = delivery;
  const text = utf8Text(payload);
  const body = text === undefined ? { payloadBase64: Buffer.from(payload).toString('base64') } : { payload: text };
  return { event: 'deliver', origin, incarnation, seq, position, clock, ...body };
}

/** `bytes` as text; undefined unless they are UTF-8. */
function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
