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
  const position = event.type === 'deliver' ? ` at position ${event.position}` : '';
  const reason = event.type === 'stopped' || event.type === 'alarm' ? `: ${event.message}` : '';
  return `${formatTime(event.atMs)}  ${event.node}: ${shortEvent(event)}${position}${reason}`;
}

/** Without time and node. */
export function shortEvent(event: HistoryEvent): string {
  switch (event.type) {
    case 'start':
      return event.position === undefined ? 'start' : `start at ${event.position}`;
    case 'crash':
    case 'closed':
      return event.type;
    case 'rebuilt':
      return 'log repaired, application rebuilt';
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
