/**
 * `antecedent report`: tells a failure, as a page for the browser or for other people's tools.
 *
 * A plan is run again for its history, a recorded history is judged again, so the report is what the present code does. Its exit
 * code says whether there is a report; whether the run holds is what `replay` and `check` are for.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import {
  checkHistory,
  htmlReport,
  isHistory,
  mermaidDiagram,
  readHistory,
  readPlan,
  runPlan,
  shivizLog,
  storyOfHistory,
  storyOfRun,
  traceEvents,
  type Story,
} from '../scenarios/index.js';
import { usageError } from './command-error.js';
import { programName } from './invocation.js';
import { bytesOfFile, programsOf, scenarioFileOption } from './scenario-argument.js';
import { describeStory } from './story-text.js';
import { paint, printable, writeJson, type Stream, type Terminal } from './terminal.js';

const formats = {
  html: (story: Story): string => htmlReport(story),
  text: (story: Story, stream: Stream): string => describeStory({ ...stream, hasColor: false }, story),
  shiviz: (story: Story): string => shivizLog(story),
  mermaid: (story: Story): string => mermaidDiagram(story),
  perfetto: (story: Story): string => traceEvents(story),
};

type Format = keyof typeof formats;

interface Options {
  readonly format: Format;
  readonly out?: string;
  readonly scenarioFile?: string;
  readonly json?: true;
}

export function reportCommand(terminal: Terminal): Command {
  return new Command('report')
    .description(
      'Runs the plan of a failure again and tells what happened: as one HTML file with a space-time diagram, which needs no ' +
        'network and no server, or in a form that other tools read. Also tells a recorded history.',
    )
    .argument(
      '<failure>',
      'the file that a failing run or sweep has kept, or a history ("antecedent run --history FILE")',
    )
    .addOption(new Option('--format <format>', 'what to write').choices(Object.keys(formats)).default('html'))
    .option(
      '--out <file>',
      'where to; "-" is the standard output (when absent: html beside the failure, all others to "-")',
    )
    .addOption(scenarioFileOption())
    .option('--json', 'print one JSON document about the report, which then goes to a file')
    .addHelpText(
      'after',
      `
Formats:
  html       a page for the browser: zoom, seek, filter, what an event follows from and what follows from it
  text       the violation and what led to it, at most a screen
  shiviz     a log with vector clocks: open the file at https://bestchai.bitbucket.io/shiviz
  mermaid    a sequence diagram of at most 40 events, for issues and Markdown
  perfetto   a trace: open the file at https://ui.perfetto.dev or in chrome://tracing

Examples:
  antecedent report runs/crash-restart-17.json                    writes runs/crash-restart-17.html
  antecedent report runs/crash-restart-17.json --format text
  antecedent report history.jsonl --format perfetto --out trace.json
`,
    )
    .action(async (path: string, options: Options) => {
      await act(terminal, path, options);
    });
}

async function act(terminal: Terminal, path: string, { format, ...options }: Options): Promise<void> {
  const out = options.out ?? (format === 'html' ? `${path.replace(/\.jsonl?$/, '')}.html` : '-');
  if (out === '') throw usageError('--out needs the name of a file');
  const isPrinted = out === '-';
  if (isPrinted && options.json === true) {
    throw usageError('with --json the report goes to a file: name it with --out FILE');
  }
  const story = await storyOf(path, options.scenarioFile);
  const text = formats[format](story, terminal.out);
  if (isPrinted) {
    terminal.out.write(text);
    return;
  }
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, text);
  const { violation } = story;
  if (options.json === true) {
    const verdict = violation?.kind ?? (story.isDecided ? 'pass' : 'undecided');
    const violations = violation === undefined ? [] : [violation];
    writeJson(terminal, { format, path: out, title: story.title, verdict, violations, events: story.history.length });
  } else {
    const found = violation === undefined ? (story.isDecided ? 'held' : 'undecided') : `${violation.property} violated`;
    terminal.out.write(`${paint(terminal.out, 'bold', printable(out))}  ${printable(story.title)}: ${found}\n`);
  }
}

async function storyOf(path: string, scenarioFile: string | undefined): Promise<Story> {
  const text = new TextDecoder().decode(bytesOfFile(path));
  if (isHistory(text)) {
    const history = readHistory(text, path);
    return storyOfHistory(history, checkHistory(history), programName());
  }
  const plan = readPlan(text, path);
  const result = runPlan(plan, { programs: await programsOf(plan, scenarioFile), keepHistory: true });
  return storyOfRun(result, { planPath: path, program: programName(), scenarioFile });
}
