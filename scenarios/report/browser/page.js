/** The page as a whole: what buttons, pointer and keys do. Last of the script, for it begins everything. */
'use strict';

class Page {
  constructor() {
    this.model = readModel();
    this.scale = new Scale(this.model);
    /** @type {Filter} */
    this.filter = { lines: this.model.lines.map(() => true), onlyConcerned: false, receipts: false };
    this.diagram = new Diagram(byId('diagram'), this.model, this.scale, this.filter);
    this.overview = new Overview(byId('overview'), this.model, this.scale, () => this.redraw());
    this.isKept = false;
    this.isDrawn = true;
    /** @type {ReturnType<typeof checkBox>[]} */
    this.boxes = [];
  }

  begin() {
    byId('controls').hidden = false;
    this.nodeBoxes();
    this.controls();
    this.pointer();
    byId('diagram').addEventListener('keydown', (event) => this.key(event));
    window.addEventListener('resize', () => this.redraw());
    this.scale.showViolation();
    this.drawNow();
  }

  /** Soon, and once, however often it is asked for. */
  redraw() {
    if (!this.isDrawn) return;
    this.isDrawn = false;
    requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.isDrawn = true;
    // The overview first: the diagram takes the room that is left below it.
    this.overview.draw();
    this.diagram.draw();
    this.tellStatus();
  }

  tellStatus() {
    const { scale, diagram, model } = this;
    const from = formatSeconds(Math.max(0, scale.timeOfPlace(scale.from)));
    const to = formatSeconds(Math.min(model.endMs, scale.timeOfPlace(scale.to)));
    const parts = [`${from} to ${to}: ${diagram.shownEvents} events in view`];
    const left = diagram.shownEvents - diagram.marks.length;
    if (left > 0) parts.push(`${left} of them behind others (zoom in)`);
    if (model.omitted > 0) parts.push(`${model.omitted} earlier events of the run are not in this report`);
    if (diagram.focus >= 0) {
      const event = eventAt(model, diagram.focus);
      parts.push(
        `${model.lines[event.line]?.name ?? ''}: ${event.text}: follows from ${diagram.past.size} events, ${diagram.future.size} follow from it`,
      );
    }
    byId('status').textContent = parts.join(' · ');
  }

  /** A box for each node, and one for all. */
  nodeBoxes() {
    this.boxes = this.model.lines.map(({ name }, line) => {
      const box = checkBox(name);
      box.input.addEventListener('change', () => {
        this.filter.lines[line] = box.input.checked;
        this.redraw();
      });
      return box;
    });
    /** @param {(line: number) => boolean} isWanted */
    const choose = (isWanted) => {
      for (const line of this.model.lines.keys()) this.showLine(line, isWanted(line));
      this.redraw();
    };
    const all = button('all', () => choose(() => true));
    const concerned = button('of the violation', () => choose((line) => this.model.lines[line]?.isConcerned === true));
    concerned.disabled = !this.model.lines.some(({ isConcerned }) => isConcerned);
    byId('nodes').append('Nodes ', all, concerned, ...this.boxes.map(({ label }) => label));
  }

  /**
   * @param {number} line
   * @param {boolean} isWanted
   */
  showLine(line, isWanted) {
    const box = this.boxes[line];
    if (box !== undefined) box.input.checked = isWanted;
    this.filter.lines[line] = isWanted;
  }

