/**
 * Progress of something long, on stderr: a bar where a person looks, a line every five seconds elsewhere (a log of CI does
 * not want more).
 */
import { SingleBar } from 'cli-progress';
import type { Stream } from './terminal.js';

export interface Progress {
  /** `fraction` is 0 ... 1, `status` a few words. */
  update(fraction: number, status: string): void;
  /** Leaves a clean line for what follows. */
  stop(): void;
}

const linesEveryMs = 5_000;

/**
 * Does long work with progress on stderr. An interrupt ends the work, not the program: `signal` is aborted, and what was found so
 * far is worth as much. A second one ends the program.
 */
export async function withProgress<T>(
  stream: Stream,
  work: (progress: Progress, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    interruption.abort();
  };
  process.once('SIGINT', interrupt);
  const progress = startProgress(stream);
  try {
    return await work(progress, interruption.signal);
  } finally {
    progress.stop();
    process.removeListener('SIGINT', interrupt);
  }
}

/** `nowMs` is asked when a line may be due. */
export function startProgress(stream: Stream, nowMs: () => number = () => performance.now()): Progress {
  return stream.isTty ? startBar(stream) : startLines(stream, nowMs);
}

function startBar(stream: Stream): Progress {
  const bar = new SingleBar({
    stream: stream.raw,
    format: '  {bar} {percentage} %  {status}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    fps: 10,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
  });
  bar.start(1000, 0, { status: '' });
  return {
    update: (fraction, status) => {
      bar.update(Math.round(fraction * 1000), { status });
    },
    stop: () => {
      bar.stop();
    },
  };
}

function startLines(stream: Stream, nowMs: () => number): Progress {
  let dueMs = nowMs() + linesEveryMs;
  return {
    update: (fraction, status) => {
      if (nowMs() < dueMs) return;
      dueMs = nowMs() + linesEveryMs;
      stream.write(`${Math.floor(fraction * 100)} %  ${status}\n`);
    },
    stop: () => undefined,
  };
}
