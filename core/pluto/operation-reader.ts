/**
 * Reads the fields of an operation, `user|mailbox|...`, each once and in order.
 *
 *     pair := base64(value) ";" tag          triple := pair ";" base64(contents)
 *
 * Rules:
 * - A field holds what it must and nothing else; the first thing that is wrong ends it all, with its place.
 * - Every character is looked at a fixed number of times, and nothing is split before it is known to be wanted. The whole,
 *   its names and its lists have greatest lengths (see `operation.ts`): nothing that somebody sends takes noticeable time.
 * - No tag is twice in a list: elements with one tag could not be told apart.
 */
import type { AntecedentError } from '../errors.js';
import { decodeAsciiBase64, decodeBase64 } from './base64.js';
import {
  elementsMax,
  nameMax,
  operationCharactersMax,
  type Element,
  type MailElement,
  type OperationKind,
} from './operation.js';
import { plainProblem } from './plain-text.js';
import { quote, refusal } from './refusal.js';
import { decodeUtf8 } from './utf8.js';

/** Names up to this length are decoded at once, longer ones by way of their bytes. */
const shortNameMax = 64;

/** Characters of a name of `nameMax` bytes. */
const base64Max = (nameMax / 3) * 4;

const bases = 'base64 has the standard alphabet, padding, and no bits left over';

export class OperationReader {
  readonly #kind: OperationKind;
  readonly #text: string;
  /** Where the field that is being read ends. */
  #fieldEnd: number;
  /** Where the next part of it begins; behind `#fieldEnd` when there is none. */
  #at: number;

  /** Reads `text` from `start` on. Throws `E_PLUTO` unless that has so many fields. */
  constructor(kind: OperationKind, text: string, start: number, fields: number) {
    this.#kind = kind;
    this.#text = text;
    this.#fieldEnd = start - 1;
    this.#at = start;
    if (text.length - start > operationCharactersMax) {
      throw this.#refusal(start, `${text.length - start} characters are more than ${operationCharactersMax}`);
    }
    let found = 1;
    for (let bar = text.indexOf('|', start); bar >= 0 && found <= fields; bar = text.indexOf('|', bar + 1)) found += 1;
    if (found === fields) return;
    const much = found > fields ? 'more' : String(found);
    throw this.#refusal(start, `${quote(text.slice(start))} has ${much} of the ${fields} fields that "|" parts`);
  }

  user(): string {
    this.#nextField();
    const user = this.#text.slice(this.#at, this.#fieldEnd);
    const problem = plainProblem('user', user);
    if (problem !== undefined) throw this.#refusal(this.#at, problem);
    return user;
  }

  mailbox(): string {
    this.#nextField();
    return this.#name('the mailbox', this.#fieldEnd);
  }

  element(): Element {
    this.#nextField();
    return this.#lastOfField(this.#pair());
  }

  elements(): readonly Element[] {
    return this.#list(() => this.#pair());
  }

  mail(): MailElement {
    this.#nextField();
    return this.#lastOfField(this.#triple());
  }

  mails(): readonly MailElement[] {
    return this.#list(() => this.#triple());
  }

  #list<Item extends Element>(read: () => Item): readonly Item[] {
    this.#nextField();
    const first = read();
    const list = [first];
    if (this.#at > this.#fieldEnd) return list;
    const tags = new Set([first.tag]);
    while (this.#at <= this.#fieldEnd) {
      const start = this.#at;
      if (list.length === elementsMax) throw this.#refusal(start, `more than ${elementsMax} elements`);
      const item = read();
      list.push(item);
      tags.add(item.tag);
      if (tags.size < list.length) throw this.#refusal(start, `two elements have the tag ${quote(item.tag)}`);
    }
    return list;
  }

  #lastOfField<Item>(item: Item): Item {
    if (this.#at <= this.#fieldEnd) throw this.#refusal(this.#at, 'more parts than the one element that belongs here');
    return item;
  }

  #triple(): MailElement {
    const { value, tag } = this.#pair();
    return { value, tag, contents: this.#base64('the contents', this.#partEnd('contents')) };
  }

  #pair(): Element {
    const value = this.#name('the value', this.#partEnd('value'));
    const end = this.#partEnd('tag');
    const tag = this.#text.slice(this.#at, end);
    const problem = plainProblem('tag', tag);
    if (problem !== undefined) throw this.#refusal(this.#at, problem);
    this.#at = end + 1;
    return { value, tag };
  }

  /** Where the part that begins here ends. */
  #partEnd(what: string): number {
    if (this.#at > this.#fieldEnd) {
      throw this.#refusal(this.#at, `the ${what} of the last element is missing: ";" parts value, tag and contents`);
    }
    const separator = this.#text.indexOf(';', this.#at);
    return separator < 0 || separator > this.#fieldEnd ? this.#fieldEnd : separator;
  }

  #name(what: string, end: number): string {
    const start = this.#at;
    if (end - start > base64Max) throw this.#refusal(start, `${what} is longer than ${nameMax} bytes`);
    if (end > start && end - start <= shortNameMax) {
      const short = decodeAsciiBase64(this.#text, start, end);
      if (short !== undefined) {
        this.#at = end + 1;
        return short;
      }
    }
    const name = decodeUtf8(this.#base64(what, end));
    if (name === '') throw this.#refusal(start, `${what} is empty`);
    if (name !== undefined) return name;
    throw this.#refusal(start, `${what} ${quote(this.#text.slice(start, end))} is no UTF-8 under its base64`);
  }

  #base64(what: string, end: number): Uint8Array {
    const bytes = decodeBase64(this.#text, this.#at, end);
    if (bytes === undefined) {
      throw this.#refusal(this.#at, `${what} ${quote(this.#text.slice(this.#at, end))} is not base64: ${bases}`);
    }
    this.#at = end + 1;
    return bytes;
  }

  #nextField(): void {
    this.#at = this.#fieldEnd + 1;
    const bar = this.#text.indexOf('|', this.#at);
    this.#fieldEnd = bar < 0 ? this.#text.length : bar;
  }

  #refusal(at: number, problem: string): AntecedentError {
    return refusal(`invalid ${this.#kind} operation at character ${at + 1}: ${problem}`);
  }
}
