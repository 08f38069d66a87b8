/**
 * What may not get worse: ratios of ours to the raw limits of the same run, beside those that were stored. Pure; `check.ts` measures.
 *
 * A ratio says how near we come to a limit, so lower is worse, unless it is named a cost (time or CPU beside that of the bare pipeline):
 * then higher is worse. A ratio that is better than stored is fine, and worth an update.
 */
import type { BenchResult } from './case.js';

export interface ExpectedRatio {
  readonly ratio: number;
  /** Share of the ratio by which a run may be worse. */
  readonly tolerance: number;
  readonly worseWhen: 'lower' | 'higher';
}

/** By place: the case and what it is compared with. */
export type ExpectedRatios = Readonly<Record<string, ExpectedRatio>>;
export type MeasuredRatios = Readonly<Record<string, number>>;

export interface Regression {
  readonly place: string;
  readonly expected: ExpectedRatio;
  /** Undefined when it was not measured, or not a number. */
  readonly measured: number | undefined;
}

const defaultTolerance = 0.3;

/** The ratios of results to those of their peers that are limits. */
export function ratiosOf(results: readonly BenchResult[], limits: readonly string[]): MeasuredRatios {
  return Object.fromEntries(
    results.flatMap(({ case: name, ours, peers }) =>
      limits.flatMap((limit) => {
        const figure = peers[limit];
        return figure === undefined ? [] : [[`${name} : ${limit}`, ours / figure] as const];
      }),
    ),
  );
}

/** Everything that is worse than expected by more than its tolerance, and everything expected that was not measured. */
export function findRegressions(expected: ExpectedRatios, measured: MeasuredRatios): readonly Regression[] {
  return Object.entries(expected).flatMap(([place, entry]): readonly Regression[] => {
    const ratio = measured[place];
    if (ratio === undefined || !Number.isFinite(ratio)) return [{ place, expected: entry, measured: undefined }];
    const isWorse =
      entry.worseWhen === 'lower'
        ? ratio < entry.ratio * (1 - entry.tolerance)
        : ratio > entry.ratio * (1 + entry.tolerance);
    return isWorse ? [{ place, expected: entry, measured: ratio }] : [];
  });
}

/** What to store after a run: its ratios, with the tolerances that were stored before. `isCost`: higher is worse there. */
export function updateExpected(
  before: ExpectedRatios,
  measured: MeasuredRatios,
  isCost: (place: string) => boolean,
): ExpectedRatios {
  return Object.fromEntries(
    Object.entries(measured)
      .filter(([, ratio]) => Number.isFinite(ratio))
      .map(([place, ratio]) => [
        place,
        {
          ratio: Number(ratio.toPrecision(3)),
          tolerance: before[place]?.tolerance ?? defaultTolerance,
          worseWhen: isCost(place) ? 'higher' : 'lower',
        },
      ]),
  );
}

/** One line for people: where, what was expected, what was measured. */
export function formatRegression({ place, expected, measured }: Regression): string {
  const { ratio, tolerance, worseWhen } = expected;
  const bound = ratio * (worseWhen === 'lower' ? 1 - tolerance : 1 + tolerance);
  const wanted = `expected ${ratio}, at ${worseWhen === 'lower' ? 'least' : 'most'} ${bound.toPrecision(3)}`;
  return `${place}: measured ${measured === undefined ? 'nothing' : measured.toPrecision(3)}, ${wanted}`;
}
