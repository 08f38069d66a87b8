/** The status of a node, for an operator who wants to know whether all is well, and if not, why. */
import Table from 'cli-table3';
import type { StatusDocument } from '../transport-tls/index.js';
import { programName } from './invocation.js';
import { countOf, formatCount, formatDuration } from './numbers.js';
import { paint, printable, type Stream } from './terminal.js';

const dayMs = 24 * 60 * 60 * 1_000;

/** A member that is up and has taken in nothing for so long is not merely busy for a moment. */
const laggingMs = 30_000;

type Dot = StatusDocument['blocked'][number]['missing'];

export function describeStatus(stream: Stream, status: StatusDocument): string {
  const { members, logs } = status;
  return [
    headline(stream, status),
    row('messages', `own to seq ${formatCount(status.seq)}`),
    row('position', positionText(status)),
    ...waitingRows(status),
    ...applyingRows(stream, status),
    ...problemRows(stream, status),
    row('certificate', certificateText(stream, status)),
    '\n',
    ...(members.length === 0 ? ['  no other members\n'] : [memberTable(stream, status), '\n']),
    ...(logs.length === 0 ? ['  no messages yet\n'] : ['\n', logTable(stream, status), '\n']),
    ...blockedRows(stream, status),
  ].join('');
}

function headline(stream: Stream, { name, incarnation, state, pid, address }: StatusDocument): string {
  const title = paint(stream, state === 'running' ? 'green' : 'yellow', printable(state.toUpperCase()));
  return `${title}  ${printable(originText(name, incarnation))} (pid ${pid}), listening on ${printable(address)}\n`;
}

function positionText({ position, appliedPosition }: StatusDocument): string {
  if (position === appliedPosition) return `${formatCount(position)}, all applied`;
  return `${formatCount(position)} delivered, ${formatCount(appliedPosition)} applied`;
}

function waitingRows({ undeliveredBytes, heldBackMessages }: StatusDocument): readonly string[] {
  return [
    ...(undeliveredBytes === 0 ? [] : [row('waiting', `${countOf(undeliveredBytes, 'byte')} for the application`)]),
    ...(heldBackMessages === 0 ? [] : [row('held back', `${countOf(heldBackMessages, 'message')}, see below`)]),
  ];
}

/** Nothing for an application that is merely busy for a moment. */
function applyingRows(stream: Stream, { applying }: StatusDocument): readonly string[] {
  if (applying === null) return [];
  const { message, position, forMs, failures, lastError } = applying;
  const about = message === null ? 'a snapshot of another member' : dotText(message);
  const what = `at work on ${about} (position ${position}) for ${formatDuration(forMs)}`;
  if (failures === 0) return [row('application', what)];
  const times = failures === 1 ? 'failed once' : `failed ${formatCount(failures)} times`;
  const command = `${programName()} delivery`;
  return [
    row('application', paint(stream, 'red', `${what}, ${times}`)),
    ...(lastError === null ? [] : [row('', printable(lastError))]),
    row('to do', `mend the application, then: ${command} retry --config FILE`),
    row('', `or give the message up: ${command} skip ${position} --reason TEXT --config FILE`),
  ];
}

function problemRows(stream: Stream, { refusal, storage }: StatusDocument): readonly string[] {
  const problem = (name: string, what: string, code: string | null, message: string | null): string =>
    row(name, paint(stream, 'red', printable(`${what}, ${code ?? ''}: ${message ?? ''}`)));
  return [
    ...(refusal === null ? [] : [problem('broadcasts', 'refused', refusal.code, refusal.message)]),
    ...(storage.state === 'ok' ? [] : [problem('storage', storage.state, storage.code, storage.message)]),
  ];
}

function certificateText(stream: Stream, { certificateNotAfter }: StatusDocument): string {
  const leftMs = Date.parse(certificateNotAfter) - Date.now();
  const until = printable(certificateNotAfter);
  if (leftMs <= 0) return paint(stream, 'red', `ended ${until}: no new links; issue a new one and send SIGHUP`);
  const text = `until ${until}, ${countOf(Math.floor(leftMs / dayMs), 'day')} left`;
  return leftMs < 30 * dayMs ? paint(stream, 'yellow', `${text}; issue a new one and send SIGHUP`) : text;
}

function memberTable(stream: Stream, { members, seq }: StatusDocument): string {
  const rows = members.map(({ name, state, address, ackedSeq, lagBytes, stalledMs, isDemoted }) => {
    const isLagging = stalledMs >= laggingMs;
    const stateText = isLagging ? 'lagging' : state;
    const shownState = paint(stream, stateText === 'up' ? 'green' : 'yellow', printable(stateText));
    const numbers = [ackedSeq, Math.max(0, seq - ackedSeq), lagBytes].map(formatCount);
    const lagging = isLagging ? `has taken in nothing for ${formatDuration(stalledMs)}` : '';
    const note = isDemoted ? 'needs a snapshot' : lagging;
    return [printable(name), shownState, printable(address ?? 'unknown'), ...numbers, note];
  });
  return tableOf(stream, ['member', 'state', 'address'], ['acked', 'behind', 'bytes'], rows);
}

function logTable(stream: Stream, { logs }: StatusDocument): string {
  const rows = logs.map(({ origin, incarnation, durableSeq, deliveredSeq, stableSeq, isClosed }) => {
    const numbers = [durableSeq, deliveredSeq, stableSeq].map(formatCount);
    return [printable(originText(origin, incarnation)), ...numbers, isClosed ? 'closed' : ''];
  });
  return tableOf(stream, ['log'], ['durable', 'delivered', 'stable'], rows);
}

function blockedRows(stream: Stream, { blocked, members }: StatusDocument): readonly string[] {
  if (blocked.length === 0) return [];
  const up = new Set(members.filter(({ state }) => state === 'up').map(({ name }) => name));
  const lines = blocked.map(({ waiting, missing, suppliers }) => {
    const line = `${dotText(waiting)} waits for ${dotText(missing)}, ${suppliersText(suppliers, up)}`;
    return `  ${suppliers.some((name) => up.has(name)) ? line : paint(stream, 'yellow', line)}\n`;
  });
  return ['\n', ...lines];
}

function suppliersText(suppliers: readonly string[], up: ReadonlySet<string>): string {
  if (suppliers.length === 0) return 'which no member is known to hold';
  const names = suppliers.map((name) => printable(up.has(name) ? name : `${name} (down)`));
  return `held by ${names.join(', ')}`;
}

function originText(origin: string, incarnation: number): string {
  return incarnation === 1 ? origin : `${origin}~${incarnation}`;
}

function dotText({ origin, incarnation, seq }: Dot): string {
  return printable(`${originText(origin, incarnation)}:${seq}`);
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(11)}  ${text}\n`;
}

/** Texts, numbers, and a note at the end of each row, where one has any. */
function tableOf(
  stream: Stream,
  texts: readonly string[],
  numbers: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const hasNotes = rows.some((cells) => cells.at(-1) !== '');
  const head = [...texts, ...numbers, ...(hasNotes ? ['note'] : [])];
  const colAligns = head.map((name) => (numbers.includes(name) ? 'right' : 'left'));
  const style = stream.hasColor ? { head: ['cyan'], border: ['gray'] } : { head: [], border: [] };
  const table = new Table({
    head,
    colAligns,
    style: { ...style, 'padding-left': 1, 'padding-right': 1, compact: true },
  });
  for (const cells of rows) table.push(cells.slice(0, head.length));
  return table.toString();
}