  controls() {
    const { scale, filter } = this;
    const goViolation = byId('go-violation');
    if (goViolation instanceof HTMLButtonElement) goViolation.disabled = this.model.violation === null;
    onClick('go-violation', () => this.change(() => scale.showViolation()));
    onClick('go-all', () => this.change(() => scale.showAll()));
    onClick('zoom-in', () => this.change(() => scale.zoom(0.5, (scale.from + scale.to) / 2)));
    onClick('zoom-out', () => this.change(() => scale.zoom(2, (scale.from + scale.to) / 2)));
    const seek = inputOf('seek');
    seek.addEventListener('change', () => {
      const atSeconds = Number.parseFloat(seek.value);
      if (Number.isFinite(atSeconds)) this.change(() => scale.centre(scale.placeOfTime(atSeconds * 1000)));
    });
    const find = inputOf('find');
    find.addEventListener('change', () => this.find(find));
    const axis = byId('axis');
    axis.addEventListener('change', () => {
      if (axis instanceof HTMLSelectElement) {
        this.change(() => scale.spreadBy(axis.value === 'order' ? 'order' : 'time'));
      }
    });
    const only = inputOf('only-concerned');
    only.addEventListener('change', () => this.change(() => (filter.onlyConcerned = only.checked)));
    const receipts = inputOf('receipts');
    receipts.addEventListener('change', () => this.change(() => (filter.receipts = receipts.checked)));
    const command = document.getElementById('command');
    const copy = document.getElementById('copy');
    if (command === null || copy === null) return;
    copy.addEventListener('click', () => {
      getSelection()?.selectAllChildren(command);
      // Where a page from a file may not write to the clipboard, the selection is there to be copied.
      navigator.clipboard?.writeText(command.textContent ?? '').then(
        () => (copy.textContent = 'Copied'),
        () => (copy.textContent = 'Selected'),
      );
    });
  }

  /** @param {() => void} act */
  change(act) {
    act();
    this.redraw();
  }

  /** @param {HTMLInputElement} input */
  find(input) {
    const name = input.value.trim();
    const index = this.model.events.findIndex(({ message }) => this.model.messages[message]?.name === name);
    input.setCustomValidity(index < 0 && name !== '' ? `no event of this run is about ${name}` : '');
    input.reportValidity();
    if (index >= 0) this.keep(index);
  }

  /**
   * Goes to an event and stays with it.
   * @param {number} index
   */
  keep(index) {
    const place = this.scale.placeOfEvent(index);
    if (place < this.scale.from || place > this.scale.to) this.scale.centre(place);
    this.showLine(eventAt(this.model, index).line, true);
    this.isKept = true;
    this.diagram.focusOn(index);
    byId('tooltip').hidden = true;
    this.redraw();
  }

  letGo() {
    this.isKept = false;
    this.diagram.focusOn(-1);
    byId('tooltip').hidden = true;
    this.tellStatus();
  }

