/**
 * Users and tags: the parts of an operation that are written as they are, and so may hold nothing that would part them from
 * what follows.
 */
import { nameMax } from './operation.js';

export type PlainPart = 'user' | 'tag';

const bar = 0x7c;
const semicolon = 0x3b;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** What is wrong with `text` as such a part; undefined when nothing is. */
export function plainProblem(part: PlainPart, text: string): string | undefined {
  if (text === '') return `the ${part} is empty`;
  if (text.length > nameMax) return `the ${part} is longer than ${nameMax} characters`;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === bar || (code === semicolon && part === 'tag'))
      return `the ${part} holds a ${JSON.stringify(text[at])}`;
    if (code === lineFeed || code === carriageReturn) return `the ${part} holds a line break`;
    if (code < 0xd800 || code > 0xdfff) continue;
    if ((text.codePointAt(at) ?? 0) < 0x10000) return `the ${part} holds half a surrogate pair`;
    at += 1;
  }
  return undefined;
}
