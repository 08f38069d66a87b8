/** Events of a history in words. */
import { formatDot } from '../../core/index.js';
import type { HistoryEvent } from '../history.js';

const timeWidth = 10;

/** `  12.345 s`: right-aligned, so that rows line up. */
export function formatTime(atMs: number): string {
  return `${(atMs / 1000).toFixed(3)} s`.padStart(timeWidth);
}

/** One line: `   1.234 s  b: given a:3 at position 7`. */
export function describeEvent(event: HistoryEvent): string {
  return `${formatTime(event.atMs)}  ${event.node}: ${longEvent(event)}`;
}

/** Without time and node: `given a:3 at position 7`. */
export function longEvent(event: HistoryEvent): string {
  const position = event.type === 'deliver' ? ` at position ${event.position}` : '';
  const reason = event.type === 'stopped' || event.type === 'alarm' ? `: ${event.message}` : '';
  return `${shortEvent(event)}${position}${reason}`;
}

/** The same, for a narrow column. */
export function shortEvent(event: HistoryEvent): string {
  switch (event.type) {
    case 'start':
      return event.position === undefined ? 'start' : `start at ${event.position}`;
    case 'crash':
    case 'closed':
    case 'removed':
      return event.type;
    case 'joined':
      return event.state === undefined ? 'joined' : `given the state of ${event.state.node} at ${event.state.position}`;
    case 'stable':
      return `called stable ${[...event.clock].map(([origin, seq]) => `${origin}:${seq}`).join(' ')}`;
    case 'dropped':
      return `dropped ${event.ranges.map((range) => formatDot({ ...range, seq: range.lastSeq })).join(' ')} and before`;
    case 'rebuilt':
      return 'application begins anew';
    case 'set-back':
      return `set back to ${event.position}`;
    case 'twin':
      return `twin of ${event.of} at ${event.position}`;
    case 'skipped':
      return `skip ${formatDot(event.dot)}`;
    case 'disk-damaged':
      return 'disk damaged';
    case 'alarm':
      return `alarm ${event.code}`;
    case 'stopped':
      return `stop ${event.code}`;
    case 'deliver':
      return `given ${formatDot(event.dot)}`;
    case 'broadcast':
    case 'accepted':
      return `${event.type} ${formatDot(event.dot)}`;
  }
}
