/**
 * Where a key stands in a TOML text, for messages: the parser gives values without positions.
 *
 * A scan of lines for table headers and keys. It may miss keys inside inline tables (the nearest key outside is found
 * then) and be misled by multi-line strings; it decides nothing but where a message points.
 */

export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

const part = String.raw`(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')`;
const dotted = String.raw`${part}(?:[ \t]*\.[ \t]*${part})*`;
const headerPattern = new RegExp(String.raw`^[ \t]*\[\[?[ \t]*(${dotted})[ \t]*\]`);
const keyPattern = new RegExp(String.raw`^[ \t]*(${dotted})[ \t]*=`);

/** Position of the key at `path`, or of the nearest key or table around it; the first character if there is none. */
export function locateKey(text: string, path: readonly string[]): TextPosition {
  const positions = keyPositions(text);
  for (let length = path.length; length > 0; length--) {
    const position = positions.get(mapKey(path.slice(0, length)));
    if (position !== undefined) return position;
  }
  return { line: 1, column: 1 };
}

function keyPositions(text: string): ReadonlyMap<string, TextPosition> {
  const positions = new Map<string, TextPosition>();
  let table: readonly string[] = [];
  text.split('\n').forEach((line, index) => {
    const header = headerPattern.exec(line)?.[1];
    const key = header ?? keyPattern.exec(line)?.[1];
    if (key === undefined) return;
    const path = header === undefined ? [...table, ...splitKey(key)] : splitKey(key);
    if (header !== undefined) table = path;
    const name = mapKey(path);
    if (!positions.has(name)) positions.set(name, { line: index + 1, column: line.search(/\S/) + 1 });
  });
  return positions;
}

function splitKey(key: string): readonly string[] {
  const parts = key.match(new RegExp(part, 'g')) ?? [];
  return parts.map((text) => {
    if (text.startsWith("'")) return text.slice(1, -1);
    if (!text.startsWith('"')) return text;
    try {
      return String(JSON.parse(text));
    } catch {
      // An escape that TOML knows and JSON does not: the key is just not found.
      return text;
    }
  });
}

function mapKey(path: readonly string[]): string {
  return JSON.stringify(path);
}
