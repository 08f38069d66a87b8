/**
 * A small space-time grid: time runs down, one column a node, the events that led to a violation.
 *
 * Only the nodes and messages that the violation names are shown, for a person reads ten rows, not ten thousand. Faults of
 * the network stand across all columns, those of a disk in the column of its node.
 */
import { formatDot } from '../../core/index.js';
import type { HistoryEvent } from '../history.js';
import { isDiskFault, type PlannedFault } from '../plan.js';
import type { Violation } from '../oracles/violation.js';
import { formatTime, shortEvent } from './event-text.js';
import { describeFault } from './fault-text.js';

export interface GridInput {
  readonly history: readonly HistoryEvent[];
  readonly faults: readonly PlannedFault[];
  readonly violation: Violation;
}

interface Row {
  readonly atMs: number;
  /** Undefined for what stands across all columns. */
  readonly node: string | undefined;
  readonly text: string;
}

const nodesShownMax = 6;
const timeWidth = 12;

/** The last `rowsMax` relevant events, at most `columnsMax` characters wide. Empty when there are none. */
export function formatGrid(input: GridInput, rowsMax: number, columnsMax: number): readonly string[] {
  const nodes = shownNodes(input);
  const rows = relevantRows(input, nodes).slice(-rowsMax);
  if (rows.length === 0) return [];
  const columnWidth = Math.max(10, Math.min(22, Math.floor((columnsMax - timeWidth) / nodes.length)));
  const header = `${' '.repeat(timeWidth)}${nodes.map((node) => cell(node, columnWidth)).join('')}`.trimEnd();
  return [header, ...rows.map((row) => formatRow(row, nodes, columnWidth, columnsMax))];
}

/** The nodes of the violation, then others that its messages reached. */
function shownNodes({ history, violation }: GridInput): readonly string[] {
  const nodes = new Set(violation.nodes);
  const messages = new Set(violation.messages);
  for (const event of history) {
    if (nodes.size >= nodesShownMax) break;
    if ('dot' in event && messages.has(formatDot(event.dot))) nodes.add(event.node);
  }
  return [...nodes].slice(0, nodesShownMax).sort();
}

function relevantRows({ history, faults, violation }: GridInput, nodes: readonly string[]): readonly Row[] {
  const messages = new Set(violation.messages);
  const isShown = (event: HistoryEvent): boolean => {
    if (event.atMs > violation.atMs || !nodes.includes(event.node)) return false;
    // There is one for nearly every message.
    if (event.type === 'stable' && violation.property !== 'stability') return false;
    // A violation that names no message is about everything its nodes were given.
    return !('dot' in event) || messages.size === 0 || messages.has(formatDot(event.dot));
  };
  // Faults before the events of the same moment, which they have brought about.
  const rows: Row[] = [];
  for (const fault of faults) {
    if (fault.atMs > violation.atMs) continue;
    const { atMs } = fault;
    if (!('node' in fault)) rows.push({ atMs, node: undefined, text: `-- ${describeFault(fault)} --` });
    else if (isDiskFault(fault) && nodes.includes(fault.node)) {
      rows.push({ atMs, node: fault.node, text: `-- ${fault.kind} --` });
    }
  }
  for (const event of history) {
    if (isShown(event)) rows.push({ atMs: event.atMs, node: event.node, text: shortEvent(event) });
  }
  return rows.sort((a, b) => a.atMs - b.atMs);
}

function formatRow(row: Row, nodes: readonly string[], columnWidth: number, columnsMax: number): string {
  const time = `${formatTime(row.atMs)}  `;
  if (row.node === undefined) return (time + row.text).slice(0, columnsMax);
  const indent = ' '.repeat(nodes.indexOf(row.node) * columnWidth);
  return (time + indent + row.text).slice(0, columnsMax).trimEnd();
}

function cell(text: string, width: number): string {
  return text.length < width ? text.padEnd(width) : `${text.slice(0, width - 2)}… `;
}
