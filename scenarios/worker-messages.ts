/** What a sweep and its worker threads say to each other: plain data, all of it. */
import type { Violation } from './oracles/violation.js';
import type { Variation } from './profile.js';
import type { SeedOutcome } from './run-seed.js';

/** One run to be made, or, with `lost`, one to be told about that could not be made. */
export interface SeedTask {
  /** Echoed by `Started`. */
  readonly ticket: number;
  readonly scenario: string;
  /** The file that the scenario is loaded from; undefined for one of the catalogue. */
  readonly file: string | undefined;
  readonly seed: number;
  readonly settings: SeedSettings;
  readonly lost: Violation | undefined;
}

/** The same for all runs of a sweep, but for the path. */
export interface SeedSettings {
  readonly verifyShare: number;
  readonly planPath: string | undefined;
  readonly program: string;
  readonly variation: Variation;
}

/** Sent when everything is loaded and the run begins: from here on its time counts. */
export interface Started {
  readonly started: number;
}

/** An error loses its code on the way between threads. */
export type SeedAnswer =
  | { readonly outcome: SeedOutcome }
  | { readonly error: { readonly code: string | undefined; readonly message: string; readonly stack: string } };

export function isStarted(message: unknown): message is Started {
  return typeof message === 'object' && message !== null && 'started' in message;
}
