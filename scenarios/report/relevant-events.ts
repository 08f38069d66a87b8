/**
 * The events that a person needs to see what went wrong, for forms that cannot show all of them.
 *
 * Those are the events of the violated messages, starts and ends of the nodes that the violation names, and the violation. A
 * story without a violation, or with one that names no message, is shown by its last events.
 */
import type { HistoryEvent } from '../history.js';
import { isConcerned, type Story } from './story.js';

/** Indices into the history, the last `most` of the relevant ones. */
export function relevantEvents({ history, violation }: Story, most: number): readonly number[] {
  const nodes = new Set(violation?.nodes);
  const isAboutMessages = violation !== undefined && violation.messages.length > 0;
  const isRelevant = (event: HistoryEvent): boolean => {
    // There is one for nearly every message.
    if (event.type === 'stable') return violation?.property === 'stability' && nodes.has(event.node);
    if (!isAboutMessages) return nodes.size === 0 || nodes.has(event.node);
    return 'dot' in event ? isConcerned(event, violation) : nodes.has(event.node) && event.atMs > 0;
  };
  return [...history.keys()].filter((index) => isRelevant(history[index] as HistoryEvent)).slice(-most);
}
