/**
 * The space-time diagram: draws what is in view, and marks what an event follows from and what follows from it.
 *
 * Drawing starts anew whenever the view changes; pointing at an event only changes classes. Where events are closer than the
 * eye can tell, one stands for its neighbours, so the work depends on the size of the screen and not on that of the run.
 * What the violation is about is never left out.
 */
'use strict';

const labelWidth = 64;
const rightMargin = 28;
const axisHeight = 22;
const faultRowHeight = 17;
const faultRowsMax = 6;
const lineHeightMin = 30;
const lineHeightMax = 84;
/** Pixels of the screen that one mark stands for, where there are many. */
const markSpacing = 3;
const crowd = 600;
const pointRadius = 14;

class Diagram {
  /**
   * @param {HTMLElement} place
   * @param {Model} model
   * @param {Scale} scale
   * @param {Filter} filter
   */
  constructor(place, model, scale, filter) {
    this.place = place;
    this.model = model;
    this.scale = scale;
    this.filter = filter;
    /** @type {{ element: SVGElement, index: number }[]} */
    this.marks = [];
    /** @type {{ element: SVGElement, index: number, source: number }[]} */
    this.arrows = [];
    /** The event that is pointed at; -1 for none. */
    this.focus = -1;
    /** @type {Set<number>} */
    this.past = new Set();
    /** @type {Set<number>} */
    this.future = new Set();
    this.shownEvents = 0;
    this.top = 0;
    this.height = 0;
    /** @type {Map<number, number>} The height of each line that is shown. */
    this.ys = new Map();
    this.root = svg('svg', { class: 'space-time' });
    this.place.append(this.root);
    this.faultRows = Math.min(faultRowsMax, model.bands.filter(({ line }) => line < 0).length);
  }

  draw() {
    const width = Math.max(320, this.place.clientWidth);
    this.scale.left = labelWidth;
    this.scale.width = width - labelWidth - rightMargin;
    const lines = this.lines();
    const top = axisHeight + this.faultRows * faultRowHeight + 6;
    const room = Math.max(240, window.innerHeight - this.place.getBoundingClientRect().top - window.scrollY - 60) - top;
    const lineHeight = Math.min(Math.max(room / Math.max(lines.length, 1), lineHeightMin), lineHeightMax);
    this.top = top;
    this.height = top + lines.length * lineHeight + 8;
    this.ys = new Map(lines.map((line, row) => [line, Math.round(top + (row + 0.5) * lineHeight)]));
    this.root.setAttribute('viewBox', `0 0 ${width} ${this.height}`);
    this.root.setAttribute('width', String(width));
    this.root.setAttribute('height', String(this.height));
    const clip = svg('clipPath', { id: 'inside' }, [
      svg('rect', { x: labelWidth, y: 0, width: this.scale.width + rightMargin, height: this.height }),
    ]);
    this.root.replaceChildren(
      svg('defs', {}, [clip, arrowHead('head'), arrowHead('head-concerned')]),
      this.axis(),
      svg('g', { 'clip-path': 'url(#inside)' }, [...this.faults(), ...this.lineElements(), ...this.events()]),
      ...this.labels(),
    );
    this.showFocus();
  }

  /** The nodes that are shown. */
  lines() {
    return [...this.model.lines.keys()].filter((line) => this.filter.lines[line] === true);
  }

  /** @param {number} line */
  y(line) {
    return this.ys.get(line);
  }

  axis() {
    const { scale, height } = this;
    const most = scale.width / 110;
    /** @type {{ place: number, text: string }[]} */
    let ticks;
    if (scale.axis === 'time') {
      const { times, digits } = roundTimes(scale.from, scale.to, most);
      ticks = times.map((time) => ({ place: time, text: `${(time / 1000).toFixed(digits)} s` }));
    } else {
      const { first, end } = scale.range;
      const step = Math.max(1, Math.ceil((end - first) / most));
      ticks = [];
      for (let index = Math.ceil(first / step) * step; index < end; index += step) {
        ticks.push({ place: index, text: formatSeconds(eventAt(this.model, index).atMs) });
      }
    }
    const elements = ticks.flatMap(({ place, text }) => {
      const x = scale.x(place);
      const line = svg('line', { class: 'tick', x1: x, x2: x, y1: axisHeight - 4, y2: height });
      // Half a label says less than none.
      if (x < labelWidth + text.length * 3) return [line];
      return [line, svgText(text, { class: 'tick-label', x, y: 13, 'text-anchor': 'middle' })];
    });
    const { violation } = this.model;
    if (violation !== null) {
      const x = scale.x(scale.placeOfTime(violation.atMs) + (scale.axis === 'order' ? 0.5 : 0));
      elements.push(svg('line', { class: 'verdict-line', x1: x, x2: x, y1: axisHeight - 4, y2: height }));
    }
    return svg('g', { class: 'axis', 'clip-path': 'url(#inside)' }, elements);
  }

