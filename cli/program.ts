/**
 * The command line as a whole: which commands there are, and what their outcomes mean.
 *
 * A command's code is loaded only when that command (or its help) is asked for: a sweep never loads TLS, and `--help`
 * answers at once. So the names and summaries stand here, and everything else about a command in its own file.
 */
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { CommandError } from './command-error.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { paint, printable, type Terminal } from './terminal.js';

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: (terminal: Terminal) => Promise<Command>;
}

const groups: readonly { readonly title: string; readonly commands: readonly CommandEntry[] }[] = [
  {
    title: 'Simulate and judge:',
    commands: [
      {
        name: 'run',
        summary: 'one run of a scenario, or of a plan file, with a verdict',
        load: async (terminal) => (await import('./run.js')).runCommand(terminal),
      },
      {
        name: 'sweep',
        summary: 'many seeds of many scenarios; keeps the plan of every failure',
        load: async (terminal) => (await import('./sweep.js')).sweepCommand(terminal),
      },
      {
        name: 'merge',
        summary: 'what several machines have found that shared a sweep',
        load: async (terminal) => (await import('./merge.js')).mergeCommand(terminal),
      },
      {
        name: 'crash-points',
        summary: 'a crash at every disk operation of a small scenario, judged each time',
        load: async (terminal) => (await import('./crash-points.js')).crashPointsCommand(terminal),
      },
      {
        name: 'explore',
        summary: 'a very small run in every order in which its messages can come',
        load: async (terminal) => (await import('./explore.js')).exploreCommand(terminal),
      },
      {
        name: 'shrink',
        summary: 'the smallest plan that still fails in the same way',
        load: async (terminal) => (await import('./shrink.js')).shrinkCommand(terminal),
      },
      {
        name: 'replay',
        summary: 'exactly a failing run again',
        load: async (terminal) => (await import('./replay.js')).replayCommand(terminal),
      },
      {
        name: 'report',
        summary: 'tells a failure: a page with a diagram, or a file for other tools',
        load: async (terminal) => (await import('./report.js')).reportCommand(terminal),
      },
      {
        name: 'check',
        summary: 'judges a recorded history, simulated or real',
        load: async (terminal) => (await import('./check.js')).checkCommand(terminal),
      },
      {
        name: 'mutants',
        summary: 'which planted bugs the simulator finds',
        load: async (terminal) => (await import('./mutants.js')).mutantsCommand(terminal),
      },
      {
        name: 'list',
        summary: 'the scenarios there are, and what each is about',
        load: async (terminal) => (await import('./list.js')).listCommand(terminal),
      },
    ],
  },
  {
    title: 'In production:',
    commands: [
      {
        name: 'node',
        summary: 'a node of a cluster, over TLS',
        load: async () => (await import('./node.js')).nodeCommand(),
      },
      {
        name: 'status',
        summary: 'what a running node knows, what it waits for, and who could help',
        load: async (terminal) => (await import('./status.js')).statusCommand(terminal),
      },
      {
        name: 'member',
        summary: 'add and remove members of a running cluster',
        load: async (terminal) => (await import('./member.js')).memberCommand(terminal),
      },
      {
        name: 'delivery',
        summary: 'try a delivery again that the application fails with, or give it up',
        load: async (terminal) => (await import('./delivery.js')).deliveryCommand(terminal),
      },
      {
        name: 'keys',
        summary: "a cluster's certificates",
        load: async () => (await import('./keys.js')).keysCommand(),
      },
      {
        name: 'log',
        summary: 'what the log of a node holds, whether it is whole, and its repair',
        load: async (terminal) => (await import('./log.js')).logCommand(terminal),
      },
      {
        name: 'restore',
        summary: 'let a node go on after its data directory was restored or emptied',
        load: async (terminal) => (await import('./restore.js')).restoreCommand(terminal),
      },
    ],
  },
];

