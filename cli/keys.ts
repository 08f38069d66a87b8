/** `antecedent keys`: the certificates of a cluster, without openssl. */
import { Command, InvalidArgumentError } from 'commander';

/** The command with its subcommands, to be added to the program. Exit codes: 0 done · 2 refused. */
export function keysCommand(): Command {
  const keys = new Command('keys').description('make and show the certificates of a cluster');
  keys
    .command('init')
    .description('make the CA of a cluster: ca.pem and ca.key')
    .requiredOption('--cluster <name>', 'name of the cluster')
    .option('--dir <folder>', 'where the files go', 'keys')
    .option('--days <number>', 'how long the CA is valid', wholeNumber)
    .action((options: InitOptions) => report(() => init(options)));
  keys
    .command('issue')
    .description('make the certificate of a node: <name>.pem and <name>.key')
    .argument('<name>', 'name of the node')
    .option('--dir <folder>', 'where ca.pem and ca.key are and the files go', 'keys')
    .option('--host <host...>', 'IP addresses and host names of the node')
    .option('--days <number>', 'how long the certificate is valid', wholeNumber)
    .action((name: string, options: IssueOptions) => report(() => issue(name, options)));
  keys
    .command('show')
    .description('say what certificates hold and when they end')
    .argument('<file...>', 'certificate files in PEM')
    .action((files: readonly string[]) => report(() => show(files)));
  return keys;
}

interface InitOptions {
  readonly cluster: string;
  readonly dir: string;
  readonly days?: number;
}

interface IssueOptions {
  readonly dir: string;
  readonly host?: readonly string[];
  readonly days?: number;
}

async function init(options: InitOptions): Promise<readonly string[]> {
  const { initKeys } = await import('../transport-tls/index.js');
  const { cert, key } = await initKeys(options);
  return [cert, `${key}  (keep it away from the nodes)`];
}

async function issue(name: string, options: IssueOptions): Promise<readonly string[]> {
  const { issueKeys } = await import('../transport-tls/index.js');
  const { host, ...rest } = options;
  const { cert, key } = await issueKeys({ name, ...rest, ...(host === undefined ? {} : { hosts: host }) });
  return [cert, key];
}

async function show(files: readonly string[]): Promise<readonly string[]> {
  const { showCertificate } = await import('../transport-tls/index.js');
  return files.map((file) => {
    const { kind, id, notBefore, notAfter, alternativeNames, sha256 } = showCertificate(file);
    const period = `${notBefore.toISOString()} to ${notAfter.toISOString()}`;
    return [
      `${file}: ${kind} ${id}`,
      `  valid   ${period}`,
      `  names   ${alternativeNames}`,
      `  sha256  ${sha256}`,
    ].join('\n');
  });
}

/** Prints the lines of a subcommand, or why it was refused. */
async function report(command: () => Promise<readonly string[]>): Promise<void> {
  const { AntecedentError } = await import('../transport-tls/index.js');
  try {
    for (const line of await command()) process.stdout.write(`${line}\n`);
  } catch (error) {
    if (!(error instanceof AntecedentError)) throw error;
    process.stderr.write(`antecedent keys: ${error.code}: ${error.message}\n`);
    process.exitCode = 2;
  }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('give a whole number from 1.');
  return Number(text);
}
