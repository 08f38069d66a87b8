/**
 * Messages of pluto v0.4, a line of text each:
 *
 *     line := sender "|" clock "|" payload         clock := entry (";" entry)*         entry := name ":" count
 *
 * Rules:
 * - One message has one text and one text is one message, but for the order of the clock: counts have no sign and no
 *   leading zero, and no node is named twice. v0.4 took `a:+07`, `a:2:99` and `a:-1`, and let the last of two entries win.
 * - A name holds none of the characters that part it from what follows. A payload may hold all of them but line breaks:
 *   a payload with one would be two messages.
 * - A line costs time linear in its length, and a clock has no more entries than a cluster has members: a line of ten
 *   million semicolons is refused at the first of them.
 * Errors are `E_PLUTO` and begin with the words of v0.4, where it had any.
 */
import type { AntecedentError } from '../errors.js';
import { membersMax } from '../message/origin.js';
import { quote, refusal } from './refusal.js';

/** What a node told the others. */
export interface PlutoMessage {
  readonly sender: string;
  /** How many messages of each node the sender had applied, this one counted; who is absent counts 0. In the order of the line. */
  readonly clock: readonly PlutoClockEntry[];
  /** Text without line breaks. */
  readonly payload: string;
}

export type PlutoClockEntry = readonly [name: string, count: number];

/** What v0.4 sends before a message, to see whether a connection works: no message, and skipped by who receives it. */
export const plutoPing = '> ping <';

const canonicalCount = /^(?:0|[1-9][0-9]{0,15})$/;
const lineBreak = /[\r\n]/;
const loneSurrogate = /\p{Surrogate}/u;

/** Reads a line, with or without the line break that ends it. Throws `E_PLUTO`. */
export function parseMessage(line: string): PlutoMessage {
  const text = withoutLineEnd(line);
  const senderEnd = text.indexOf('|');
  const clockEnd = senderEnd < 0 ? -1 : text.indexOf('|', senderEnd + 1);
  if (clockEnd < 0) {
    const bars = senderEnd < 0 ? 'no' : 'only one';
    throw refusal(
      `invalid sync message: ${quote(text)} has ${bars} "|"; two of them part the sender, the clock and the payload`,
    );
  }
  const sender = text.slice(0, senderEnd);
  const payload = text.slice(clockEnd + 1);
  checkSender(sender);
  const clock = parseClock(text.slice(senderEnd + 1, clockEnd), senderEnd + 1);
  checkPayload(payload);
  return { sender, clock, payload };
}

/** The line of a message, without a line break. Throws `E_PLUTO` for what no line can carry. */
export function formatMessage({ sender, clock, payload }: PlutoMessage): string {
  checkSender(sender);
  checkPayload(payload);
  if (clock.length === 0) throw refusal('invalid vector clock element: the clock is empty, it must name the sender');
  const names = new Set<string>();
  const entries = clock.map(([name, count]) => {
    const shown = quote(`${name}:${count}`);
    if (!Number.isSafeInteger(count) || count < 0) throw invalidCount(shown);
    checkEntry(name, shown, names);
    return `${name}:${count}`;
  });
  return `${sender}|${entries.join(';')}|${payload}`;
}

function withoutLineEnd(line: string): string {
  if (line.endsWith('\r\n')) return line.slice(0, -2);
  return line.endsWith('\n') ? line.slice(0, -1) : line;
}

/** `offset` is where the clock stands in the line. */
function parseClock(clock: string, offset: number): readonly PlutoClockEntry[] {
  const entries: PlutoClockEntry[] = [];
  const names = new Set<string>();
  for (let start = 0; start <= clock.length;) {
    const separator = clock.indexOf(';', start);
    const end = separator < 0 ? clock.length : separator;
    entries.push(parseEntry(clock.slice(start, end), offset + start, names));
    start = end + 1;
  }
  return entries;
}

function parseEntry(entry: string, offset: number, names: Set<string>): PlutoClockEntry {
  const shown = `${quote(entry)} at character ${offset + 1}`;
  const colon = entry.indexOf(':');
  if (colon < 0) throw invalidElement(`${shown} has no ":" between a name and a number`);
  if (entry.includes(':', colon + 1)) throw invalidElement(`${shown} has more than one ":"`);
  const name = entry.slice(0, colon);
  checkEntry(name, shown, names);
  const digits = entry.slice(colon + 1);
  const count = Number(digits);
  if (!canonicalCount.test(digits) || !Number.isSafeInteger(count)) throw invalidCount(shown);
  return [name, count];
}

/** Adds `name` to the `names` of a clock. */
function checkEntry(name: string, shown: string, names: Set<string>): void {
  if (name === '') throw invalidElement(`${shown} names no node`);
  if (!isName(name)) throw invalidElement(`${shown}: ${nameRule}`);
  if (names.has(name)) throw invalidElement(`${shown} is the second entry of that node`);
  if (names.size === membersMax) {
    throw invalidElement(`${shown} is one too many; a clock has at most ${membersMax}`);
  }
  names.add(name);
}

function invalidElement(problem: string): AntecedentError {
  return refusal(`invalid vector clock element: ${problem}`);
}

function invalidCount(shown: string): AntecedentError {
  return refusal(
    `invalid number as element in vector clock: ${shown} must end with a whole number from 0 to 2^53-1, without sign or leading zeros`,
  );
}

const nameRule = 'a name has no "|", ";", ":" and no line break';

function isName(text: string): boolean {
  return !/[|;:\r\n]/.test(text) && !loneSurrogate.test(text);
}

function checkSender(sender: string): void {
  if (sender === '') {
    throw refusal('invalid sync message because sender node name is missing: a name must come before the first "|"');
  }
  if (!isName(sender)) throw refusal(`invalid sync message because of the sender ${quote(sender)}: ${nameRule}`);
}

function checkPayload(payload: string): void {
  const surrogate = payload.search(loneSurrogate);
  if (surrogate >= 0) {
    throw refusal(`invalid sync message: half of a character at character ${surrogate + 1} of the payload`);
  }
  const place = payload.search(lineBreak);
  if (place < 0) return;
  throw refusal(
    `invalid sync message: line break at character ${place + 1} of the payload ${quote(payload)}; a message is one line`,
  );
}
