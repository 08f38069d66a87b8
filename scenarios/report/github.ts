/**
 * A sweep for GitHub: annotations (lines that its runner reads in the output of a step) and a job summary (Markdown).
 *
 * Annotations: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. Ten of a kind are shown for a step, so
 * no more are written. Both hold text of others: a line of it must not become a command, nor markup.
 */
import { hasRegressed, type RegressionOutcome } from '../regressions.js';
import type { SweepFailure, SweepResult } from '../sweep-tally.js';
import { escapeMarkdown, visible } from './foreign-text.js';
import { quoteForShell, replayLine } from './replay-line.js';

const annotationsMax = 10;
const failuresListedMax = 20;
/** A step may write a MiB of summary. */
const diagramLengthMax = 50_000;

/** One line each, without newline. */
export function githubAnnotations(result: SweepResult): readonly string[] {
  const { failures, regressions, notReproducible, undecidedRuns, missedGoals } = result;
  const errors = [
    ...regressions
      .filter(hasRegressed)
      .map(({ path, property, sentence }) =>
        annotation('error', `${path}: ${property ?? 'it'} violated again`, sentence ?? ''),
      ),
    ...failures.map(({ scenario, seed, property, sentence }) =>
      annotation('error', `${scenario}, seed ${seed}: ${property} violated`, sentence),
    ),
    ...missedGoals.map(({ scenario, goal, runs }) =>
      annotation('error', `${scenario}: goal ${goal} missed`, `None of ${runs} runs came to it.`),
    ),
  ];
  const warnings = [
    ...notReproducible.map(({ scenario, seed }) =>
      annotation('warning', `${scenario}, seed ${seed}: not reproducible`, 'The same plan gave two runs.'),
    ),
    ...undecidedRuns.map(({ scenario, seed }) =>
      annotation('warning', `${scenario}, seed ${seed}: undecided`, 'The run came to no verdict.'),
    ),
  ];
  return [errors, warnings].flatMap((list) => list.slice(0, annotationsMax));
}

function annotation(kind: 'error' | 'warning', title: string, message: string): string {
  const data = (text: string): string => visible(text).replaceAll('%', '%25');
  return `::${kind} title=${data(title).replaceAll(':', '%3A').replaceAll(',', '%2C')}::${data(message)}`;
}

export interface JobSummaryOptions {
  /** What to type to start this program. */
  readonly program: string;
  /** A Mermaid diagram of the first failure; undefined when there is none. */
  readonly diagram: string | undefined;
}

/** Markdown; ends with a newline. */
export function jobSummary(result: SweepResult, { program, diagram }: JobSummaryOptions): string {
  const { runs, events, scenarios, failures, regressions, system } = result;
  const regressed = regressions.filter(hasRegressed);
  const rows = scenarios
    .filter((scenario) => scenario.runs > 0)
    .map((scenario) => `| ${escapeMarkdown(scenario.name)} | ${scenario.runs} | ${scenario.failed} |`);
  const rest = failures.length - failuresListedMax;
  return [
    `## Antecedent: ${headline(result, regressed.length)}`,
    '',
    `${runs} runs, ${events} simulated events${result.isInterrupted ? ', interrupted' : ''}.`,
    '',
    ...regressed.slice(0, failuresListedMax).flatMap((regression) => regressionLines(regression, program)),
    ...failures.slice(0, failuresListedMax).flatMap((failure) => failureLines({ ...failure, system }, program)),
    ...(rest > 0 ? [`- and ${rest} more`] : []),
    ...(diagram === undefined ? [] : diagramLines(diagram)),
    '',
    '<details><summary>Scenarios</summary>',
    '',
    '| scenario | runs | failed |',
    '|---|---:|---:|',
    ...rows,
    '',
    '</details>\n',
  ].join('\n');
}

function headline(result: SweepResult, regressed: number): string {
  const { runs, failed, undecided, notReproducible, regressions, missedGoals, isInterrupted } = result;
  if (failed > 0) return `❌ ${failed} of ${runs} runs violated a property`;
  if (regressed > 0) return `❌ ${regressed} of ${regressions.length} plans of earlier failures failed again`;
  const [missed] = missedGoals;
  if (missed !== undefined) return `❌ ${missed.scenario} never came to "${missed.goal}" in ${missed.runs} runs`;
  if (notReproducible.length > 0) return `❌ ${notReproducible.length} of ${runs} runs could not be reproduced`;
  const unclear = undecided + regressions.filter(({ verdict }) => verdict === 'undecided').length;
  if (unclear > 0) return `⚠️ ${unclear} runs came to no verdict`;
  return isInterrupted
    ? `⚠️ every property held in ${runs} runs, and then it was interrupted`
    : `✅ every property held in all ${runs} runs`;
}

function regressionLines({ path, property, sentence }: RegressionOutcome, program: string): readonly string[] {
  return [
    `- **${escapeMarkdown(path)}: ${property ?? ''}**`,
    `  ${escapeMarkdown(sentence ?? '')}`,
    `  \`${asCode(`${program} replay ${quoteForShell(path)}`)}\``,
  ];
}

function failureLines(
  { planPath, shrunkPath, ...failure }: SweepFailure & Pick<SweepResult, 'system'>,
  program: string,
): readonly string[] {
  const { scenario, seed, system, property, sentence } = failure;
  const command = asCode(
    replayLine(program, { scenario, seed, system, planPath: shrunkPath ?? planPath ?? undefined }),
  );
  return [
    `- **${escapeMarkdown(scenario)}, seed ${seed}: ${property}**`,
    `  ${escapeMarkdown(sentence)}`,
    `  \`${command}\``,
  ];
}

/** Nothing but code: what is between the backticks must not hold any. */
function asCode(command: string): string {
  return visible(command).replaceAll('`', "'");
}

function diagramLines(diagram: string): readonly string[] {
  if (diagram.length > diagramLengthMax) return ['', 'The diagram of the first failure is too large for a summary.'];
  return ['', 'What led to the first failure:', '', '```mermaid', diagram.trimEnd(), '```'];
}
