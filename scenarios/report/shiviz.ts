/**
 * A history as a log for ShiViz (https://bestchai.bitbucket.io/shiviz): events with vector clocks.
 *
 * The first line is the regular expression that reads the rest, the second the delimiter of executions, of which there is one:
 * ShiViz takes both from there when the file is opened with it. Then each event takes two lines: its node and clock, and
 * what happened. Clocks count the events of lines (see `causality.ts`); the protocol's own are not asked.
 */
import { vectorClocks } from './causality.js';
import { formatTime, longEvent } from './event-text.js';
import { visible } from './foreign-text.js';
import type { Story } from './story.js';

const pattern = String.raw`(?<host>\S*) (?<clock>{.*})\n(?<event>.*)`;

/** Ends with a newline. */
export function shivizLog({ history }: Pick<Story, 'history'>): string {
  const lines = [pattern, ''];
  for (const [event, clock] of vectorClocks(history)) {
    lines.push(`${event.node} ${JSON.stringify(Object.fromEntries(clock))}`);
    lines.push(visible(`${formatTime(event.atMs).trim()} ${longEvent(event)}`));
  }
  return `${lines.join('\n')}\n`;
}
