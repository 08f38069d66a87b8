/**
 * The Logger port over pino: one JSON object a line on stderr.
 *
 * - Remote strings cannot forge lines or hide text: JSON escapes line ends, and control and direction characters, which
 *   JSON would let through, are escaped here.
 * - Losing stderr never stops the node.
 */
import { destination, pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { Logger, LogLevel } from '../core/index.js';

/** C1 controls, zero-width and direction marks, line and paragraph separators: invisible, or they rearrange a line. */
const invisible = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const fieldLengthMax = 500;

function printable(value: string | number | boolean): string | number | boolean {
  if (typeof value !== 'string') return value;
  const cut = value.length > fieldLengthMax ? `${value.slice(0, fieldLengthMax)}...` : value;
  return cut.replace(invisible, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export class JsonLogger implements Logger {
  readonly #pino: PinoLogger;

  /** Writes events of `level` and above; `node` is in every line. Without `stream` they go to stderr. */
  constructor(node: string, level: LogLevel, stream: DestinationStream = standardError()) {
    this.#pino = pino(
      {
        level,
        base: { node },
        messageKey: 'event',
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      stream,
    );
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, string | number | boolean>>): void {
    const shown = Object.entries(fields).map(([key, value]) => [key, printable(value)] as const);
    this.#pino[level](Object.fromEntries(shown), event);
  }
}

function standardError(): DestinationStream {
  const stream = destination({ dest: 2, sync: true });
  // A closed stderr: there is nowhere left to say so, and the messages matter more than the log.
  stream.on('error', () => undefined);
  return stream;
}
