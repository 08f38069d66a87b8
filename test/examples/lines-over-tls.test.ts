/**
 * The main job on real input: lines of a file through three processes over TLS, of which one is killed twice and one is
 * stopped. Nothing here depends on how fast the machine is: the example gives its nodes no more lines than each
 * interruption leaves room for, and whoever waits, waits for an event.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFailed, test } from 'vitest';
import { linesOverTls } from '../../examples/lines-over-tls.js';
import { splitLines } from '../../scenarios/index.js';

const root = join(import.meta.dirname, '../..');

/** Lines that a program which takes bytes for text would break. */
const oddLines: readonly Uint8Array[] = [
  text('a carriage return at the end\r'),
  text('\r'),
  text(''),
  text(''),
  text('line separators of Unicode: \u2028, \u2029, \u0085'),
  text('NUL \0, escape \u001b[31m, quotes "\'\\, {"event":"deliver"}'),
  text('byte order mark and decomposed: \ufeff, e\u0301, \u{1f469}\u200d\u{1f4bb}'),
  Uint8Array.of(0xff, 0xfe, 0x00, 0xc3, 0x28),
  // Half of a UTF-8 sequence, which the line end cuts.
  Uint8Array.of(0x61, 0xe2, 0x80),
  text('the same line twice'),
  text('the same line twice'),
  text('x'.repeat(300_000)),
  Buffer.alloc(200_000, Uint8Array.of(0x80, 0x81, 0x0d)),
];

function text(line: string): Uint8Array {
  return new TextEncoder().encode(line);
}

/** Real lines, with the odd ones spread among them, so that every node and every part of the run has some. */
function input(): Uint8Array {
  const real = ['LICENSE', 'core/names.ts', 'tsconfig.base.json'].flatMap((path) => [
    ...splitLines(readFileSync(join(root, path))),
  ]);
  const every = Math.floor(real.length / oddLines.length);
  const lines = real.flatMap((line, index) => {
    const odd = index % every === 0 ? oddLines[index / every] : undefined;
    return odd === undefined ? [line] : [odd, line];
  });
  return Buffer.concat(lines.flatMap((line) => [line, Uint8Array.of(0x0a)]));
}

describe('lines of a real file, through three processes over TLS', () => {
  const abort = new AbortController();
  afterAll(() => abort.abort(new Error('the test is over')));

  test('arrive everywhere once and byte for byte, although one is killed twice and one is stopped on the way', async () => {
    const log: string[] = [];
    onTestFailed(() => console.error(log.join('')));
    const file = input();
    const lineCount = splitLines(file).length;
    expect(lineCount).toBeGreaterThan(250);
    const result = await linesOverTls(file, {
      tell: (text) => log.push(text),
      pauseMs: 500,
      signal: abort.signal,
    });

    expect(result.violation).toBeUndefined();
    expect(result.comparison.lines).toBe(lineCount);
    for (const node of result.comparison.nodes) {
      expect(node).toMatchObject({ lines: lineCount, sha256: result.comparison.sha256, isEqual: true });
    }
    expect(result.comparison.nodes.map(({ node }) => node)).toEqual(['a', 'b', 'c']);
    expect(result.exitCodes).toEqual([0, 0, 0]);

    // Each interruption found its node with some lines delivered and some still to come, the last one included.
    expect(result.interruptions).toMatchObject([
      { what: 'kill', node: 'b' },
      { what: 'pause', node: 'c' },
      { what: 'kill', node: 'b' },
    ]);
    const delivered = result.interruptions.map((interruption) => interruption.delivered);
    expect(Math.min(...delivered)).toBeGreaterThan(0);
    expect(Math.max(...delivered)).toBeLessThan(lineCount);
  });
});
