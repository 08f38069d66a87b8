/**
 * The story of the page, and the questions that the diagram asks about it.
 *
 * All files of this folder are one script in the page, in one scope: `html.ts` joins them in the order of its list. Texts come
 * from outside, so they enter the page through `textContent` and attributes alone.
 *
 * @typedef {import('../page-data.js').PageData} PageData
 * @typedef {import('../page-data.js').PageEvent} PageEvent
 * @typedef {import('../page-data.js').PageBand} PageBand
 *
 * @typedef {PageData & { after: number[][] }} Model `after`: the events that follow each directly
 *
 * @typedef {object} Filter
 * @property {boolean[]} lines which nodes are shown
 * @property {boolean} onlyConcerned leave out messages that the violation does not name
 * @property {boolean} receipts show receipts and stable clocks
 */
'use strict';

/** @returns {Model} */
function readModel() {
  /** @type {PageData} */
  const data = JSON.parse(document.getElementById('data')?.textContent ?? '');
  /** @type {number[][]} */
  const after = data.events.map(() => []);
  for (const [index, { before, source }] of data.events.entries()) {
    if (before >= 0) after[before]?.push(index);
    if (source >= 0 && source !== before) after[source]?.push(index);
  }
  return { ...data, after };
}

/**
 * @param {Model} model
 * @param {number} index
 * @returns {PageEvent}
 */
function eventAt(model, index) {
  const event = model.events[index];
  if (event === undefined) throw new RangeError(`there is no event ${index}`);
  return event;
}

/**
 * Everything that an event follows from, itself not included.
 * @param {Model} model
 * @param {number} index
 * @returns {Set<number>}
 */
function pastOf(model, index) {
  return reach(index, (from) => {
    const { before, source } = eventAt(model, from);
    return [before, source];
  });
}

/**
 * Everything that follows from an event, itself not included.
 * @param {Model} model
 * @param {number} index
 * @returns {Set<number>}
 */
function futureOf(model, index) {
  return reach(index, (from) => model.after[from] ?? []);
}

/**
 * @param {number} start
 * @param {(index: number) => readonly number[]} next
 * @returns {Set<number>}
 */
function reach(start, next) {
  /** @type {Set<number>} */
  const found = new Set();
  const open = [start];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const other of next(index)) {
      if (other < 0 || found.has(other)) continue;
      found.add(other);
      open.push(other);
    }
  }
  return found;
}

/**
 * The violation names the message of this event.
 * @param {Model} model
 * @param {PageEvent} event
 * @returns {boolean}
 */
function isAboutViolation(model, event) {
  return model.messages[event.message]?.isConcerned === true;
}

/**
 * @param {Model} model
 * @param {Filter} filter
 * @param {PageEvent} event
 * @returns {boolean}
 */
function isShown(model, filter, event) {
  if (filter.lines[event.line] !== true) return false;
  if (event.message >= 0 && isAboutViolation(model, event)) return true;
  if (!filter.receipts && (event.type === 'accepted' || event.type === 'stable')) return false;
  return !filter.onlyConcerned || (event.message < 0 && event.type !== 'stable');
}

/**
 * The first index of a sorted sequence at which `isBehind` holds.
 * @param {number} length
 * @param {(index: number) => boolean} isBehind
 * @returns {number}
 */
function firstIndex(length, isBehind) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBehind(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * @param {number} atMs
 * @returns {string}
 */
function formatSeconds(atMs) {
  return `${(atMs / 1000).toFixed(3)} s`;
}