  pointer() {
    const place = byId('diagram');
    /** @type {{ x: number, from: number, to: number, hasMoved: boolean } | undefined} */
    let drag;
    place.addEventListener('pointerdown', (event) => {
      drag = { x: event.clientX, from: this.scale.from, to: this.scale.to, hasMoved: false };
    });
    place.addEventListener('pointermove', (event) => {
      if (drag !== undefined && event.buttons === 1) {
        const moved = event.clientX - drag.x;
        if (Math.abs(moved) > 3) drag.hasMoved = true;
        const step = (moved / this.scale.width) * (drag.to - drag.from);
        if (drag.hasMoved) this.change(() => this.scale.show((drag?.from ?? 0) - step, (drag?.to ?? 1) - step));
        return;
      }
      this.point(event);
    });
    place.addEventListener('pointerup', (event) => {
      const isClick = drag?.hasMoved === false;
      drag = undefined;
      if (!isClick) return;
      const index = this.eventAtPointer(event);
      if (index < 0) this.letGo();
      else this.keep(index);
    });
    place.addEventListener('pointerleave', () => {
      drag = undefined;
      if (!this.isKept) this.letGo();
      byId('tooltip').hidden = true;
    });
    place.addEventListener(
      'wheel',
      (event) => {
        // With a key of its own the wheel belongs to the browser; a wheel that goes sideways moves.
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          this.change(() => this.scale.move(event.deltaX / this.scale.width));
        } else this.change(() => this.scale.zoom(Math.exp(event.deltaY * 0.0015), this.scale.place(this.xOf(event))));
      },
      { passive: false },
    );
  }

  /** @param {MouseEvent} event */
  xOf(event) {
    return event.clientX - this.diagram.root.getBoundingClientRect().left;
  }

  /** @param {MouseEvent} event */
  eventAtPointer(event) {
    return this.diagram.eventNear(this.xOf(event), event.clientY - this.diagram.root.getBoundingClientRect().top);
  }

  /** @param {PointerEvent} event */
  point(event) {
    const index = this.eventAtPointer(event);
    if (!this.isKept) {
      this.diagram.focusOn(index);
      this.tellStatus();
    }
    if (index >= 0) this.tell(event, this.describeEvent(index));
    else {
      const group = event.target instanceof Element ? event.target.closest('[data-band]') : null;
      const band = group instanceof SVGElement ? this.model.bands[Number(group.dataset['band'])] : undefined;
      if (band === undefined) byId('tooltip').hidden = true;
      else this.tell(event, this.describeBand(band));
    }
  }

  /** @param {number} index */
  describeEvent(index) {
    const { model, diagram } = this;
    const event = eventAt(model, index);
    const message = model.messages[event.message];
    const lines = [`${formatSeconds(event.atMs)}  ${model.lines[event.line]?.name ?? ''}: ${event.text}`];
    if (message !== undefined && message.payload !== '') lines.push(`${message.payload} (${message.bytes} bytes)`);
    const source = model.events[event.source];
    if (source !== undefined && source.line !== event.line) {
      lines.push(`from ${model.lines[source.line]?.name ?? ''}, ${(event.atMs - source.atMs).toFixed(3)} ms before`);
    }
    if (index === diagram.focus) {
      lines.push(`follows from ${diagram.past.size} events · ${diagram.future.size} follow from it`);
    }
    return lines;
  }

  /** @param {PageBand} band */
  describeBand({ fromMs, toMs, line, text }) {
    const where = line < 0 ? 'network' : (this.model.lines[line]?.name ?? '');
    const when = toMs > fromMs ? `${formatSeconds(fromMs)} to ${formatSeconds(toMs)}` : formatSeconds(fromMs);
    return [`${where}: ${text}`, when];
  }

  /**
   * @param {MouseEvent} event
   * @param {readonly string[]} lines
   */
  tell(event, lines) {
    const tooltip = byId('tooltip');
    tooltip.replaceChildren(
      ...lines.map((line) => {
        const element = document.createElement('div');
        element.textContent = line;
        return element;
      }),
    );
    tooltip.hidden = false;
    const { width, height } = tooltip.getBoundingClientRect();
    tooltip.style.left = `${Math.max(4, Math.min(event.clientX + 14, window.innerWidth - width - 8))}px`;
    const below = event.clientY + 18;
    tooltip.style.top = `${below + height > window.innerHeight ? event.clientY - height - 12 : below}px`;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { scale } = this;
    const middle = (scale.from + scale.to) / 2;
    /** @type {Readonly<Record<string, () => void>>} */
    const actions = {
      ArrowLeft: () => scale.move(-0.1),
      ArrowRight: () => scale.move(0.1),
      '+': () => scale.zoom(0.7, middle),
      '-': () => scale.zoom(1 / 0.7, middle),
      Home: () => scale.showAll(),
      v: () => scale.showViolation(),
      n: () => this.step(1),
      p: () => this.step(-1),
      Escape: () => this.letGo(),
    };
    const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act === undefined) return;
    event.preventDefault();
    this.change(act);
  }

  /**
   * To the next or previous shown event of the same line; without one, to the first in view.
   * @param {number} direction 1 or -1
   */
  step(direction) {
    const { model, diagram, filter, scale } = this;
    if (diagram.focus < 0) {
      const { first, end } = scale.range;
      for (let index = first; index < end; index += 1) {
        if (!isShown(model, filter, eventAt(model, index))) continue;
        this.keep(index);
        return;
      }
      return;
    }
    const { line } = eventAt(model, diagram.focus);
    for (let index = diagram.focus + direction; index >= 0 && index < model.events.length; index += direction) {
      const event = eventAt(model, index);
      if (event.line !== line || !isShown(model, filter, event)) continue;
      this.keep(index);
      return;
    }
  }
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * @param {string} id
 * @returns {HTMLInputElement}
 */
function inputOf(id) {
  const element = byId(id);
  if (!(element instanceof HTMLInputElement)) throw new Error(`${id} is no input`);
  return element;
}

/**
 * @param {string} id
 * @param {() => void} act
 */
function onClick(id, act) {
  byId(id).addEventListener('click', act);
}

/**
 * @param {string} text
 * @param {() => void} act
 */
function button(text, act) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = text;
  element.addEventListener('click', act);
  return element;
}

/** @param {string} text */
function checkBox(text) {
  const label = document.createElement('label');
  const input = document.createElement('input');
  input.type = 'checkbox';
  input.checked = true;
  label.append(input, text);
  return { label, input };
}

new Page().begin();
