/** What things look like: SVG elements, and the outline of each kind of event. */
'use strict';

const svgNamespace = 'http://www.w3.org/2000/svg';

/**
 * @param {string} name
 * @param {Readonly<Record<string, string | number>>} [attributes]
 * @param {readonly Element[]} [children]
 * @returns {SVGElement}
 */
function svg(name, attributes = {}, children = []) {
  const element = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, typeof value === 'number' ? String(Math.round(value * 10) / 10) : value);
  }
  element.append(...children);
  return element;
}

/**
 * @param {string} text
 * @param {Readonly<Record<string, string | number>>} attributes
 */
function svgText(text, attributes) {
  const element = svg('text', attributes);
  element.textContent = text;
  return element;
}

/** Outlines around 0,0. */
const outlines = {
  dot: 'M-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0 -7,0',
  ring: 'M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0',
  tick: 'M0,-6V6',
  cross: 'M-5,-5L5,5M-5,5L5,-5',
  square: 'M-4,-4H4V4H-4Z',
  diamond: 'M0,-6L5,0L0,6L-5,0Z',
  flag: 'M-3,-6L6,0L-3,6Z',
};

/** @type {Readonly<Record<PageEvent['type'], keyof typeof outlines>>} */
const outlineOf = {
  broadcast: 'dot',
  deliver: 'ring',
  accepted: 'tick',
  stable: 'tick',
  skipped: 'cross',
  start: 'flag',
  crash: 'cross',
  closed: 'square',
  stopped: 'square',
  alarm: 'diamond',
  dropped: 'diamond',
  'disk-damaged': 'diamond',
  rebuilt: 'diamond',
  'set-back': 'diamond',
  joined: 'flag',
  removed: 'square',
  twin: 'flag',
};

/**
 * @param {PageEvent['type']} type
 * @param {number} x
 * @param {number} y
 */
function markOf(type, x, y) {
  return svg('path', { d: outlines[outlineOf[type]], transform: `translate(${x.toFixed(1)},${y})` });
}

/**
 * Times for the ticks of an axis: round, and not too many.
 * @param {number} fromMs
 * @param {number} toMs
 * @param {number} most
 * @returns {{ times: number[], digits: number }}
 */
function roundTimes(fromMs, toMs, most) {
  const rough = Math.max((toMs - fromMs) / Math.max(most, 1), 1e-3);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? power * 10;
  const times = [];
  for (let time = Math.ceil(Math.max(fromMs, 0) / step) * step; time <= toMs; time += step) times.push(time);
  return { times, digits: Math.max(0, Math.ceil(-Math.log10(step / 1000) - 1e-9)) };
}
