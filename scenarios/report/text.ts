/**
 * A failing run on one screen: at most 40 lines.
 *
 * From top to bottom: what was violated, in one sentence; what was done to the cluster; what happened, as a grid; the
 * options with which it ran; how to see it again. Whatever does not fit is counted, never left out silently.
 */
import type { HistoryEvent } from '../history.js';
import { propertyMeanings, type Violation } from '../oracles/violation.js';
import { plutoDefaults, type Plan } from '../plan.js';
import { formatTime } from './event-text.js';
import { describeFault, describeSettings } from './fault-text.js';
import { formatGrid } from './grid.js';
import { quoteForShell, replayLine, scenarioFileFlag } from './replay-line.js';
import { describeStep } from './step-text.js';

export interface FailureTextInput {
  readonly plan: Plan;
  readonly violation: Violation;
  readonly history: readonly HistoryEvent[];
  /** Where the plan was kept; undefined when it was not. */
  readonly planPath: string | undefined;
  /** Where its scenario comes from; absent for one of the catalogue, and where nobody knows. */
  readonly scenarioFile?: string | undefined;
  /** The plan is as small as it could be made; by default that is told from its name, `*.shrunk.json`. */
  readonly isShrunk?: boolean;
  /** What to type to start this program; `antecedent` when absent. */
  readonly program?: string;
  readonly columns?: number;
}

export const failureLinesMax = 40;
const faultsShownMax = 8;
const stepLinesMax = 5;
const gridRowsMax = 12;

/** Ends with a newline. */
export function failureText(input: FailureTextInput): string {
  const { plan, violation, history, program = 'antecedent', columns = 100 } = input;
  const width = Math.max(40, columns - 2);
  const above = [
    `${plan.scenario}, seed ${plan.seed}${systemName(plan)}: ${violation.property} violated (${propertyMeanings[violation.property]})`,
    ...indent(wrap(violation.sentence, width)).slice(0, 3),
    '',
    `Faults of the plan (${plan.faults.length})`,
    ...indent(faultLines(plan)),
    ...stepLines(plan, width),
  ];
  const below = [
    '',
    'Options',
    ...indent(optionLines(plan, width)),
    '',
    'See it again',
    ...indent(replayLines(input, program)),
  ];
  // The grid has what the rest leaves: less an empty line, its heading and its header.
  const rowsMax = Math.min(gridRowsMax, failureLinesMax - above.length - below.length - 3);
  const grid = formatGrid({ history, faults: plan.faults, violation }, rowsMax, width);
  const middle = grid.length === 0 ? [] : ['', 'What led to it', ...indent(grid)];
  return `${[...above, ...middle, ...below].join('\n')}\n`;
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`));
}

function faultLines({ faults, options }: Plan): readonly string[] {
  const always = describeSettings(options.link);
  const shown = faults.slice(0, faultsShownMax).map((fault) => `${formatTime(fault.atMs)}  ${describeFault(fault)}`);
  const rest = faults.length - shown.length;
  return [
    `    always  links: ${always}`,
    ...shown,
    ...(rest > 0 ? [`            and ${rest} more, see the plan`] : []),
  ];
}

/** In which order things happened, where the plan says so. */
function stepLines({ steps }: Plan, width: number): readonly string[] {
  if (steps === undefined) return [];
  const lines = wrap(steps.map(describeStep).join(' · '), width);
  const shown = lines.length <= stepLinesMax ? lines : [...lines.slice(0, stepLinesMax - 1), '... see the plan'];
  return ['', `Steps of the plan (${steps.length})`, ...indent(shown)];
}

function optionLines(plan: Plan, width: number): readonly string[] {
  const { options } = plan;
  const marks = Object.entries(options.applications).flatMap(([node, { memory }]) => (memory === 'mark' ? [node] : []));
  const parts = [
    `nodes ${plan.nodes.length}`,
    `workload ${plan.workload} (${plan.operations.length} operations)`,
    `faults end at ${plan.healedAtMs} ms`,
    `deadline ${plan.deadlineMs} ms`,
    ...Object.entries(plan.budgets ?? {}).map(([key, most]) => `${key} at most ${most}`),
    `disk ${describeSettings(options.disk)}`,
    ...(marks.length === 0 ? [] : [`nodes that keep the mark: ${marks.join(' ')}`]),
    ...Object.entries(
      plan.system === 'pluto' ? (options.pluto ?? plutoDefaults) : { ...options.timings, ...options.limits },
    ).map(([key, value]) => `${key} ${value}`),
  ];
  const lines = wrap(parts.join(' · '), width);
  return lines.length <= 5 ? lines : [...lines.slice(0, 4), '... see the plan'];
}

function replayLines({ plan, planPath, scenarioFile, isShrunk }: FailureTextInput, program: string): readonly string[] {
  const target = { ...plan, planPath, scenarioFile };
  const replay = replayLine(program, target);
  if (planPath === undefined) return [replay];
  return [
    replay,
    `${program} report ${quoteForShell(planPath)}${scenarioFileFlag(target)} (draws it: a page for the browser)`,
    (isShrunk ?? planPath.endsWith('.shrunk.json'))
      ? `plan: ${planPath} (readable, and as small as it could be made)`
      : `plan: ${planPath} (readable; ${program} shrink makes it smaller)`,
  ];
}

/** Behind the name of a run: nothing for our own system. */
function systemName({ system = 'antecedent' }: Plan): string {
  return system === 'antecedent' ? '' : `, ${system}`;
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
