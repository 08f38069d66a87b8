/**
 * Where things stand from left to right.
 *
 * A place is a time in milliseconds, or, when the diagram is spread by order, the index of an event: then what happens at
 * almost the same moment is seen as well as what is far apart. Both grow with the index of events, so what is in view is
 * found by bisection. A view is the part between two places.
 */
'use strict';

/** Closer than this nobody needs to look. */
const viewMin = { time: 0.05, order: 4 };

class Scale {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {'time' | 'order'} */
    this.axis = 'time';
    this.left = 0;
    this.width = 1;
    this.from = 0;
    this.to = 1;
    this.showAll();
  }

  /** The places of the whole run, with a little room. */
  get extent() {
    const last = this.axis === 'time' ? Math.max(this.model.endMs, 1) : Math.max(this.model.events.length - 1, 1);
    const room = last * 0.02;
    return { from: -room, to: last + room };
  }

  /** @param {number} index */
  placeOfEvent(index) {
    return this.axis === 'time' ? eventAt(this.model, index).atMs : index;
  }

  /** @param {number} atMs */
  placeOfTime(atMs) {
    const { events } = this.model;
    // By order a moment is just in front of the first event that comes then.
    return this.axis === 'time'
      ? atMs
      : firstIndex(events.length, (index) => eventAt(this.model, index).atMs >= atMs) - 0.5;
  }

  /** @param {number} place */
  timeOfPlace(place) {
    if (this.axis === 'time') return place;
    const index = Math.min(Math.max(Math.round(place), 0), this.model.events.length - 1);
    return this.model.events[index]?.atMs ?? 0;
  }

  /** @param {number} place */
  x(place) {
    return this.left + ((place - this.from) / (this.to - this.from)) * this.width;
  }

  /** @param {number} x */
  place(x) {
    return this.from + ((x - this.left) / this.width) * (this.to - this.from);
  }

  /** Indices of the events in view: from the first to before the last. */
  get range() {
    const { length } = this.model.events;
    return {
      first: firstIndex(length, (index) => this.placeOfEvent(index) >= this.from),
      end: firstIndex(length, (index) => this.placeOfEvent(index) > this.to),
    };
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  show(from, to) {
    const { extent } = this;
    const size = Math.min(Math.max(to - from, viewMin[this.axis]), extent.to - extent.from);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - size / 2, extent.from), extent.to - size);
    this.to = this.from + size;
  }

  showAll() {
    const { from, to } = this.extent;
    this.show(from, to);
  }

  /** @param {number} place */
  centre(place) {
    const half = (this.to - this.from) / 2;
    this.show(place - half, place + half);
  }

  /**
   * Keeps `place` where it is on the screen.
   * @param {number} factor below 1: closer
   * @param {number} place
   */
  zoom(factor, place) {
    this.show(place - (place - this.from) * factor, place + (this.to - place) * factor);
  }

  /** @param {number} share of the view */
  move(share) {
    const step = (this.to - this.from) * share;
    this.show(this.from + step, this.to + step);
  }

  /**
   * Goes over to the other axis, with the same events in view.
   * @param {'time' | 'order'} axis
   */
  spreadBy(axis) {
    const { first, end } = this.range;
    this.axis = axis;
    if (end <= first) {
      this.showAll();
      return;
    }
    const from = this.placeOfEvent(first);
    const to = this.placeOfEvent(end - 1);
    const room = (to - from) * 0.03 + viewMin[axis] / 2;
    this.show(from - room, to + room);
  }

  /** What the violation is about, from its first event to the verdict; the end of the run where there is none. */
  showViolation() {
    const { events, violation, endMs } = this.model;
    const first = events.findIndex((event) => isAboutViolation(this.model, event));
    const atMs = violation?.atMs ?? endMs;
    const last = firstIndex(events.length, (index) => eventAt(this.model, index).atMs > atMs) - 1;
    const begin = first >= 0 ? first : Math.max(0, last - 40);
    if (last < 0) {
      this.showAll();
      return;
    }
    const from = this.placeOfEvent(begin);
    const to = this.axis === 'time' ? atMs : this.placeOfEvent(last);
    const room = (to - from) * 0.15 + viewMin[this.axis];
    this.show(from - room, to + room);
  }
}