  /** Faults of the network above the lines, those of nodes beside their lines. */
  faults() {
    const { scale } = this;
    /** @type {number[]} Where the last label of each row ends. */
    const rowEnds = [];
    /** @type {SVGElement[]} */
    const elements = [];
    for (const [index, band] of this.model.bands.entries()) {
      const from = Math.max(scale.x(scale.placeOfTime(band.fromMs)), labelWidth - 4);
      const to = Math.min(scale.x(scale.placeOfTime(band.toMs)), labelWidth + scale.width + rightMargin);
      if (to < labelWidth - 4 || from > labelWidth + scale.width + rightMargin) continue;
      const group = band.line < 0 ? this.networkFault(band, from, to, rowEnds) : this.nodeFault(band, from, to);
      if (group === undefined) continue;
      group.dataset['band'] = String(index);
      elements.push(group);
    }
    return elements;
  }

  /**
   * @param {PageBand} band
   * @param {number} from
   * @param {number} to
   * @param {number[]} rowEnds
   */
  networkFault(band, from, to, rowEnds) {
    const right = labelWidth + this.scale.width + rightMargin;
    const begin = Math.max(from, labelWidth);
    const free = rowEnds.findIndex((end) => end <= begin);
    // Where there are more at once than rows, the later ones lie in the last row without a label: pointing at them tells.
    const row = Math.min(free < 0 ? rowEnds.length : free, this.faultRows - 1);
    const isCrowded = free < 0 && rowEnds.length === this.faultRows;
    const labelEnd = begin + Math.min(band.text.length * 6.2 + 10, right - begin);
    rowEnds[row] = Math.max(rowEnds[row] ?? 0, to, isCrowded ? 0 : Math.min(labelEnd, begin + 220));
    const y = axisHeight + row * faultRowHeight;
    const lasting = band.toMs > band.fromMs;
    const elements = [
      svg('rect', { class: 'bar', x: from, y, width: Math.max(to - from, 3), height: faultRowHeight - 3, rx: 2 }),
    ];
    if (!isCrowded) {
      const characters = Math.floor((Math.max(to - begin, 220) - 8) / 6.2);
      const text = band.text.length > characters ? `${band.text.slice(0, Math.max(characters - 1, 1))}…` : band.text;
      elements.push(svgText(text, { class: 'bar-label', x: begin + 5, y: y + 11 }));
    }
    if (lasting) {
      elements.unshift(svg('rect', { class: 'shade', x: from, y: this.top, width: to - from, height: this.height }));
    } else {
      elements.unshift(svg('line', { class: 'moment', x1: from, x2: from, y1: y, y2: this.height }));
    }
    return svg('g', { class: `band ${band.kind}` }, elements);
  }

  /**
   * @param {PageBand} band
   * @param {number} from
   * @param {number} to
   */
  nodeFault(band, from, to) {
    const y = this.y(band.line);
    if (y === undefined) return undefined;
    const [above, height] = band.kind === 'node' ? [9, 4] : [-7, 14];
    const width = Math.max(to - from, 3);
    return svg('g', { class: `band ${band.kind}` }, [
      svg('rect', { class: 'bar', x: from, y: y + above, width, height, rx: 2 }),
    ]);
  }

