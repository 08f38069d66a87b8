/**
 * The events that led to a violation as a Mermaid sequence diagram, small enough for a job summary or an issue.
 *
 * A message is an arrow at the moment of its delivery, from whoever broadcast it. Bounded: at most `rowsMax` rows and
 * `nodesMax` participants; what is left out is counted.
 */
import { traceCauses } from './causality.js';
import { formatTime, longEvent } from './event-text.js';
import { describeFault } from './fault-text.js';
import { visible, wellFormed } from './foreign-text.js';
import { relevantEvents } from './relevant-events.js';
import { lacksOf, type Story } from './story.js';

const rowsMax = 40;
const faultsMax = 10;
const nodesMax = 12;
const textLengthMax = 120;

/** Ends with a newline; without the fence of Markdown. */
export function mermaidDiagram(story: Story): string {
  const { history, violation } = story;
  const { source } = traceCauses(history);
  const indices = relevantEvents(story, rowsMax);
  const nodes = participants(story, indices, source);
  const rows = [...faultRows(story, nodes), ...indices.flatMap((index) => eventRow(story, nodes, index, source))];
  rows.sort((one, other) => one.atMs - other.atMs);
  const left = history.length - indices.length;
  const lines = [
    'sequenceDiagram',
    ...nodes.map((node) => `  participant ${idOf(nodes, node)} as ${mermaidText(node)}`),
    ...(left > 0 ? [acrossAll(nodes, `left out, for they are not about it: ${left} of ${history.length} events`)] : []),
    ...rows.map(({ line }) => line),
    ...lacksOf(story)
      .filter(({ node }) => nodes.includes(node))
      .map(({ node, message }) => `  Note over ${idOf(nodes, node)}: was never given ${mermaidText(message)}`),
    ...(violation === undefined
      ? [acrossAll(nodes, story.isDecided ? 'every property held' : 'undecided')]
      : [acrossAll(nodes, `${violation.property} violated`)]),
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

interface Row {
  readonly atMs: number;
  readonly line: string;
}

/** The nodes of the violation first, then those that the shown events lead to; in the order of the story. */
function participants({ nodes, history, violation }: Story, indices: readonly number[], source: Int32Array): string[] {
  const shown = new Set<string>(violation?.nodes);
  for (const index of indices) {
    for (const place of [index, source[index] ?? -1]) {
      const node = history[place]?.node;
      if (node !== undefined && shown.size < nodesMax) shown.add(node);
    }
  }
  return nodes.filter((node) => shown.has(node));
}

/** Faults of the network and of the nodes that are shown, the last ones before the end. */
function faultRows({ plan, violation }: Story, nodes: readonly string[]): readonly Row[] {
  const untilMs = violation?.atMs ?? Infinity;
  const faults = (plan?.faults ?? []).filter(
    (fault) => fault.atMs <= untilMs && (!('node' in fault) || nodes.includes(fault.node)),
  );
  return faults.slice(-faultsMax).map((fault) => {
    const text = `${formatTime(fault.atMs).trim()} ${describeFault(fault)}`;
    return {
      atMs: fault.atMs,
      line: 'node' in fault ? note(idOf(nodes, fault.node), text) : acrossAll(nodes, text),
    };
  });
}

function eventRow(story: Story, nodes: readonly string[], index: number, source: Int32Array): readonly Row[] {
  const event = story.history[index];
  if (event === undefined || !nodes.includes(event.node)) return [];
  const { atMs } = event;
  const text = `${formatTime(atMs).trim()} ${longEvent(event)}`;
  const from = story.history[source[index] ?? -1]?.node;
  if (from === undefined || from === event.node || !nodes.includes(from)) {
    return [{ atMs, line: note(idOf(nodes, event.node), text) }];
  }
  return [{ atMs, line: `  ${idOf(nodes, from)}->>${idOf(nodes, event.node)}: ${mermaidText(text)}` }];
}

function note(where: string, text: string): string {
  return `  Note over ${where}: ${mermaidText(text)}`;
}

/** Empty without participants. */
function acrossAll(nodes: readonly string[], text: string): string {
  const [first] = nodes;
  const last = nodes.at(-1);
  if (first === undefined || last === undefined) return '';
  return note(first === last ? idOf(nodes, first) : `${idOf(nodes, first)},${idOf(nodes, last)}`, text);
}

/** Names may be words of Mermaid (`end`), so participants have names of ours. */
function idOf(nodes: readonly string[], node: string): string {
  return `n${nodes.indexOf(node)}`;
}

/** On one line, with whatever could be more than text as an entity. */
function mermaidText(text: string): string {
  const shown = visible(text);
  const short = shown.length <= textLengthMax ? shown : `${shown.slice(0, textLengthMax)}…`;
  return wellFormed(short)
    .replace(/[^\p{L}\p{N} .,:()|~…-]/gu, (character) => `#${character.codePointAt(0) ?? 0};`)
    .replace(/\b([eE])(?=nd\b)/g, (letter) => `#${letter.charCodeAt(0)};`);
}
