/** Numbers for people: the same text on every machine, whatever its locale. */

/** `31,204`. */
export function formatCount(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `850 ms`, `12.3 s`, `4.2 min`, `3.1 h`, `2.5 days`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 120_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  if (durationMs < 7_200_000) return `${(durationMs / 60_000).toFixed(1)} min`;
  if (durationMs < 172_800_000) return `${(durationMs / 3_600_000).toFixed(1)} h`;
  return `${(durationMs / 86_400_000).toFixed(1)} days`;
}

/** `1 run`, `2 runs`. */
export function countOf(value: number, noun: string, plural: string = `${noun}s`): string {
  return `${formatCount(value)} ${value === 1 ? noun : plural}`;
}