  /** The lines of the nodes, where they are up. */
  lineElements() {
    const { scale, model } = this;
    const end = Math.min(
      scale.x(scale.placeOfTime(model.endMs) + (scale.axis === 'order' ? 1 : 0)),
      labelWidth + scale.width,
    );
    return this.lines().flatMap((line) => {
      const y = this.y(line) ?? 0;
      const isConcerned = model.lines[line]?.isConcerned === true;
      const elements = [
        svg('line', {
          class: isConcerned ? 'line concerned' : 'line',
          x1: scale.x(scale.placeOfTime(0)),
          x2: end,
          y1: y,
          y2: y,
        }),
      ];
      for (const band of model.bands) {
        if (band.line !== line || band.kind !== 'down') continue;
        const [from, to] = [scale.x(scale.placeOfTime(band.fromMs)), scale.x(scale.placeOfTime(band.toMs))];
        if (to > labelWidth && from < labelWidth + scale.width) {
          elements.push(svg('line', { class: 'gap', x1: from, x2: to, y1: y, y2: y }));
        }
      }
      return elements;
    });
  }

  labels() {
    return this.lines().map((line) => {
      const { name = '', isConcerned = false } = this.model.lines[line] ?? {};
      const short = name.length > 8 ? `${name.slice(0, 7)}…` : name;
      const label = svgText(short, {
        class: isConcerned ? 'node-label concerned' : 'node-label',
        x: labelWidth - 12,
        y: (this.y(line) ?? 0) + 4,
        'text-anchor': 'end',
      });
      const title = svg('title');
      title.textContent = name;
      label.append(title);
      return label;
    });
  }

  /** Arrows first, so that marks lie over them; what the violation is about last of each. */
  events() {
    const { model, scale, filter } = this;
    const { first, end } = scale.range;
    this.marks = [];
    this.arrows = [];
    this.shownEvents = 0;
    /** @type {Set<string>} */
    const taken = new Set();
    const spacing = end - first > crowd ? markSpacing : 0;
    for (let index = first; index < model.events.length; index += 1) {
      const event = eventAt(model, index);
      if (!isShown(model, filter, event)) continue;
      const isInView = index < end;
      if (isInView) this.shownEvents += 1;
      const x = scale.x(scale.placeOfEvent(index));
      const isConcerned = isAboutViolation(model, event);
      this.maybeArrow(event, index, { x, isConcerned, end, taken, spacing });
      if (!isInView) continue;
      const key = `${event.line} ${event.type} ${Math.round(x / (spacing || 1))}`;
      if (spacing > 0 && !isConcerned && index !== this.focus && taken.has(key)) continue;
      taken.add(key);
      const element = markOf(event.type, x, this.y(event.line) ?? 0);
      element.setAttribute('class', `mark ${event.type}${isConcerned ? ' concerned' : ''}`);
      this.marks.push({ element, index });
    }
    // A node is given its own message at once: the ring lies around the dot.
    const layers = ['arrow', 'arrow concerned', 'mark', 'mark broadcast', 'mark concerned', 'mark broadcast concerned'];
    /** @param {{ element: SVGElement }} thing */
    const layerOf = ({ element: { classList } }) =>
      layers.findLastIndex((layer) => layer.split(' ').every((name) => classList.contains(name)));
    const things = [...this.arrows, ...this.marks].map((thing) => ({ layer: layerOf(thing), element: thing.element }));
    things.sort((one, other) => one.layer - other.layer);
    return [...things.map(({ element }) => element), ...this.names(), ...this.lacks()];
  }

  /** The names of the violated messages, where they are broadcast and given, as far as there is room. */
  names() {
    /** @type {Map<number, number>} */
    const ends = new Map();
    return this.marks.flatMap(({ index }) => {
      const event = eventAt(this.model, index);
      const name = this.model.messages[event.message]?.name ?? '';
      if (!isAboutViolation(this.model, event) || event.type === 'accepted') return [];
      const x = this.scale.x(this.scale.placeOfEvent(index));
      const width = name.length * 7 + 8;
      if (x - width / 2 < (ends.get(event.line) ?? 0)) return [];
      ends.set(event.line, x + width / 2);
      return [svgText(name, { class: 'name', x, y: (this.y(event.line) ?? 0) - 11, 'text-anchor': 'middle' })];
    });
  }

