/** Values on the command line: each parser says what it accepts when it refuses. */
import { usageError } from './command-error.js';

/** An inclusive range of seeds. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
}

const seedsRule = 'write --seeds 1..200 for seeds 1 to 200 (both included), or --seeds 7 for one seed';
/** More than any machine has cores. */
const jobsMax = 1024;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

/** `1..200` or `7`. */
export function parseSeeds(text: string): SeedRange {
  const [first = '', last = first, ...rest] = text.split('..');
  const [from, to] = [Number(first), Number(last)];
  if (rest.length > 0 || !isDigits(first) || !isDigits(last)) {
    throw usageError(`${JSON.stringify(text)} is no range of seeds: ${seedsRule}`);
  }
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) {
    throw usageError(`${JSON.stringify(text)} goes beyond 2^53-1: ${seedsRule}`);
  }
  if (from > to) throw usageError(`${JSON.stringify(text)} ends before it starts: did you mean ${to}..${from}?`);
  return { from, to };
}

/** One seed: a whole number. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (isDigits(text) && Number.isSafeInteger(seed)) return seed;
  throw usageError(`${JSON.stringify(text)} is no seed: write a whole number from 0 to 2^53-1, such as --seed 7`);
}

/** How many: a whole number above 0. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (isDigits(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw usageError(`${JSON.stringify(text)} is no number of things: write a whole number above 0, such as 500`);
}

/** How many worker threads. */
export function parseJobs(text: string): number {
  const jobs = Number(text);
  if (isDigits(text) && jobs >= 1 && jobs <= jobsMax) return jobs;
  throw usageError(`${JSON.stringify(text)} is no number of jobs: write a whole number from 1 to ${jobsMax}`);
}

/** `300ms`, `12.5s`, `2m`, `1h`, in milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(?<amount>\d+(?:\.\d+)?)(?<unit>ms|s|m|min|h)$/.exec(text);
  const unitMs = unitsMs[match?.groups?.['unit'] ?? ''];
  const durationMs = Number(match?.groups?.['amount']) * (unitMs ?? Number.NaN);
  if (Number.isFinite(durationMs) && durationMs > 0) return durationMs;
  const meant = /^\d+(?:\.\d+)?$/.test(text) && Number(text) > 0 ? `: did you mean ${text}s?` : '';
  throw usageError(
    `${JSON.stringify(text)} is no duration${meant === '' ? ':' : `${meant} A duration is`} a number above 0 and its unit, such as 300ms, 12.5s, 2m or 1h`,
  );
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text);
}
