/** Commands that speak to a running node: which node is meant, what it answers, and what a refusal means. */
import { AntecedentError, askNode, readDataDirectory, type ControlRequest } from '../transport-tls/index.js';
import { CommandError } from './command-error.js';
import { exitCodes } from './exit-code.js';

export const configOption = [
  '--config <file>',
  "the node's configuration in TOML: its data directory tells which node is meant",
] as const;

export const askingHelp = `
The node must run as "antecedent node" on this machine, and you must be the user who runs it: it is asked on a socket in its data
directory.

Exit codes: 0 done; 2 usage, or the node says that what was asked makes no sense; 3 no node runs there, or it could not do it.
`;

/** What is wrong with what was typed. Everything else is the fault of a machine, or of the moment. */
const usageCodes: readonly string[] = [
  ...['E_CONFIG', 'E_INPUT', 'E_NAME', 'E_NOT_MEMBER', 'E_POSITION', 'E_UNKNOWN_MEMBER'],
];

/** The result of a request to the node of a configuration. Throws `CommandError`. */
export async function askConfigured(config: string, request: ControlRequest): Promise<unknown> {
  return ask(await translated(readDataDirectory(config)), request);
}

/** The result of a request to the node that runs on `directory`. Throws `CommandError`. */
export async function ask(directory: string, request: ControlRequest): Promise<unknown> {
  const answer = await translated(askNode(directory, request));
  if ('error' in answer) throw refused(answer.error.code, answer.error.message);
  return answer.result;
}

/** The code of what went wrong belongs into the message, and decides the exit code. */
export async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AntecedentError)) throw error;
    throw refused(error.code, error.message, error);
  }
}

function refused(code: string, message: string, cause?: AntecedentError): CommandError {
  const exitCode = usageCodes.includes(code) ? exitCodes.usage : exitCodes.undecided;
  return new CommandError(exitCode, `${code}: ${message}`, cause === undefined ? {} : { cause });
}