  /**
   * The arrow that ends at an event, if any part of it may be in view.
   * @param {PageEvent} event
   * @param {number} index
   * @param {{ x: number, isConcerned: boolean, end: number, taken: Set<string>, spacing: number }} at
   */
  maybeArrow(event, index, { x, isConcerned, end, taken, spacing }) {
    const { source } = event;
    if (source < 0 || source >= end || event.source === event.before) return;
    const from = eventAt(this.model, source);
    const fromY = this.y(from.line);
    const toY = this.y(event.line);
    if (fromY === undefined || toY === undefined || fromY === toY) return;
    const fromX = this.scale.x(this.scale.placeOfEvent(source));
    const grain = spacing * 2;
    const key = `${from.line}>${event.line} ${Math.round(fromX / grain)} ${Math.round(x / grain)}`;
    if (spacing > 0 && !isConcerned && taken.has(key)) return;
    taken.add(key);
    const head =
      spacing > 0 && !isConcerned ? {} : { 'marker-end': `url(#${isConcerned ? 'head-concerned' : 'head'})` };
    const [x1, x2, y1, y2] = shorten(fromX, x, fromY, toY);
    const element = svg('line', { class: isConcerned ? 'arrow concerned' : 'arrow', x1, x2, y1, y2, ...head });
    this.arrows.push({ element, index, source });
  }

  /** Where a message of the violation is missing, at the moment of the verdict. */
  lacks() {
    const { violation, lacks } = this.model;
    if (violation === null) return [];
    const at = this.scale.placeOfTime(violation.atMs) + (this.scale.axis === 'order' ? 0.5 : 0);
    const x = this.scale.x(at);
    const right = labelWidth + this.scale.width;
    if (x < labelWidth || x > right + rightMargin) return [];
    /** @type {Map<number, number>} */
    const labels = new Map();
    return lacks.flatMap(({ line, message }) => {
      const y = this.y(line);
      if (y === undefined) return [];
      const row = labels.get(line) ?? 0;
      labels.set(line, row + 1);
      const anchor = x > right - 140 ? 'end' : 'start';
      const text = svgText(`never given ${message}`, {
        class: 'lack-label',
        x: x + (anchor === 'end' ? -8 : 8),
        y: y + 20 + row * 13,
        'text-anchor': anchor,
      });
      return [svg('circle', { class: 'lack', cx: x, cy: y, r: 6 }), text];
    });
  }

  /**
   * The event nearest to a point of the diagram; -1 when none is near.
   * @param {number} x
   * @param {number} y
   */
  eventNear(x, y) {
    let nearest = -1;
    let distance = pointRadius;
    for (const { index } of this.marks) {
      const event = eventAt(this.model, index);
      const dx = this.scale.x(this.scale.placeOfEvent(index)) - x;
      const dy = (this.y(event.line) ?? 0) - y;
      const found = Math.hypot(dx, dy) - (isAboutViolation(this.model, event) ? 2 : 0);
      if (found < distance) [nearest, distance] = [index, found];
    }
    return nearest;
  }

  /** @param {number} index -1 for none */
  focusOn(index) {
    if (index === this.focus) return;
    this.focus = index;
    this.past = index < 0 ? new Set() : pastOf(this.model, index);
    this.future = index < 0 ? new Set() : futureOf(this.model, index);
    this.showFocus();
  }

  showFocus() {
    const { focus, past, future } = this;
    this.root.classList.toggle('focused', focus >= 0);
    for (const { element, index } of this.marks) {
      element.classList.toggle('self', index === focus);
      element.classList.toggle('past', past.has(index));
      element.classList.toggle('future', future.has(index));
    }
    for (const { element, index, source } of this.arrows) {
      element.classList.toggle('past', past.has(source) && (past.has(index) || index === focus));
      element.classList.toggle('future', future.has(index) && (future.has(source) || source === focus));
    }
  }
}

/** @param {string} id */
function arrowHead(id) {
  const marker = svg('marker', {
    id,
    viewBox: '0 0 8 8',
    refX: 7,
    refY: 4,
    markerWidth: 6,
    markerHeight: 6,
    orient: 'auto',
  });
  marker.append(svg('path', { d: 'M0,0L8,4L0,8Z' }));
  return marker;
}

/**
 * Ends an arrow at the rim of the marks that it joins.
 * @param {number} x1
 * @param {number} x2
 * @param {number} y1
 * @param {number} y2
 * @returns {[number, number, number, number]} x1, x2, y1, y2
 */
function shorten(x1, x2, y1, y2) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  const share = length === 0 ? 0 : 4.5 / length;
  return [x1 + (x2 - x1) * share, x2 - (x2 - x1) * share, y1 + (y2 - y1) * share, y2 - (y2 - y1) * share];
}
