/**
 * How text in the format of pluto v0.4 is refused: always by `E_PLUTO`, always with the part that is wrong and its place.
 *
 * What is shown of a part is cut to a length that fits a line: it may be the megabytes that somebody sent.
 */
import { AntecedentError } from '../errors.js';

const shownMax = 40;

/** `problem` says what is wrong, in words that need no context. */
export function refusal(problem: string): AntecedentError {
  return new AntecedentError('E_PLUTO', problem);
}

/** A part of a text for a message: its beginning in quotes, with its length when there is more. */
export function quote(part: string): string {
  if (part.length <= shownMax) return JSON.stringify(part);
  return `${JSON.stringify(part.slice(0, shownMax))}... (${part.length} characters)`;
}
