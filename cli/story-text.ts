/** What a report tells, as text: the verdict, and the events that led to it. */
import { failureText, formatGrid, propertyMeanings, type Story, type Violation } from '../scenarios/index.js';
import { programName } from './invocation.js';
import { paint, printable, type Stream } from './terminal.js';

const gridRowsMax = 20;

/** Ends with a newline. */
export function describeStory(stream: Stream, story: Story): string {
  const { title, violation, history, plan, planPath, scenarioFile } = story;
  const name = printable(title);
  if (violation === undefined) {
    return story.isDecided
      ? `${paint(stream, 'green', 'HELD')}  ${name}: every property held.\n`
      : `${paint(stream, 'yellow', 'UNDECIDED')}  ${name}: nothing was violated as far as it goes.\n`;
  }
  const { columns } = stream;
  const report =
    plan === undefined
      ? historyText(story, violation, columns)
      : failureText({ plan, violation, history, planPath, scenarioFile, program: programName(), columns });
  return `${paint(stream, 'red', 'VIOLATED')}  ${printable(report)}`;
}

/** As `failureText`, of a history: nobody knows what was done to its nodes. */
function historyText({ title, history }: Story, violation: Violation, columns: number): string {
  const { property, sentence } = violation;
  const grid = formatGrid({ history, faults: [], violation }, gridRowsMax, Math.max(40, columns - 2));
  return [
    `${title}: ${property} violated (${propertyMeanings[property]})`,
    `  ${sentence}`,
    ...(grid.length === 0 ? [] : ['', 'What led to it', ...grid.map((line) => `  ${line}`)]),
    '',
  ].join('\n');
}
