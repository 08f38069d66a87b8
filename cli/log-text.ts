/** What a log holds and what is wrong with it, for an operator who sees one for the first time. */
import Table from 'cli-table3';
import type {
  InspectedRecord,
  LogInspection,
  LostRecords,
  OriginTally,
  RepairPlan,
  RepairResult,
} from '../transport-tls/index.js';
import { programName } from './invocation.js';
import { refusalCodes } from './log-json.js';
import { countOf, formatCount } from './numbers.js';
import { paint, printable, type Paint, type Stream } from './terminal.js';

// --- verify ------------------------------------------------------------------------------------------------------------

/** The verdict, what follows from it, and the counts. */
export function describeVerify(stream: Stream, inspection: LogInspection): string {
  const { segments, bytes, records, firstLsn, lastLsn, logId, incarnation, origins } = inspection;
  const lsns = firstLsn === null || lastLsn === null ? 'no records' : `lsn ${firstLsn}..${lastLsn}`;
  const seqs = origins.map(
    (tally) => `${originOf(tally)} ${countOf(tally.messages, 'message')} to seq ${formatCount(tally.lastSeq)}`,
  );
  return [
    headline(stream, inspection),
    row('log', `${logId ?? 'unknown'}, incarnation ${incarnation ?? 'unknown'}`),
    row('segments', `${formatCount(segments.length)}, ${countOf(bytes, 'byte')}`),
    row('records', `${formatCount(records)} whole, ${lsns}`),
    ...positions(inspection),
    ...block('messages', seqs.length === 0 ? ['none'] : seqs),
    ...warnings(inspection),
    ...leftovers(inspection),
    ...whatFollows(inspection),
  ].join('');
}

const headlineColors: Readonly<Record<LogInspection['verdict'], Paint>> = {
  clean: 'green',
  torn: 'yellow',
  corrupt: 'red',
  foreign: 'red',
  unsupported: 'yellow',
};

function headline(stream: Stream, { directory, verdict, damage, tail, live }: LogInspection): string {
  const title = paint(stream, headlineColors[verdict], verdict.toUpperCase());
  // The title may hold the codes of a colour; only what comes from outside is made harmless.
  const line = (text: string): string => `${title}  ${printable(text)}\n`;
  const at = (place: { readonly file: string; readonly offset: number }): string =>
    `${directory}/${place.file}:${place.offset}`;
  if (damage !== null) return line(`${at(damage)}: ${damage.reason}`);
  if (tail === null) return line(`${directory}: every byte of the log is good`);
  const what = live ? 'of an append that may be under way' : 'that were never synced, behind the last whole record';
  return line(`${at(tail)}: ${countOf(tail.bytes, 'byte')} ${what}`);
}

function positions({ floor, applied, verdict, lastLsn }: LogInspection): readonly string[] {
  const isKnown = verdict === 'clean' || verdict === 'torn';
  return [
    ...(floor > 0 ? [row('floor', `records up to lsn ${floor} are not needed any more`)] : []),
    row('applied', `position ${formatCount(applied)}${isKnown || lastLsn === null ? '' : ', in front of the damage'}`),
  ];
}

function warnings({ unreadable, notPlain }: LogInspection): readonly string[] {
  return [
    ...(unreadable === null ? [] : [row('unreadable', printable(unreadableText(unreadable)))]),
    ...block(
      'problem',
      notPlain.map((name) => `${printable(name)} is no plain file, so no node reads it: look at it, and move it away`),
    ),
  ];
}

function unreadableText({ records, first }: NonNullable<LogInspection['unreadable']>): string {
  return `${countOf(records, 'whole record')} hold${records === 1 ? 's' : ''} what no node can read, first ${first}`;
}

function leftovers({ segments, damage, leftovers: found }: LogInspection): readonly string[] {
  const old = segments.filter(({ state }) => state === 'leftover').map(({ file }) => file);
  const list = (names: readonly string[], what: string): readonly string[] =>
    names.length === 0 ? [] : [printable(`${nameFiles(names)}: ${what}`)];
  return block('leftovers', [
    ...list(old, 'not needed any more, removed by the next start'),
    ...list(found.torn, 'cut off by a start, for you to look at; may be deleted'),
    ...list(found.temporary, `unfinished, removed by the next start${damage === null ? '' : ' that is not refused'}`),
    ...list(found.damaged, 'taken out by a repair and kept; may be deleted when nobody needs them'),
  ]);
}

