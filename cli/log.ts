/** `antecedent log`: what a node's log holds, whether it is whole, and its repair. */
import { Command, Option } from 'commander';
import {
  AntecedentError,
  inspectLog,
  repairLog,
  type InspectedRecord,
  type LogInspection,
  type RepairPlan,
  type RepairResult,
} from '../transport-tls/index.js';
import { CommandError, usageError } from './command-error.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import {
  describeInspection,
  describeNoRecords,
  describePlan,
  describeRecord,
  describeRepair,
  describeVerify,
} from './log-text.js';
import { inspectionDocument, recordDocument, RecordsDocument, repairDocument, verifyDocument } from './log-json.js';
import { formatCount } from './numbers.js';
import { startProgress } from './progress.js';
import { writeJson, type Terminal } from './terminal.js';

const exitCodeHelp = `
Exit codes: 0 clean, or torn, which a start mends; 1 corrupt or foreign; 2 usage, or no log there; 3 nothing can be said:
a log of a newer program, or one that cannot be read.
`;

export function logCommand(terminal: Terminal): Command {
  const log = new Command('log').description("Looks at the log in a node's data directory, judges it and repairs it.");
  log.addCommand(verifyCommand(terminal));
  log.addCommand(inspectCommand(terminal));
  log.addCommand(repairCommand(terminal));
  return log;
}

// --- verify ------------------------------------------------------------------------------------------------------------

function verifyCommand(terminal: Terminal): Command {
  return new Command('verify')
    .summary('read all of a log and judge it as a start would')
    .description(
      'Reads all of a log and says what a node that starts there would say: clean, torn, corrupt or foreign, with the ' +
        'place, the reason and what to do. Changes nothing and takes no lock, so a node may run there meanwhile.',
    )
    .argument('<dir>', 'data directory of a node')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', exitCodeHelp)
    .action(async (directory: string, { json }: { readonly json?: true }) => {
      const inspection = await inspectWithProgress(terminal, directory);
      terminal.exitCode = exitCodeOf(inspection);
      if (json === true) writeJson(terminal, verifyDocument(inspection));
      else terminal.out.write(describeVerify(terminal.out, inspection));
    });
}

// --- inspect -----------------------------------------------------------------------------------------------------------

interface InspectOptions {
  readonly records?: true;
  readonly from?: number;
  readonly to?: number;
  readonly json?: true;
}

