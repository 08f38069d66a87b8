/**
 * What the script of an HTML report is given: a story as plain JSON, with every text made harmless to look at.
 *
 * The script (`browser/`) shows it and computes nothing about the protocol: steps of causality, spans and concerns are found
 * here. Short enough for a hundred thousand events; of a longer history the last ones are told.
 */
import { formatDot } from '../../core/index.js';
import type { HistoryEvent } from '../history.js';
import { bandsOf, type BandKind } from './bands.js';
import { traceCauses } from './causality.js';
import { longEvent } from './event-text.js';
import { previewPayload, visible } from './foreign-text.js';
import { isConcerned, lacksOf, type Story } from './story.js';

export interface PageData {
  /** Nodes, from top to bottom. */
  readonly lines: readonly PageLine[];
  /** In the order of their times. */
  readonly events: readonly PageEvent[];
  readonly messages: readonly PageMessage[];
  readonly bands: readonly PageBand[];
  readonly lacks: readonly PageLack[];
  readonly endMs: number;
  /** Null when nothing was violated. */
  readonly violation: { readonly atMs: number; readonly property: string } | null;
  /** Events in front of the first that are not told. */
  readonly omitted: number;
}

export interface PageLine {
  readonly name: string;
  /** The violation names it. */
  readonly isConcerned: boolean;
}

export interface PageEvent {
  readonly type: HistoryEvent['type'];
  readonly atMs: number;
  /** Index into `lines`. */
  readonly line: number;
  readonly text: string;
  /** Index into `messages`; -1 for none. */
  readonly message: number;
  /** Index into `events` of the event before it on its line; -1 for none. */
  readonly before: number;
  /** Index into `events` of where what arrived here came from; -1 for none. */
  readonly source: number;
}

export interface PageMessage {
  readonly name: string;
  readonly payload: string;
  readonly bytes: number;
  /** The violation names it. */
  readonly isConcerned: boolean;
}

export interface PageBand {
  readonly kind: BandKind;
  readonly fromMs: number;
  readonly toMs: number;
  /** Index into `lines`; -1 for the network. */
  readonly line: number;
  readonly text: string;
}

/** A node that was not given a message of the violation. */
export interface PageLack {
  readonly line: number;
  readonly message: string;
}

const eventsMax = 100_000;

export function pageData(story: Story, most: number = eventsMax): PageData {
  const { nodes, history, violation, endMs } = story;
  const lines = new Map(nodes.map((node, index) => [node, index]));
  const lineOf = (node: string): number => lines.get(node) ?? 0;
  const omitted = Math.max(0, history.length - most);
  const messages = new Map<string, PageMessage>();
  const indices = new Map<string, number>();
  const messageOf = (event: HistoryEvent): number => {
    if (!('dot' in event)) return -1;
    const name = formatDot(event.dot);
    // A receipt does not repeat the bytes; a dot that was used twice has two bodies.
    const payload = 'payload' in event ? previewPayload(event.payload) : undefined;
    const key = payload === undefined ? name : `${name} ${payload}`;
    const known = indices.get(key);
    if (known !== undefined) return known;
    const bytes = 'payload' in event ? event.payload.length : 0;
    const index = messages.size;
    messages.set(key, { name, payload: payload ?? '', bytes, isConcerned: isConcerned(event, violation) });
    for (const alias of [key, name]) indices.set(alias, index);
    return index;
  };
  const { before, source } = traceCauses(history);
  const told = (index: number | undefined): number => Math.max(-1, (index ?? -1) - omitted);
  return {
    lines: nodes.map((name) => ({ name: visible(name), isConcerned: violation?.nodes.includes(name) ?? false })),
    events: history.slice(omitted).map((event, index) => ({
      type: event.type,
      atMs: event.atMs,
      line: lineOf(event.node),
      text: visible(longEvent(event)),
      message: messageOf(event),
      before: told(before[index + omitted]),
      source: told(source[index + omitted]),
    })),
    messages: [...messages.values()],
    bands: bandsOf(story).map(({ node, text, ...band }) => ({
      ...band,
      line: node === undefined ? -1 : lineOf(node),
      text: visible(text),
    })),
    lacks: lacksOf(story)
      .filter(({ node }) => lines.has(node))
      .map(({ node, message }) => ({ line: lineOf(node), message: visible(message) })),
    endMs,
    violation: violation === undefined ? null : { atMs: violation.atMs, property: violation.property },
    omitted,
  };
}
