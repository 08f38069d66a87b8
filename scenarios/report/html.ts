/**
 * A story as one HTML file that needs nothing else: no network, no other file, no program but a browser.
 *
 * What is violated stands in markup, so that it can be read, searched and printed without the script; the script draws the
 * space-time diagram from data in the page. The content policy of the page lets in these very bytes of script and style
 * and nothing else, no matter what a name or payload holds: a second fence behind the escaping.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { formatDot } from '../../core/index.js';
import { propertyMeanings } from '../oracles/violation.js';
import type { Plan } from '../plan.js';
import { bandsOf } from './bands.js';
import { formatTime } from './event-text.js';
import { escapeMarkup, previewPayload, scriptJson, visible } from './foreign-text.js';
import { formatGrid } from './grid.js';
import { pageData } from './page-data.js';
import { isConcerned, lacksOf, type Story } from './story.js';

/** In this order they are one script. */
const scripts = ['model.js', 'scale.js', 'shapes.js', 'diagram.js', 'overview.js', 'page.js'];
const gridRowsMax = 200;
const gridColumnsMax = 160;
/** Characters of a payload in the first lines of the page; the diagram shows more. */
const headerPayloadMax = 60;

/** Throws what reading our own script throws. */
export function htmlReport(story: Story): string {
  const style = readAsset('page.css');
  const script = scripts.map(readAsset).join('\n');
  const policy = `default-src 'none'; img-src data:; style-src '${hashOf(style)}'; script-src '${hashOf(script)}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${text(headline(story))}: ${text(story.title)}</title>
<style>${style}</style>
</head>
<body>
${summary(story)}
${diagram()}
${details(story)}
<script type="application/json" id="data">${scriptJson(pageData(story))}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** The package knows itself by name, so this works from the sources and from dist/ alike. */
function readAsset(name: string): string {
  const manifest = createRequire(import.meta.url).resolve('antecedent/package.json');
  return readFileSync(join(manifest, '../scenarios/report/browser', name), 'utf8');
}

function hashOf(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}

function text(foreign: string): string {
  return escapeMarkup(visible(foreign));
}

function headline({ violation, isDecided }: Story): string {
  if (violation !== undefined) return `${violation.property} violated`;
  return isDecided ? 'Every property held' : 'Undecided';
}

function summary(story: Story): string {
  const { title, nodes, history, violation, command, endMs } = story;
  const state = violation !== undefined ? 'violated' : story.isDecided ? 'held' : 'undecided';
  const facts = [
    title,
    countOf(nodes.length, 'node'),
    countOf(history.length, 'event'),
    violation === undefined ? `${seconds(endMs)} in all` : `violated at ${seconds(violation.atMs)}`,
  ];
  return `<header class="${state}">
<h1><span class="verdict">${state.toUpperCase()}</span> ${text(violation?.property ?? headline(story))}</h1>
${violation === undefined ? '' : `<p class="meaning">${text(propertyMeanings[violation.property])}</p>\n<p class="sentence">${text(violation.sentence)}</p>`}
${messageList(story)}
<p class="facts">${facts.map(text).join(' · ')}</p>
<p class="command"><code id="command">${text(command)}</code> <button id="copy" type="button">Copy</button></p>
</header>`;
}

/** The messages that the violation names, with what they say and who lacks them. */
function messageList(story: Story): string {
  const { violation, history } = story;
  if (violation === undefined || violation.messages.length === 0) return '';
  const lacks = lacksOf(story);
  const items = violation.messages.map((name) => {
    const first = history.find(
      (event) => event.type === 'broadcast' && isConcerned(event, violation) && formatDot(event.dot) === name,
    );
    const lacking = lacks.filter(({ message }) => message === name).map(({ node }) => node);
    const origin =
      first?.type === 'broadcast'
        ? `broadcast by ${text(first.node)} at ${seconds(first.atMs)}, ${countOf(first.payload.length, 'byte')}: <q>${text(previewPayload(first.payload, headerPayloadMax))}</q>`
        : 'nobody was seen to broadcast it';
    const rest = lacking.length === 0 ? '' : `; never given to ${text(lacking.join(', '))}`;
    return `<li><b>${text(name)}</b> ${origin}${rest}</li>`;
  });
  return `<ul class="messages">${items.join('')}</ul>`;
}

/** Empty places that the script fills. */
function diagram(): string {
  return `<main>
<noscript><p>The diagram needs JavaScript; the text below does not.</p></noscript>
<div id="controls" hidden>
<span class="group"><button type="button" id="go-violation">Violation</button><button type="button" id="go-all">Whole run</button><button type="button" id="zoom-in" aria-label="Zoom in">+</button><button type="button" id="zoom-out" aria-label="Zoom out">−</button></span>
<label>Seek <input id="seek" type="text" inputmode="decimal" size="8" placeholder="2.5 s"></label>
<label>Message <input id="find" type="text" size="8" placeholder="b:3"></label>
<label>Spread by <select id="axis"><option value="time">time</option><option value="order">order</option></select></label>
<label><input id="only-concerned" type="checkbox"> only what it is about</label>
<label><input id="receipts" type="checkbox"> receipts and stable clocks</label>
<span id="nodes" class="group" role="group" aria-label="Nodes"></span>
</div>
<div id="overview"></div>
<div id="diagram" tabindex="0" role="img" aria-label="Space-time diagram: one line a node, time runs to the right. Its events are also in the text below."></div>
<p id="status" role="status"></p>
<div id="tooltip" hidden></div>
</main>`;
}

function details(story: Story): string {
  const { violation, history, plan } = story;
  const grid =
    violation === undefined
      ? []
      : formatGrid({ history, faults: plan?.faults ?? [], violation }, gridRowsMax, gridColumnsMax);
  const bands = bandsOf(story).map(
    ({ fromMs, toMs, node, text: what }) =>
      `<tr><td>${seconds(fromMs)}</td><td>${toMs > fromMs ? seconds(toMs) : ''}</td><td>${text(node ?? 'network')}</td><td>${text(what)}</td></tr>`,
  );
  return [
    `<section><h2>How to read it</h2><p>Time runs to the right, one line a node. A full dot is a broadcast, a ring is a delivery, an arrow joins them;
a cross is a crash, and a line is missing where its node is down. Red is what the violation is about. Point at an event: blue is what it follows from, green what follows from it.
Click to keep that. Wheel or + and − zoom, drag or ← and → move, N and P step along a line, V goes to the violation, Escape lets go.</p></section>`,
    grid.length === 0 ? '' : `<section><h2>What led to it</h2><pre>${grid.map(text).join('\n')}</pre></section>`,
    bands.length === 0
      ? ''
      : `<section><h2>What was done to the cluster</h2><table><thead><tr><th>from</th><th>to</th><th>where</th><th>what</th></tr></thead><tbody>${bands.join('')}</tbody></table></section>`,
    plan === undefined ? '' : `<section><h2>Options</h2><pre>${options(plan).map(text).join('\n')}</pre></section>`,
  ].join('\n');
}

/** One a line. */
function options({
  seed,
  workload,
  operations,
  healedAtMs,
  deadlineMs,
  budgets,
  options: others,
}: Plan): readonly string[] {
  const all = { seed, workload, operations: operations.length, healedAtMs, deadlineMs, budgets, ...others };
  return Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${JSON.stringify(value)}`],
  );
}

function countOf(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

function seconds(atMs: number): string {
  return formatTime(atMs).trim();
}
