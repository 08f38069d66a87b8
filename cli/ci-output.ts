/**
 * What a sweep leaves for continuous integration: JUnit XML where it is asked for, and on GitHub annotations and a job summary.
 *
 * Annotations go to the error stream, which the runner of GitHub reads as well: the standard output has the result. The verdict
 * of a sweep stands by then, so a summary that cannot be written is said and does not change it.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  githubAnnotations,
  jobSummary,
  junitReport,
  mermaidDiagram,
  readPlan,
  runPlan,
  storyOfRun,
  type SweepResult,
} from '../scenarios/index.js';
import { programName } from './invocation.js';
import { printable, type Terminal } from './terminal.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws what writing the file throws. */
export function writeJunit(path: string, result: SweepResult): void {
  mkdirSync(dirname(path), { recursive: true });
  const text = junitReport(result, ({ reportPath }) => (reportPath === null ? '' : readFileSync(reportPath, 'utf8')));
  writeFileSync(path, text);
}

/** Does nothing elsewhere. */
export function tellGithub(terminal: Terminal, result: SweepResult, environment: Environment = process.env): void {
  if (environment['GITHUB_ACTIONS'] === 'true') {
    for (const line of githubAnnotations(result)) terminal.err.write(`${line}\n`);
  }
  const path = environment['GITHUB_STEP_SUMMARY'];
  if (path === undefined || path === '') return;
  try {
    const diagram = diagramOrReason(terminal, result);
    appendFileSync(path, jobSummary(result, { program: programName(environment), diagram }));
  } catch (error) {
    tell(terminal, 'no job summary', error);
  }
}

/** A plan that cannot be run here, such as one whose program is in a file of the user's, costs the summary its diagram alone. */
function diagramOrReason(terminal: Terminal, result: SweepResult): string | undefined {
  try {
    return firstDiagram(result);
  } catch (error) {
    tell(terminal, 'no diagram in the job summary', error);
    return undefined;
  }
}

function tell(terminal: Terminal, what: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  terminal.err.write(`antecedent: ${what}: ${printable(reason)}\n`);
}

/** Of the first failure whose plan was kept: of its smallest plan, where there is one. */
function firstDiagram({ failures }: SweepResult): string | undefined {
  const first = failures.find((failure) => failure.planPath !== null);
  const planPath = first?.shrunkPath ?? first?.planPath;
  if (typeof planPath !== 'string') return undefined;
  const result = runPlan(readPlan(readFileSync(planPath, 'utf8'), planPath), { keepHistory: true });
  return mermaidDiagram(storyOfRun(result, { planPath, program: programName() }));
}
