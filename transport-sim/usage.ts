/**
 * What programs have asked of the network and of the disks so far: what budgets of a run are measured by.
 *
 * No part of the trace, and nothing in a simulation depends on it.
 */
export interface Usage {
  /** Writes that have left on a link, whatever became of them, and their bytes. */
  readonly writes: number;
  readonly writtenBytes: number;
  /** Syncs of files and directories that were asked for, failed ones included. */
  readonly syncs: number;
  /** Most bytes that waited in the links of one machine at once: for their turn on a thin line, or for a reader that had stopped. */
  readonly bufferedBytesMax: number;
  /** Most bytes that the files of one machine held, of the moments at which a sync was asked for. */
  readonly diskBytesMax: number;
}

/** For the simulated parts, which count. */
export type MutableUsage = { -readonly [Key in keyof Usage]: Usage[Key] };

export function noUsage(): MutableUsage {
  return { writes: 0, writtenBytes: 0, syncs: 0, bufferedBytesMax: 0, diskBytesMax: 0 };
}
