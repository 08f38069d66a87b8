/**
 * `node dist/bench/curves.js RUN.json`: draws how cost grows, from the JSON of a run, as an SVG in docs/.
 *
 * One small picture a curve: a logarithmic axis in both directions, so that growth in proportion is a straight line with a slope of one,
 * and no growth a level one. Readable on light and on dark ground: the colours follow the reader's preference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchResult } from './case.js';

const outputFile = join(import.meta.dirname, '../../docs/cost-growth.svg');
const panel = { width: 360, height: 240, left: 64, right: 16, top: 44, bottom: 40 };
const inner = {
  width: panel.width - panel.left - panel.right,
  height: panel.height - panel.top - panel.bottom,
};
const perRow = 2;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Curve {
  readonly name: string;
  readonly unit: string;
  /** Ours, and others of the same run, by name. */
  readonly lines: ReadonlyMap<string, readonly Point[]>;
}

/** The curves of a run, in the order in which their first points come. */
function curvesOf(results: readonly BenchResult[]): readonly Curve[] {
  const curves = new Map<string, { unit: string; lines: Map<string, Point[]> }>();
  for (const { point, unit, ours, peers } of results) {
    if (point === undefined) continue;
    const curve = curves.get(point.curve) ?? { unit, lines: new Map<string, Point[]>() };
    curves.set(point.curve, curve);
    for (const [name, y] of Object.entries({ antecedent: ours, ...peers })) {
      curve.lines.set(name, [...(curve.lines.get(name) ?? []), { x: point.x, y }]);
    }
  }
  return [...curves].map(([name, { unit, lines }]) => ({ name, unit, lines }));
}

interface Axis {
  readonly ticks: readonly number[];
  /** From 0 at the lower end to 1 at the upper one. */
  readonly share: (value: number) => number;
}

/** From one tick below the values to one above. `ticks` are 1, 2 and 5 times powers of ten, or fewer when there are many. */
function logAxis(values: readonly number[], padded: boolean): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const decades = Math.log10(most / least);
  const steps = decades > 2 ? [1] : [1, 2, 5];
  const all = Array.from({ length: 24 }, (_, index) => 10 ** (index - 9)).flatMap((power) =>
    steps.map((step) => step * power),
  );
  const low = padded ? (all.findLast((tick) => tick < least) ?? least) : least;
  const high = padded ? (all.find((tick) => tick > most) ?? most) : most;
  const span = Math.log(high / low);
  return {
    ticks: all.filter((tick) => tick >= low && tick <= high),
    share: (value) => (span === 0 ? 0.5 : Math.log(value / low) / span),
  };
}

function formatTick(tick: number): string {
  if (tick >= 1e6) return `${tick / 1e6}M`;
  return tick >= 1e3 ? `${tick / 1e3}k` : String(Number(tick.toPrecision(3)));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function drawText(x: number, y: number, anchor: string, text: string, className = ''): string {
  const position = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`;
  return `<text ${position} text-anchor="${anchor}" class="${className}">${escapeText(text)}</text>`;
}

function drawCurve({ name, unit, lines }: Curve, column: number, row: number): string {
  const points = [...lines.values()].flat().filter(({ y }) => Number.isFinite(y) && y > 0);
  // Members and lengths of runs are few and chosen: these are the ticks.
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const [across, up] = [
    logAxis(xs, false),
    logAxis(
      points.map(({ y }) => y),
      true,
    ),
  ];
  const atX = (x: number): number => panel.left + across.share(x) * inner.width;
  const atY = (y: number): number => panel.top + (1 - up.share(y)) * inner.height;
  const bottom = panel.top + inner.height;
  const grid = up.ticks.map((tick) => {
    const y = atY(tick).toFixed(1);
    const line = `<line x1="${panel.left}" x2="${panel.left + inner.width}" y1="${y}" y2="${y}" class="grid"/>`;
    return line + drawText(panel.left - 6, atY(tick) + 4, 'end', formatTick(tick));
  });
  const below = xs.map((x) => drawText(atX(x), bottom + 16, 'middle', formatTick(x)));
  const drawn = [...lines].map(([who, line], index) => {
    const finite = line.filter(({ y }) => Number.isFinite(y) && y > 0).toSorted((a, b) => a.x - b.x);
    const path = finite.map(({ x, y }) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(' ');
    const marks = finite.map(
      ({ x, y }) => `<circle cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="2.5" class="mark-${index}"/>`,
    );
    const label = drawText(panel.left + inner.width - index * 90, panel.top - 10, 'end', who, `label-${index}`);
    return `<polyline points="${path}" class="line-${index}"/>${marks.join('')}${lines.size > 1 ? label : ''}`;
  });
  return [
    `<g transform="translate(${column * panel.width},${row * panel.height})">`,
    drawText(panel.left, 18, 'start', name, 'title'),
    drawText(8, panel.top - 10, 'start', unit),
    drawText(panel.left + inner.width, bottom + 32, 'end', name.includes('members') ? 'members' : 'messages'),
    ...grid,
    ...below,
    ...drawn,
    '</g>',
  ].join('\n');
}

/** Text and grid are grey on both grounds; each line has a colour that stands out from either. */
const style = `<style>
text { font: 11px system-ui, sans-serif; fill: #59636e; }
.title { font-weight: 600; font-size: 12px; }
.grid { stroke: #59636e; stroke-opacity: 0.25; }
polyline { fill: none; stroke-width: 2; }
.line-0 { stroke: #0969da; } .mark-0, .label-0 { fill: #0969da; }
.line-1 { stroke: #bf5700; } .mark-1, .label-1 { fill: #bf5700; }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1; }
  .grid { stroke: #9198a1; }
  .line-0 { stroke: #4493f8; } .mark-0, .label-0 { fill: #4493f8; }
  .line-1 { stroke: #f0883e; } .mark-1, .label-1 { fill: #f0883e; }
}
</style>`;

function drawAll(curves: readonly Curve[]): string {
  const width = panel.width * Math.min(perRow, curves.length);
  const height = panel.height * Math.ceil(curves.length / perRow);
  const drawn = curves.map((curve, index) => drawCurve(curve, index % perRow, Math.floor(index / perRow)));
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`;
  const title = '<title>How cost grows with the length of a run and with members</title>';
  return `${[open, title, style, ...drawn, '</svg>'].join('\n')}\n`;
}

const [, , runFile] = process.argv;
if (runFile === undefined) {
  process.stderr.write(
    'node dist/bench/curves.js RUN.json, where RUN.json is what npm run -s bench -- --json growth has printed\n',
  );
  process.exitCode = 2;
} else {
  const { results } = JSON.parse(readFileSync(runFile, 'utf8')) as { readonly results: readonly BenchResult[] };
  const curves = curvesOf(results);
  if (curves.length === 0) throw new Error(`${runFile} has no points of a curve: run the group growth`);
  writeFileSync(outputFile, drawAll(curves));
  process.stdout.write(`drew ${curves.length} curves in docs/cost-growth.svg\n`);
}
