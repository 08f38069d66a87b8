/** When faults happen: once, at regular times, or at random ones. */
import { AntecedentError } from '../core/index.js';
import type { RandomStream } from '../transport-sim/index.js';
import type { Milliseconds } from './duration.js';
import type { Fault } from './faults.js';

/** The span in which faults may begin. */
export interface Span {
  readonly from: Milliseconds;
  readonly until: Milliseconds;
}

export type ScheduledFault =
  | { readonly when: 'at'; readonly atMs: Milliseconds; readonly fault: Fault }
  | { readonly when: 'every'; readonly periodMs: Milliseconds; readonly span: Span; readonly fault: Fault }
  | { readonly when: 'randomly'; readonly perSecond: number; readonly span: Span; readonly fault: Fault };

/** Once, at that time. */
export function at(atMs: Milliseconds, fault: Fault): ScheduledFault {
  return { when: 'at', atMs, fault };
}

/** At `from`, and again after each `period`, up to `until`; targets are drawn each time. Throws `E_CONFIG`. */
export function every(period: Milliseconds, fault: Fault, span: Span): ScheduledFault {
  if (period === 0) throw new AntecedentError('E_CONFIG', 'every: a period of 0 ms never ends; give at least ms(1)');
  checkSpan('every', span);
  return { when: 'every', periodMs: period, span, fault };
}

/** At independent, uniform times: on average `perSecond` a second. Throws `E_CONFIG`. */
export function randomly(perSecond: number, fault: Fault, span: Span): ScheduledFault {
  if (!(perSecond >= 0 && perSecond <= 1000)) {
    throw new AntecedentError('E_CONFIG', `randomly: a rate of ${perSecond} a second is not within 0 and 1000`);
  }
  checkSpan('randomly', span);
  return { when: 'randomly', perSecond, span, fault };
}

function checkSpan(name: string, { from, until }: Span): void {
  if (from <= until) return;
  throw new AntecedentError(
    'E_CONFIG',
    `${name}: the span from ${from} ms until ${until} ms ends before it begins; swap the two`,
  );
}

/** The times at which a fault happens, in whole microseconds, ascending. */
export function timesOf(scheduled: ScheduledFault, random: RandomStream): readonly number[] {
  switch (scheduled.when) {
    case 'at':
      return [scheduled.atMs];
    case 'every': {
      const { from, until } = scheduled.span;
      const count = Math.floor((until - from) / scheduled.periodMs) + 1;
      return Array.from({ length: count }, (_, index) => from + index * scheduled.periodMs);
    }
    case 'randomly': {
      const { from, until } = scheduled.span;
      const expected = (scheduled.perSecond * (until - from)) / 1000;
      const count = Math.floor(expected) + (random.chance(expected % 1) ? 1 : 0);
      const timesMs = Array.from({ length: count }, () => random.between(from * 1000, until * 1000) / 1000);
      return timesMs.sort((a, b) => a - b);
    }
  }
}