/** What a start would do, and what the operator should. */
function whatFollows(inspection: LogInspection): readonly string[] {
  const { verdict, directory, tail, lastLsn, live, holder, unreadable } = inspection;
  const log = `${programName()} log`;
  const target = shellWord(directory);
  const code = refusalCodes[verdict] ?? '';
  const refuses = row('start', `refused with ${code}; nothing would be changed`);
  const running = live
    ? [row('live', `a node (pid ${holder ?? 'unknown'}) is running here; the last append may be incomplete`)]
    : [];
  switch (verdict) {
    case 'clean':
      return live ? running : [row('start', `goes on behind lsn ${lastLsn ?? 0}`)];
    case 'torn':
      return [
        row(
          'start',
          `keeps these bytes as ${tail?.file ?? ''}.${tail?.offset ?? 0}.torn, cuts them off and goes on behind lsn ${lastLsn ?? 0}`,
        ),
        row('to do', 'nothing: a crash leaves such an end, and nothing that was acknowledged is in it'),
      ];
    case 'corrupt':
    case 'foreign': {
      const remedy = 'let this member go and add a new one under a new name';
      if (unreadable !== null) return [...running, refuses, row('to do', `a repair cannot mend that; ${remedy}`)];
      const stop = live ? 'stop the node, ' : '';
      const other = verdict === 'foreign' ? 'move files of another log away, if somebody put them here; or ' : '';
      return [
        ...running,
        refuses,
        row('to do', `${other}${stop}see ${log} repair ${target} --dry-run, then run it without --dry-run`),
      ];
    }
    case 'unsupported':
      return [...running, refuses, row('to do', 'use the newer program that wrote the log')];
  }
}

// --- inspect -----------------------------------------------------------------------------------------------------------

/** Tables of segments and origins, and the verdict. */
export function describeInspection(stream: Stream, inspection: LogInspection): string {
  const { origins } = inspection;
  return [
    segmentTable(stream, inspection),
    '\n\n',
    ...(origins.length === 0 ? ['  no messages\n'] : [originTable(stream, origins), '\n']),
    '\n',
    describeVerify(stream, inspection),
  ].join('');
}

function segmentTable(stream: Stream, { segments }: LogInspection): string {
  const table = newTable(
    stream,
    ['segment', 'state', 'bytes', 'records', 'lsn', 'addresses'],
    ['left', 'left', 'right', 'right', 'right', 'right'],
  );
  const number = (value: number | null): string => (value === null ? '' : formatCount(value));
  for (const { file, state, bytes, records, firstLsn, lastLsn, baseAddress } of segments) {
    const lsns = firstLsn === null || lastLsn === null ? '' : `${firstLsn}..${lastLsn}`;
    const addresses = baseAddress === null ? '' : `${baseAddress}..${baseAddress + bytes - 1}`;
    const marked = state === 'damaged' ? paint(stream, 'red', state) : state;
    table.push([file, marked, number(bytes), number(records), lsns, addresses]);
  }
  return table.toString();
}

function originTable(stream: Stream, origins: readonly OriginTally[]): string {
  const table = newTable(
    stream,
    ['origin', 'incarnation', 'batches', 'messages', 'first seq', 'last seq', 'bytes'],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  );
  for (const { origin, incarnation, isOwn, batches, messages, firstSeq, lastSeq, bytes } of origins) {
    const name = isOwn ? `${origin} (this node)` : origin;
    table.push([name, String(incarnation), ...[batches, messages, firstSeq, lastSeq, bytes].map(formatCount)]);
  }
  return table.toString();
}

function newTable(stream: Stream, head: string[], colAligns: ('left' | 'right')[]): InstanceType<typeof Table> {
  const style = stream.hasColor ? { head: ['cyan'], border: ['gray'] } : { head: [], border: [] };
  return new Table({ head, colAligns, style: { ...style, 'padding-left': 1, 'padding-right': 1, compact: true } });
}