function inspectCommand(terminal: Terminal): Command {
  return new Command('inspect')
    .summary('show what a log holds: segments, origins, records')
    .description(
      'Shows what a log holds: its segments, its messages by origin, and with --records every record. Payloads are not ' +
        'shown. Changes nothing and takes no lock, so a node may run there meanwhile.',
    )
    .argument('<dir>', 'data directory of a node')
    .option('--records', 'list every record, one a line')
    .addOption(new Option('--from <lsn>', 'list records from this one on').argParser(parseLsn))
    .addOption(new Option('--to <lsn>', 'list records up to this one').argParser(parseLsn))
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
Examples:
  antecedent log inspect data/a
  antecedent log inspect data/a --records --from 1200 --to 1300
${exitCodeHelp}`,
    )
    .action(async (directory: string, options: InspectOptions) => {
      const { from = 1, to = Infinity } = options;
      if (from > to) throw usageError(`--from ${from} lies behind --to ${to}: did you mean --from ${to} --to ${from}?`);
      const isListing = options.records === true || options.from !== undefined || options.to !== undefined;
      const isWanted = ({ lsn }: InspectedRecord): boolean => isListing && lsn >= from && lsn <= to;
      const inspect = options.json === true ? inspectAsJson : inspectAsText;
      await inspect(terminal, directory, isListing, isWanted);
    });
}

type IsWanted = (record: InspectedRecord) => boolean;

async function inspectAsText(
  terminal: Terminal,
  directory: string,
  isListing: boolean,
  isWanted: IsWanted,
): Promise<void> {
  const { out } = terminal;
  let listed = 0;
  const onRecord = (record: InspectedRecord): void => {
    if (!isWanted(record)) return;
    listed++;
    out.write(`${describeRecord(record)}\n`);
  };
  const inspection = isListing
    ? await translated(inspectLog(directory, { onRecord }))
    : await inspectWithProgress(terminal, directory);
  terminal.exitCode = exitCodeOf(inspection);
  if (isListing && listed === 0) out.write(describeNoRecords(inspection));
  out.write(`${isListing ? '\n' : ''}${describeInspection(out, inspection)}`);
}

/** Records are written as they are read, so that a log of any size takes no memory. */
async function inspectAsJson(
  terminal: Terminal,
  directory: string,
  isListing: boolean,
  isWanted: IsWanted,
): Promise<void> {
  if (!isListing) {
    const inspection = await inspectWithProgress(terminal, directory);
    terminal.exitCode = exitCodeOf(inspection);
    writeJson(terminal, inspectionDocument(inspection));
    return;
  }
  const document = new RecordsDocument((text) => {
    terminal.out.write(text);
  });
  const onRecord = (record: InspectedRecord): void => {
    if (isWanted(record)) document.add(recordDocument(record));
  };
  try {
    const inspection = await translated(inspectLog(directory, { onRecord }));
    terminal.exitCode = exitCodeOf(inspection);
    document.end(inspectionDocument(inspection));
  } catch (error) {
    // What has been written so far is made a document, or whoever parses it would complain about the wrong thing.
    if (document.hasBegun) document.end({ error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

// --- repair ------------------------------------------------------------------------------------------------------------

interface RepairOptions {
  readonly yes?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

function repairCommand(terminal: Terminal): Command {
  return new Command('repair')
    .summary('end a corrupt log in front of the damage, and keep the rest aside')
    .description(
      'Repairs a log in which something that had been synced is damaged: the log ends in front of the damage, and the node ' +
        'goes on as a new incarnation, which is given the rest again by its peers. Nothing is deleted: every segment that is changed or ' +
        'taken out is kept whole as SEGMENT.N.damaged beside the log; you may delete these files when nobody needs them. ' +
        'The node must be stopped. A clean log is left alone, and so is a torn one, which the next start mends. An ' +
        'interrupted repair can be run again.',
    )
    .argument('<dir>', 'data directory of a stopped node')
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--yes', 'do not ask; needed where there is nobody to be asked')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
Exit codes: 0 the log is good now; 1 it is not (with --dry-run, or after a "no"); 2 usage, or no log there; 3 could not be
done: a node runs there, the disk fails, a newer program wrote the log, nothing of it can be read, or nobody can tell whose it
is.
`,
    )
    .action(async (directory: string, options: RepairOptions) => {
      const result = await repair(terminal, directory, options);
      terminal.exitCode =
        result.outcome === 'planned' || result.outcome === 'declined' ? exitCodes.violated : exitCodes.held;
      if (options.json === true) writeJson(terminal, repairDocument(directory, result));
      else terminal.out.write(describeRepair(terminal.out, directory, result));
    });
}

function repair(terminal: Terminal, directory: string, options: RepairOptions): Promise<RepairResult> {
  const { out, err, ask } = terminal;
  const confirm = async (plan: RepairPlan): Promise<boolean> => {
    if (options.yes === true) return true;
    if (ask === undefined) {
      throw usageError(
        `the log in ${directory} is ${plan.verdict}, and there is nobody to be asked whether to repair it: look at ` +
          'what --dry-run says, then give --yes',
      );
    }
    const stream = options.json === true ? err : out;
    stream.write(`${describePlan(stream, directory, plan)}\n`);
    return ask('Repair the log?');
  };
  const onStep = (about: string): void => {
    if (err.isTty) err.write(`  ${about}\n`);
  };
  return translated(repairLog(directory, { dryRun: options.dryRun === true, confirm, onStep }));
}

// --- What they share ---------------------------------------------------------------------------------------------------

async function inspectWithProgress(terminal: Terminal, directory: string): Promise<LogInspection> {
  if (!terminal.err.isTty) return translated(inspectLog(directory));
  const progress = startProgress(terminal.err);
  try {
    const onProgress = ({ fraction, records }: { readonly fraction: number; readonly records: number }): void => {
      progress.update(fraction, `${formatCount(records)} records`);
    };
    return await translated(inspectLog(directory, { onProgress }));
  } finally {
    progress.stop();
  }
}

/** The code of what went wrong belongs into the message, and decides the exit code. */
async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AntecedentError)) throw error;
    const exitCode = error.code === 'E_NOT_A_LOG' ? exitCodes.usage : exitCodes.undecided;
    throw new CommandError(exitCode, `${error.code}: ${error.message}`, { cause: error });
  }
}

function exitCodeOf({ verdict }: LogInspection): ExitCode {
  if (verdict === 'unsupported') return exitCodes.undecided;
  return verdict === 'corrupt' || verdict === 'foreign' ? exitCodes.violated : exitCodes.held;
}

function parseLsn(text: string): number {
  const lsn = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(lsn) && lsn > 0) return lsn;
  throw usageError(`${JSON.stringify(text)} is no lsn: write the number of a record, from 1 on, such as --from 1200`);
}
