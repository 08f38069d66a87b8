/** `antecedent node`: runs a member of a cluster as a process. */
import { Command } from 'commander';

const signals = `
Signals:
  SIGTERM, SIGINT  finish what has been read, say goodbye to the peers, exit with 0; a second one ends at once
  SIGHUP           read the configuration and the certificates again: addresses of peers and certificates change, all of it or
                   nothing; what else has changed is refused in the log, with the remedy

While it runs, ask it with "antecedent status", and change its cluster with "antecedent member".
`;

/**
 * The command, to be added to the program. Exit codes: 0 stopped on request · 2 wrong configuration · 3 could not run ·
 * 130 and 143 ended by a second SIGINT or SIGTERM.
 */
export function nodeCommand(): Command {
  return new Command('node')
    .description('run a member of a cluster; applications speak to it in JSON lines')
    .requiredOption('--config <file>', 'configuration in TOML')
    .requiredOption(
      '--stdio',
      'broadcasts from standard input, deliveries to standard output, the log to standard error',
    )
    .addHelpText('after', signals)
    .action(async (options: { readonly config: string }) => {
      process.exitCode = await runNode(options.config);
    });
}

async function runNode(file: string): Promise<number> {
  // Loaded here, so that no other command pays for it.
  const { exitCodeFor, loadConfig, runDaemon } = await import('../transport-tls/index.js');
  const { AntecedentError } = await import('../transport-tls/index.js');
  try {
    const exit = (code: number): never => process.exit(code);
    return await runDaemon(await loadConfig(file), {
      readConfig: () => loadConfig(file),
      input: process.stdin,
      output: process.stdout,
      signals: process,
      exit,
    });
  } catch (error) {
    if (!(error instanceof AntecedentError)) throw error;
    process.stderr.write(`antecedent node: ${error.code}: ${error.message}\n`);
    return exitCodeFor(error);
  }
}
