/**
 * JSON texts, read for the sake of messages: where something stands, and what is wrong with the text itself.
 *
 * `JSON.parse` gives values without places, its messages differ between versions of Node, and of two equal keys it drops the first
 * in silence. So a text is walked through here, and the values still come from `JSON.parse`. The grammar is that of RFC 8259.
 */

/** Both count from 1; columns in UTF-16 units, as editors do. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

export type JsonPath = readonly PropertyKey[];

/** Something wrong with a value of a document. */
export interface JsonProblem {
  readonly path: JsonPath;
  /** What is wrong there, and what to do about it. */
  readonly text: string;
}

/** Why a text is no JSON, or none to be trusted; the message says what to write instead. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  readonly position: TextPosition;

  constructor(message: string, position: TextPosition) {
    super(message);
    this.position = position;
  }
}

/** Deeper values are refused: the walk is recursive, and no plan is as deep. */
const depthMax = 64;

/** Throws `JsonTextError` for a text that is no JSON, is nested too deeply, or has a key twice in one object. */
export function checkJsonText(text: string): void {
  new JsonWalk(text, () => false).toEnd();
}

/**
 * Where the value at `path` stands in a JSON text, or its key; for what is not there, the innermost thing around it that is. The text
 * must have been checked.
 */
export function locateInJson(text: string, path: JsonPath, what: 'key' | 'value'): TextPosition {
  let [found, length] = [0, -1];
  new JsonWalk(text, (at, keyOffset, valueOffset) => {
    const isAround = at.length <= path.length && at.every((key, index) => String(key) === String(path[index]));
    if (isAround && at.length > length) {
      length = at.length;
      found = what === 'key' && at.length === path.length ? keyOffset : valueOffset;
    }
    return length === path.length;
  }).toEnd();
  return positionOf(text, found);
}

/** `["faults", 3, "node"]` as `faults[3].node`. */
export function formatJsonPath(path: JsonPath): string {
  if (path.length === 0) return 'the document';
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/** Hears of every value, from outside in, with its path and where it and its key begin; true ends the walk. */
type Visit = (path: readonly (string | number)[], keyOffset: number, valueOffset: number) => boolean;

const space = /[ \t\n\r]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /[\p{L}\p{N}_$+-]+/uy;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const words: ReadonlySet<string> = new Set(['true', 'false', 'null']);

class JsonWalk {
  readonly #text: string;
  readonly #visit: Visit;
  readonly #path: (string | number)[] = [];
  #offset = 0;
  #isOver = false;

  constructor(text: string, visit: Visit) {
    this.#text = text;
    this.#visit = visit;
  }

  toEnd(): void {
    this.#skipSpace();
    this.#value(this.#offset);
    if (this.#isOver) return;
    this.#skipSpace();
    if (this.#offset < this.#text.length) this.#refuse('the end of the text');
  }

  #value(keyOffset: number): void {
    this.#isOver ||= this.#visit(this.#path, keyOffset, this.#offset);
    if (this.#isOver) return;
    if (this.#path.length > depthMax) this.#fail(`nested more than ${depthMax} deep; write it flatter`, this.#offset);
    switch (this.#text[this.#offset]) {
      case '{':
        this.#object();
        return;
      case '[':
        this.#array();
        return;
      case '"':
        this.#string();
        return;
      default:
        this.#atom();
    }
  }

  #object(): void {
    const keys = new Set<string>();
    this.#items('}', () => {
      const keyOffset = this.#offset;
      if (this.#text[keyOffset] !== '"') this.#refuse('a key in double quotes');
      const key = this.#string();
      if (keys.has(key)) this.#fail(`the key ${JSON.stringify(key)} is there twice; remove one`, keyOffset);
      keys.add(key);
      this.#skipSpace();
      if (this.#text[this.#offset] !== ':') this.#refuse('":" and the value of the key');
      this.#offset += 1;
      this.#skipSpace();
      this.#inside(key, keyOffset);
    });
  }

  #array(): void {
    let index = 0;
    this.#items(']', () => {
      this.#inside(index, this.#offset);
      index += 1;
    });
  }

  #inside(key: string | number, keyOffset: number): void {
    this.#path.push(key);
    this.#value(keyOffset);
    this.#path.pop();
  }

  /** Everything up to `end`, with commas between. */
  #items(end: '}' | ']', item: () => void): void {
    this.#offset += 1;
    this.#skipSpace();
    if (this.#take(end)) return;
    for (;;) {
      item();
      if (this.#isOver) return;
      this.#skipSpace();
      if (this.#take(end)) return;
      const commaOffset = this.#offset;
      if (!this.#take(',')) this.#refuse(`"," or "${end}"`);
      this.#skipSpace();
      if (this.#text[this.#offset] === end) this.#fail(`a comma before "${end}"; remove it`, commaOffset);
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#offset] !== character) return false;
    this.#offset += 1;
    return true;
  }

  #string(): string {
    const start = this.#offset;
    this.#offset += 1;
    while (this.#text[this.#offset] !== '"') {
      const character = this.#text[this.#offset];
      if (character === undefined) this.#fail('a string that does not end; put a double quote behind it', start);
      if (character < ' ') this.#fail(`${describe(character)} in a string; write it as an escape`, this.#offset);
      if (character !== '\\') this.#offset += 1;
      else if (this.#match(escape) === '') this.#fail('no escape of JSON; write \\\\ for a backslash', this.#offset);
    }
    this.#offset += 1;
    return String(JSON.parse(this.#text.slice(start, this.#offset)));
  }

  #atom(): void {
    const start = this.#offset;
    const found = this.#match(number);
    const rest = this.#match(word);
    if (found !== '' && rest === '') return;
    if (words.has(found + rest)) return;
    this.#offset = start;
    if (found + rest === '') this.#refuse('a value');
    this.#fail(
      `${found}${rest.slice(0, 20)} is no value of JSON; write a number, a text in double quotes, true, false or null`,
      start,
    );
  }

  #skipSpace(): void {
    this.#match(space);
  }

  /** Goes on behind what matches here, if anything does, and returns it. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#offset += found.length;
    return found;
  }

  #refuse(expected: string): never {
    const character = this.#text[this.#offset];
    if (character === '/') this.#fail('JSON has no comments; remove it', this.#offset);
    const found = character === undefined ? 'the text ends' : `there is ${describe(character)}`;
    return this.#fail(`${found} where ${expected} should be; mend it`, this.#offset);
  }

  #fail(message: string, offset: number): never {
    throw new JsonTextError(message, positionOf(this.#text, offset));
  }
}

function describe(character: string): string {
  if (character === '"') return "'\"'";
  const code = character.charCodeAt(0);
  return code > 0x20 && code < 0x7f
    ? `"${character}"`
    : `the character U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
