/**
 * Lines: broadcasts the lines of a text, spread over the nodes in turn, each line once.
 *
 * The payload of a line is its bytes exactly, without the `\n` that ends it: a `\r` stays, an empty line is a message,
 * and a last line without `\n` counts. The plan holds the lines themselves (base64 where they are not UTF-8), so it is
 * complete without the file.
 *
 * A line waits at its client until its node accepts it; how a client keeps "each line once" across crashes is told in
 * `line-client.ts`.
 */
import { readFileSync } from 'node:fs';
import { AntecedentError, type Delivery } from '../../core/index.js';
import { simulatedDigests } from '../../transport-sim/index.js';
import type { OperationBody, PlannedOperation } from '../plan.js';
import { partOfPackage, type Application, type PlanningContext, type Program, type Workload } from './workload.js';

/** Where the lines come from, and how quickly. */
export type LinesOptions = (
  | { readonly input: string; readonly lines?: undefined }
  | { readonly input?: undefined; readonly lines: readonly (string | Uint8Array)[] }
) & { readonly perSecond: number };

const newline = 0x0a;
/** Sums of 32-bit hashes modulo this stay exact. */
const digestModulus = 2 ** 52;

const encoder = new TextEncoder();
// Without ignoreBOM the decoder would swallow a byte order mark, and the line would not come back as it was.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const linesProgram: Program = {
  name: 'lines',
  whenDown: 'wait',
  createApplication: partOfPackage(() => new LinesApplication()),
};

/**
 * Broadcasts every line of the file `input`, or of `lines`, at `perSecond` lines a second over all nodes. Reads the
 * file at once. Throws `E_CONFIG` when it cannot be read, when a line of `lines` holds a `\n`, or for a rate that is
 * not above 0.
 */
export function lines(options: LinesOptions): Workload {
  if (!(options.perSecond > 0 && options.perSecond <= 1_000_000)) {
    throw new AntecedentError(
      'E_CONFIG',
      `lines: a rate of ${options.perSecond} a second is not above 0 and at most 1000000`,
    );
  }
  const bodies = (options.input === undefined ? options.lines.map(toLine) : splitLines(readInput(options.input))).map(
    planLine,
  );
  return {
    ...linesProgram,
    plan: ({ nodes }: PlanningContext): readonly PlannedOperation[] =>
      bodies.map((body, index) => ({
        // Whole microseconds: that is the resolution of simulated time.
        atMs: Math.round((index * 1_000_000) / options.perSecond) / 1000,
        node: nodeInTurn(nodes, index),
        ...body,
      })),
  };
}

function nodeInTurn(nodes: PlanningContext['nodes'], index: number): PlannedOperation['node'] {
  const node = nodes[index % nodes.length];
  if (node === undefined) {
    throw new AntecedentError('E_CONFIG', 'lines: there are no nodes to broadcast them; name at least one');
  }
  return node;
}

function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AntecedentError('E_CONFIG', `lines: cannot read ${path}: ${reason}; give a file that can be read`, {
      cause,
    });
  }
}

function toLine(line: string | Uint8Array): Uint8Array {
  const bytes = typeof line === 'string' ? encoder.encode(line) : line;
  if (bytes.includes(newline)) {
    throw new AntecedentError('E_CONFIG', `lines: ${JSON.stringify(line)} holds a newline; give each line on its own`);
  }
  return bytes;
}

/** Splits at every `\n`. What follows the last one is a line unless it is empty. */
export function splitLines(bytes: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(newline, start);
    found.push(bytes.subarray(start, end === -1 ? bytes.length : end));
    if (end === -1) break;
    start = end + 1;
  }
  return found;
}

function planLine(line: Uint8Array): OperationBody {
  try {
    return { kind: 'line', text: decoder.decode(line) };
  } catch {
    // Not UTF-8: that is what the other kind is for.
    return { kind: 'bytes', base64: btoa(Array.from(line, (byte) => String.fromCharCode(byte)).join('')) };
  }
}

/** Counts lines. Its digest is a sum over the lines delivered, so their order does not matter. */
class LinesApplication implements Application {
  readonly saving = { save: (): Uint8Array => this.#save(), load: (state: Uint8Array): void => this.#load(state) };
  #digest = 0;

  perform(operation: PlannedOperation): Uint8Array | undefined {
    if (operation.kind === 'line') return encoder.encode(operation.text);
    if (operation.kind === 'bytes') {
      return Uint8Array.from(atob(operation.base64), (character) => character.charCodeAt(0));
    }
    return undefined;
  }

  deliver(delivery: Delivery): void {
    // One more for each line, so that lines whose hash is 0 count too.
    this.#digest = (this.#digest + simulatedDigests.crc32(delivery.payload, 0) + 1) % digestModulus;
  }

  #save(): Uint8Array {
    return encoder.encode(String(this.#digest));
  }

  #load(state: Uint8Array): void {
    this.#digest = Number(decoder.decode(state));
  }

  stateDigest(): number {
    return this.#digest;
  }
}
