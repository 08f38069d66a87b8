/** Ends a command with an exit code and a message for the person who typed it, without a stack. */
import { exitCodes, type ExitCode } from './exit-code.js';

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** What was typed makes no sense; the message says what would. */
export function usageError(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}
