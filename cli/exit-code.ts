/** Exit codes. Scripts and CI rely on them; they are never reused for anything else. */
export const exitCodes = {
  /** Every property held; or a command that judges nothing did its work. */
  held: 0,
  /** A property was violated. */
  violated: 1,
  /** The command line or a file it names makes no sense. */
  usage: 2,
  /** Nothing can be said: the run did not come to an end, or the machine failed us (disk full, no permission). */
  undecided: 3,
  /** The same plan gave two different runs. */
  notReproducible: 4,
  /** Our own bug. */
  bug: 70,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
