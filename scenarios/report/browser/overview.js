/** The whole run as a strip: how much happened when, what was wrong meanwhile, and which part of it is in view. */
'use strict';

const overviewHeight = 44;
const columnWidth = 4;

class Overview {
  /**
   * @param {HTMLElement} place
   * @param {Model} model
   * @param {Scale} scale of the diagram
   * @param {() => void} onSeek
   */
  constructor(place, model, scale, onSeek) {
    this.place = place;
    this.model = model;
    this.scale = scale;
    this.onSeek = onSeek;
    this.whole = new Scale(model);
    this.root = svg('svg', { class: 'overview' });
    place.append(this.root);
    place.addEventListener('pointerdown', (event) => {
      place.setPointerCapture(event.pointerId);
      this.seek(event.clientX);
    });
    place.addEventListener('pointermove', (event) => {
      if (event.buttons === 1) this.seek(event.clientX);
    });
  }

  /** @param {number} clientX */
  seek(clientX) {
    this.scale.centre(this.whole.place(clientX - this.root.getBoundingClientRect().left));
    this.onSeek();
  }

  draw() {
    const { whole, scale, model } = this;
    const width = Math.max(320, this.place.clientWidth);
    whole.axis = scale.axis;
    whole.left = labelWidth;
    whole.width = width - labelWidth - rightMargin;
    whole.showAll();
    for (const [key, value] of [
      ['viewBox', `0 0 ${width} ${overviewHeight}`],
      ['width', width],
      ['height', overviewHeight],
    ]) {
      this.root.setAttribute(String(key), String(value));
    }
    const shades = model.bands
      .filter(({ line, kind, fromMs, toMs }) => (line < 0 || kind === 'down') && toMs > fromMs)
      .map(({ kind, fromMs, toMs }) => {
        const [x, end] = [whole.x(whole.placeOfTime(fromMs)), whole.x(whole.placeOfTime(toMs))];
        return svg('rect', { class: `shade ${kind}`, x, y: 0, width: Math.max(end - x, 1), height: overviewHeight });
      });
    const from = whole.x(scale.from);
    this.root.replaceChildren(
      svg('rect', { class: 'ground', x: labelWidth, y: 0, width: whole.width, height: overviewHeight }),
      ...shades,
      this.density(),
      ...this.verdict(),
      svg('rect', {
        class: 'view',
        x: from,
        y: 1,
        width: Math.max(whole.x(scale.to) - from, 3),
        height: overviewHeight - 2,
        rx: 3,
      }),
      svgText('whole run', { class: 'tick-label', x: labelWidth - 6, y: overviewHeight / 2 + 4, 'text-anchor': 'end' }),
    );
  }

  /** Columns as high as there were events. */
  density() {
    const { whole, model } = this;
    /** @type {number[]} */
    const counts = new Array(Math.ceil(whole.width / columnWidth) + 1).fill(0);
    for (let index = 0; index < model.events.length; index += 1) {
      const column = Math.floor((whole.x(whole.placeOfEvent(index)) - whole.left) / columnWidth);
      counts[column] = (counts[column] ?? 0) + 1;
    }
    const most = Math.max(...counts, 1);
    const outline = counts.flatMap((count, column) => {
      if (count === 0) return [];
      const height = 3 + Math.sqrt(count / most) * (overviewHeight - 12);
      return [
        `M${whole.left + column * columnWidth},${overviewHeight - 2}v${(-height).toFixed(1)}h${columnWidth - 1}V${overviewHeight - 2}Z`,
      ];
    });
    return svg('path', { class: 'density', d: outline.join('') });
  }

  verdict() {
    const { violation } = this.model;
    if (violation === null) return [];
    const x = this.whole.x(this.whole.placeOfTime(violation.atMs));
    return [svg('line', { class: 'verdict-line', x1: x, x2: x, y1: 0, y2: overviewHeight })];
  }
}
