/**
 * Text as pluto v0.4 reads and writes it: message lines, and the file of its clock.
 *
 * The rules here are the lenient ones of v0.4, mistakes included, for they decide what a broken line or a torn file does to it:
 * - A number is what Go's `Atoi` takes: a sign is allowed, so counters may be negative.
 * - What follows a second colon is ignored (`a:2:99` is 2), and of two entries with one name the last one counts.
 * - Names may be anything, the empty text included, but for the sender of a message.
 * - In the file of the clock a pair without a colon ends the process (an index out of range there, an error here).
 * Whoever speaks to v0.4 without being it uses the strict rules.
 *
 * A character stands for a byte, as in the strings of Go: nothing is decoded.
 */
import { AntecedentError } from '../../errors.js';

/** A message on the wire and in the log of a receiver. */
export interface TextMessage {
  readonly sender: string;
  readonly clock: ReadonlyMap<string, number>;
  readonly payload: string;
}

/** Most characters that `String.fromCharCode` is given at once: arguments go on the stack. */
const chunkLength = 4096;
const newline = 0x0a;

export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += chunkLength) {
    // A spread would walk the bytes one by one, which takes seven times as long.
    text += String(Reflect.apply(String.fromCharCode, undefined, bytes.subarray(start, start + chunkLength)));
  }
  return text;
}

/** Of characters above 255 the low eight bits remain. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Length of the first line with its end, or of everything when no line ends. */
export function firstLineLength(bytes: Uint8Array): number {
  const end = bytes.indexOf(newline);
  return end < 0 ? bytes.length : end + 1;
}

export function trimLineEnd(text: string): string {
  return text.replace(/[\r\n]+$/, '');
}

/** What Go's `strings.TrimSpace` takes away from ASCII text. */
export function trimSpace(text: string): string {
  return text.replace(/^[\t\n\v\f\r ]+|[\t\n\v\f\r ]+$/g, '');
}

export function formatMessage({ sender, clock, payload }: TextMessage): string {
  return `${sender}|${formatClock([...clock])}|${payload}`;
}

/** `a:1;b:2`, in the order given. */
export function formatClock(entries: readonly (readonly [name: string, value: number])[]): string {
  return entries.map(([name, value]) => `${name}:${value}`).join(';');
}

/** Throws `E_LOG_CORRUPT` with the words of v0.4: it looks at a line only when it stands in its log. */
export function parseMessage(line: string): TextMessage {
  const text = line.replace(/\n+$/, '');
  const senderEnd = text.indexOf('|');
  const clockEnd = text.indexOf('|', senderEnd + 1);
  if (senderEnd < 0 || clockEnd < 0) throw refusal('invalid sync message', line);
  if (senderEnd === 0) throw refusal('invalid sync message because sender node name is missing', line);
  const clock = new Map<string, number>();
  for (const pair of text.slice(senderEnd + 1, clockEnd).split(';')) {
    const [name = '', number] = pair.split(':');
    if (number === undefined) throw refusal('invalid vector clock element', line);
    const value = parseNumber(number);
    if (value === undefined) throw refusal('invalid number as element in vector clock', line);
    clock.set(name, value);
  }
  return { sender: text.slice(0, senderEnd), clock, payload: text.slice(clockEnd + 1) };
}

/** Throws `E_LOG_CORRUPT`. An empty file is a clock without entries. */
export function parseClockFile(text: string): ReadonlyMap<string, number> {
  const clock = new Map<string, number>();
  if (text === '') return clock;
  for (const pair of text.split(';')) {
    const [name = '', number] = pair.split(':');
    const value = number === undefined ? undefined : parseNumber(number);
    if (value === undefined) {
      throw new AntecedentError(
        'E_LOG_CORRUPT',
        `the file of the clock holds ${quote(text)}, where ${quote(pair)} is no entry; v0.4 cannot start until somebody mends it by hand`,
      );
    }
    clock.set(name, value);
  }
  return clock;
}

/** As Go's `Atoi` on a 64-bit machine. */
function parseNumber(text: string): number | undefined {
  // Nearly all are short, and a look at 64 bits takes longer than all the rest.
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? Number(value) : undefined;
}

function refusal(reason: string, line: string): AntecedentError {
  return new AntecedentError(
    'E_LOG_CORRUPT',
    `${reason}: ${quote(line)} stands in its log, and v0.4 ends its process whenever it comes to such a line`,
  );
}

function quote(text: string): string {
  return JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 57)}...`);
}