/** Why a list of records is empty. */
export function describeNoRecords({ firstLsn, lastLsn }: LogInspection): string {
  const held = firstLsn === null || lastLsn === null ? 'no record' : `the records from lsn ${firstLsn} to ${lastLsn}`;
  return `  nothing to list: the log holds ${held}\n`;
}

/** One line: `12  journal-00000001.log:4096  own batch     a:1 seq 5..9 (5 messages, 1,204 bytes)`. */
export function describeRecord({ lsn, file, offset, bytes, content }: InspectedRecord): string {
  const place = `${String(lsn).padStart(8)}  ${`${file}:${offset}`.padEnd(30)}`;
  const line = (type: string, what: string): string => printable(`${place}  ${type.padEnd(12)}  ${what}`);
  switch (content.kind) {
    case 'batch': {
      const { firstSeq, count } = content.header;
      const what = `${originOf(content.header)} seq ${range(firstSeq, firstSeq + count - 1)}`;
      const size = `(${countOf(count, 'message')}, ${countOf(bytes, 'byte')})`;
      return line(content.isOwn ? 'own batch' : "peer's batch", `${what} ${size}`);
    }
    case 'applied':
      return line('applied', `position ${content.position}`);
    case 'synced':
      return line('synced', 'all before it is synced');
    case 'floor':
      return line('floor', `records up to lsn ${content.lsn} are not needed any more`);
    case 'incarnation':
      return line('incarnation', `${content.incarnation} from here on`);
    case 'skipped':
      return line('skipped', `position ${content.position}, given up by an operator: ${content.reason}`);
    case 'checkpoint':
      return line('checkpoint', `all that the records before it tell (${countOf(bytes, 'byte')})`);
    case 'membership':
      return line('membership', `who became a member or is none any more (${countOf(bytes, 'byte')})`);
    case 'snapshot-chunk':
      return line('snapshot', `a piece of a member's state, on its way here (${countOf(bytes, 'byte')})`);
    case 'snapshot':
      return line('snapshot', `the state that goes on from here (${countOf(bytes, 'byte')})`);
    case 'line-begun':
      return line(
        'line begun',
        `message ${content.seq} is about to be sent to ${content.peer}, which speaks pluto v0.4`,
      );
    case 'unknown':
      return line('unknown', `${countOf(bytes, 'byte')} of a newer program`);
    case 'unreadable':
      return line('unreadable', content.reason);
  }
}

// --- repair ------------------------------------------------------------------------------------------------------------

/** What a repair would do, and what the log would lack afterwards. */
export function describePlan(stream: Stream, directory: string, plan: RepairPlan): string {
  const { verdict, damages, kept, incarnation } = plan;
  const places = damages.map(({ file, offset, reason }) => printable(`${directory}/${file}:${offset}: ${reason}`));
  return [
    `${paint(stream, 'red', verdict.toUpperCase())}  ${places[0] ?? ''}\n`,
    ...block('and then', places.slice(1)),
    ...block('put aside', putAsideLines(plan)),
    row('go on', `behind lsn ${kept.lastLsn}, as incarnation ${incarnation} of the node`),
    ...lostRows(plan),
  ].join('');
}

export function describeRepair(stream: Stream, directory: string, result: RepairResult): string {
  if (result.outcome === 'unharmed') {
    return result.verdict === 'clean'
      ? `${paint(stream, 'green', 'CLEAN')}  ${printable(directory)}: nothing to repair\n`
      : `${paint(stream, 'yellow', 'TORN')}  ${printable(directory)}: nothing to repair, the next start of the node mends it\n`;
  }
  const { outcome, plan } = result;
  const target = shellWord(directory);
  switch (outcome) {
    case 'planned':
      return `${describePlan(stream, directory, plan)}\nNothing was changed. Next: ${programName()} log repair ${target}\n`;
    case 'declined':
      return 'Nothing was changed.\n';
    case 'repaired':
      return [
        `${paint(stream, 'green', 'REPAIRED')}  ${printable(directory)}: ends behind lsn ${plan.kept.lastLsn} now\n`,
        row('kept', `${countOf(plan.kept.records, 'record')}, and the log goes on as incarnation ${plan.incarnation}`),
        ...block('put aside', putAsideLines(plan)),
        row('', 'these files are kept until you delete them, which you may when nobody needs them'),
        ...lostRows(plan),
        row('to do', 'start the node'),
      ].join('');
  }
}

