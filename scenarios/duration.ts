/**
 * Durations in scenario files: `seconds(3)` and `ms(250)`. A bare number is a type error, so no unit is ever guessed.
 */
import { AntecedentError } from '../core/index.js';

declare const millisecondsBrand: unique symbol;

/** A duration in milliseconds, made by `seconds` or `ms`. */
export type Milliseconds = number & { readonly [millisecondsBrand]: true };

/** Longest duration a scenario may name: a day. */
const durationMsMax = 86_400_000;

/** Throws `E_CONFIG` for anything but 0 ... a day. */
export function ms(value: number): Milliseconds {
  if (!(value >= 0 && value <= durationMsMax)) {
    throw new AntecedentError(
      'E_CONFIG',
      `a duration of ${value} ms is not within 0 ms and ${durationMsMax} ms (a day)`,
    );
  }
  return value as Milliseconds;
}

/** Throws `E_CONFIG` for anything but 0 ... a day. */
export function seconds(value: number): Milliseconds {
  return ms(value * 1000);
}
