/** What a benchmark measures: one figure of ours beside others of the same run. */

export interface BenchResult {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  /** Others in the same run, in the same unit. */
  readonly peers: Readonly<Record<string, number>>;
  /** What is missing beside it, and why. */
  readonly notes?: readonly string[];
  /** Where the figure belongs on a curve of cost growth, see `curves.ts`; `x` is what grows. */
  readonly point?: { readonly curve: string; readonly x: number };
}

/** The middle of an odd number of samples, or the upper of the two in the middle. */
export function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}

/** The smallest sample that `share` of all do not exceed: 0.5, 0.99. */
export function percentile(samples: readonly number[], share: number): number {
  return samples.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * samples.length) - 1)] ?? Number.NaN;
}

/** Runs each task in turn, `rounds` times round, so that a machine that slows down slows all of them. Medians by name. */
export async function alternate(
  rounds: number,
  tasks: Readonly<Record<string, () => Promise<number> | number>>,
): Promise<Record<string, number>> {
  const samples = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, task] of Object.entries(tasks)) {
      const sample = await task();
      samples.set(name, [...(samples.get(name) ?? []), sample]);
      process.stderr.write(`  ${name}: ${formatFigure(sample)}\n`);
    }
  }
  return Object.fromEntries([...samples].map(([name, figures]) => [name, median(figures)]));
}

export function formatFigure(figure: number): string {
  if (!Number.isFinite(figure)) return '-';
  return figure >= 100 ? Math.round(figure).toLocaleString('en-US') : figure.toPrecision(3);
}