/** Files named one by one; of more only the first and the last. */
const filesNamedMax = 6;

function nameFiles(files: readonly string[]): string {
  if (files.length <= filesNamedMax) return files.join(', ');
  return `${files[0] ?? ''} ... ${files.at(-1) ?? ''} (${countOf(files.length, 'file')})`;
}

/** A line for each file; of more than a few only the first ones and the last. */
function putAsideLines({ putAside }: RepairPlan): readonly string[] {
  const lines = putAside.map(({ file, as, cutTo }) => {
    const stays =
      cutTo === null ? 'none of it stays in the log' : `its first ${countOf(cutTo, 'byte')} stay in the log`;
    return printable(`${file} as ${as}; ${stays}`);
  });
  if (lines.length <= filesNamedMax) return lines;
  const unnamed = lines.length - filesNamedMax;
  return [...lines.slice(0, filesNamedMax - 1), `... and ${countOf(unnamed, 'file')} ...`, ...lines.slice(-1)];
}

function lostRows({ kept, lost }: RepairPlan): readonly string[] {
  const messages = lost.origins.map((messagesOf) => {
    const { firstSeq, lastSeq, readable, isOwn } = messagesOf;
    const of = isOwn ? ' of this node itself' : '';
    return `${originOf(messagesOf)} seq ${range(firstSeq, lastSeq)}${of} (${formatCount(readable)} still readable)`;
  });
  return [
    ...block('not in the log any more', [
      lostSummary(kept.lastLsn, lost),
      ...lost.missing.map(missingText),
      ...messages,
    ]),
    ...(lost.applied !== null && lost.applied > kept.applied
      ? [
          row(
            'applied',
            `position ${formatCount(kept.applied)} instead of ${formatCount(lost.applied)}: some is delivered again`,
          ),
        ]
      : []),
    row('peers', 'the node fetches these messages from its peers when it starts'),
    ...(lost.origins.some(({ isOwn }) => isOwn)
      ? [row('', 'its own messages that no peer has are then only in the files put aside')]
      : []),
  ];
}

function missingText({ first, last }: LostRecords['missing'][number]): string {
  return first === last
    ? `${first}, which is missing: what was in it cannot be told`
    : `${first} to ${last}, which are missing: what was in them cannot be told`;
}

function lostSummary(keptLsn: number, { bytes, records, foreignRecords, lastLsn }: LostRecords): string {
  if (bytes === 0) return 'what was there cannot be told, nothing of it is left';
  const lsns = lastLsn === null ? '' : `, lsn ${range(keptLsn + 1, lastLsn)}`;
  const foreign = foreignRecords === 0 ? '' : `; ${countOf(foreignRecords, 'record')} of another log`;
  return `${countOf(bytes, 'byte')} with ${countOf(records, 'whole record')}${lsns}${foreign}`;
}

// --- Pieces ------------------------------------------------------------------------------------------------------------

const nameWidth = 11;

function row(name: string, text: string): string {
  return `  ${name.padEnd(nameWidth)}  ${text}\n`;
}

/** A name and its lines; nothing when there are none. */
function block(name: string, lines: readonly string[]): readonly string[] {
  if (name.length > nameWidth && lines.length > 0) return [`  ${name}\n`, ...lines.map((line) => row('', line))];
  return lines.map((line, index) => row(index === 0 ? name : '', line));
}

/** `a:1`: name and incarnation. */
function originOf({ origin, incarnation }: { readonly origin: string; readonly incarnation: number }): string {
  return `${origin}:${incarnation}`;
}

function range(first: number, last: number): string {
  return first === last ? String(first) : `${first}..${last}`;
}

/** As it must be typed in a shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", `'\\''`)}'`;
}
