/**
 * A sweep for GitHub: annotations (lines that its runner reads in the output of a step) and a job summary (Markdown).
 *
 * Annotations: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. Ten of a kind are shown for a step, so
 * no more are written. Both hold text of others: a line of it must not become a command, nor markup.
 */
import type { SweepFailure, SweepResult } from '../sweep-tally.js';
import { escapeMarkdown, visible } from './foreign-text.js';
import { replayLine } from './replay-line.js';

const annotationsMax = 10;
const failuresListedMax = 20;
/** A step may write a MiB of summary. */
const diagramLengthMax = 50_000;

/** One line each, without newline. */
export function githubAnnotations({ failures, notReproducible, undecidedRuns }: SweepResult): readonly string[] {
  const errors = failures.map(({ scenario, seed, property, sentence }) =>
    annotation('error', `${scenario}, seed ${seed}: ${property} violated`, sentence),
  );
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
  const { runs, failed, undecided, notReproducible, events, scenarios, failures, system } = result;
  const isGood = failed === 0 && undecided === 0 && notReproducible.length === 0;
  const verdict =
    failed > 0
      ? `❌ ${failed} of ${runs} runs violated a property`
      : isGood
        ? `✅ every property held in all ${runs} runs`
        : `⚠️ ${undecided} runs undecided, ${notReproducible.length} not reproducible`;
  const rows = scenarios
    .filter((scenario) => scenario.runs > 0)
    .map((scenario) => `| ${escapeMarkdown(scenario.name)} | ${scenario.runs} | ${scenario.failed} |`);
  const rest = failures.length - failuresListedMax;
  return [
    `## Antecedent: ${verdict}`,
    '',
    `${runs} runs, ${events} simulated events${result.isInterrupted ? ', interrupted' : ''}.`,
    '',
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

function failureLines(
  { planPath, ...failure }: SweepFailure & Pick<SweepResult, 'system'>,
  program: string,
): readonly string[] {
  const { scenario, seed, system, property, sentence } = failure;
  // Nothing but code in it: what is between the backticks must not hold any.
  const command = visible(replayLine(program, { scenario, seed, system, planPath: planPath ?? undefined })).replaceAll(
    '`',
    "'",
  );
  return [
    `- **${escapeMarkdown(scenario)}, seed ${seed}: ${property}**`,
    `  ${escapeMarkdown(sentence)}`,
    `  \`${command}\``,
  ];
}

function diagramLines(diagram: string): readonly string[] {
  if (diagram.length > diagramLengthMax) return ['', 'The diagram of the first failure is too large for a summary.'];
  return ['', 'What led to the first failure:', '', '```mermaid', diagram.trimEnd(), '```'];
}