const examples = `
Examples:
  antecedent list                                   what can be simulated
  antecedent run partition-heal                     one run: five nodes, two halves, a verdict
  antecedent run --input words.txt                  broadcast every line of a file under faults, compare what arrives
  antecedent sweep --for 30s                        every scenario with fresh seeds, for half a minute
  antecedent sweep crash-restart --seeds 1..500     500 seeds of one scenario
  antecedent crash-points                           a crash at every disk operation of a small run, within a minute
  antecedent shrink runs/crash-restart-17.json      the smallest plan that fails like this one
  antecedent replay runs/crash-restart-17.json      a failure again, step by step
  antecedent report runs/crash-restart-17.json      the same as a page for the browser, with a diagram
  antecedent status data/a                          how a running node is, and what it waits for
  antecedent log verify data/a                      whether the log of a node is whole, and what to do if not

Exit codes: 0 held, 1 a property was violated, 2 usage, 3 undecided, 4 not reproducible, 70 a bug of this program.
"antecedent COMMAND --help" explains a command.
`;

/** Runs a command line (without the name of the program) and returns the exit code. Throws nothing. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    const program = await buildProgram(args, terminal);
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: 'user' });
    return terminal.exitCode;
  } catch (error) {
    return report(error, terminal);
  }
}

async function buildProgram(args: readonly string[], terminal: Terminal): Promise<Command> {
  const program = new Command('antecedent')
    .description(
      'Reliable, durable, causally ordered messages between nodes, and a simulator that tries to break them.',
    )
    .version(readVersion(), '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .configureOutput({
      writeOut: (text) => {
        terminal.out.write(text);
      },
      writeErr: (text) => {
        terminal.err.write(text);
      },
      getOutHelpWidth: () => terminal.out.columns,
      getErrHelpWidth: () => terminal.err.columns,
      getOutHasColors: () => terminal.out.hasColor,
      getErrHasColors: () => terminal.err.hasColor,
    })
    .configureHelp({ styleTitle: (text) => paint(terminal.out, 'bold', text) })
    .exitOverride()
    .addHelpText('after', examples);

  const wanted = selectedCommand(args);
  for (const { title, commands } of groups) {
    program.commandsGroup(title);
    for (const { name, summary, load } of commands) {
      const command = name === wanted ? await load(terminal) : new Command(name);
      inheritSettings(command, program);
      program.addCommand(command.summary(summary));
    }
  }
  return program;
}

/** The command whose code is needed: `sweep` in `sweep --for 5s` and in `help sweep`. */
export function selectedCommand(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}

/** Commander copies settings to a command when the parent makes it, but these are made in their own files. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, command);
}

function readVersion(): string {
  // The package refers to itself by name, so this works from the sources and from dist/ alike.
  const manifest: unknown = createRequire(import.meta.url)('antecedent/package.json');
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof version === 'string' ? version : 'unknown';
}

function report(error: unknown, terminal: Terminal): ExitCode {
  // Commander has printed its message already; it exits with 0 after --help and --version, with 1 for bad usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.held : exitCodes.usage;
  const message = error instanceof Error ? error.message : String(error);
  const exitCode = exitCodeFor(error);
  terminal.err.write(`${paint(terminal.err, 'red', 'antecedent:')} ${printable(message)}\n`);
  if (exitCode === exitCodes.bug) {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    terminal.err.write(`This is a bug of antecedent ${readVersion()}. Please report it with what follows.\n${stack}\n`);
  }
  return exitCode;
}

function exitCodeFor(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return exitCodes.bug;
  // Codes of ours that speak of what the user wrote; then system errors such as ENOSPC and EACCES, and the rest of ours.
  if (code === 'E_CONFIG' || code === 'E_PLAN' || code === 'E_HISTORY' || code === 'E_NAME') return exitCodes.usage;
  return /^E[A-Z_]+$/.test(code) && !code.startsWith('ERR_') ? exitCodes.undecided : exitCodes.bug;
}
