import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { RecordsDocument } from '../../cli/log-json.js';
import { runCommandLine } from '../../cli/program.js';
import { recordTypes } from '../../core/index.js';
import { lockDirectory } from '../../transport-tls/index.js';
import {
  addBytes,
  contentsOf,
  cutOff,
  flipBit,
  LogWriter,
  putInPlaceOf,
  writeFutureVersion,
  writeSampleLog,
  writeUnreadableLog,
} from '../support/log-writer.js';
import { antecedent, fakeStream, type Outcome } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

const [second, third, fourth] = [2, 3, 4].map((index) => `journal-0000000${index}.log`) as [string, string, string];
let directory: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  await writeSampleLog(directory);
});

/** A command line of a person at a terminal, who answers the question that comes. */
async function atTerminal(answer: boolean, ...args: readonly string[]): Promise<Outcome & { readonly asked: string }> {
  const [out, err] = [fakeStream(), fakeStream()];
  let asked = '';
  const ask = (question: string): Promise<boolean> => {
    asked += question;
    return Promise.resolve(answer);
  };
  const exitCode = await runCommandLine(args, { out, err, ask, exitCode: 0 });
  return { exitCode, out: out.text, err: err.text, asked };
}

/** The only document that was printed. */
function documentOf({ out }: Outcome): Record<string, unknown> {
  return JSON.parse(out) as Record<string, unknown>;
}

const damages: readonly {
  readonly verdict: string;
  readonly exitCode: number;
  readonly code: string | null;
  readonly inflict: () => Promise<void> | void;
  readonly says: readonly string[];
}[] = [
  {
    verdict: 'clean',
    exitCode: 0,
    code: null,
    inflict: () => undefined,
    says: [
      'every byte of the log is good',
      '41 whole, lsn 1..41',
      'a:1 12 messages to seq 12',
      'goes on behind lsn 41',
    ],
  },
  {
    verdict: 'torn',
    exitCode: 0,
    code: null,
    inflict: () => cutOff(directory, fourth, 7),
    says: [
      `${fourth}:105: 33 bytes that were never synced`,
      `keeps these bytes as ${fourth}.105.torn`,
      'to do        nothing',
    ],
  },
  {
    verdict: 'corrupt',
    exitCode: 1,
    code: 'E_LOG_CORRUPT',
    inflict: () => flipBit(directory, second, 400),
    says: [`${second}:314: record 17 is damaged`, 'refused with E_LOG_CORRUPT', 'antecedent log repair'],
  },
  {
    verdict: 'foreign',
    exitCode: 1,
    code: 'E_LOG_FOREIGN',
    inflict: () => putInPlaceOf(directory, third),
    says: [
      `${third}:0: the segment belongs to another log`,
      'refused with E_LOG_FOREIGN',
      'move files of another log away',
    ],
  },
  {
    verdict: 'unsupported',
    exitCode: 3,
    code: 'E_LOG_VERSION',
    inflict: () => writeFutureVersion(directory, third),
    says: [`${third}:0: format version 2`, 'refused with E_LOG_VERSION', 'use the newer program'],
  },
];

describe.each(damages)('a log that is $verdict', ({ verdict, exitCode, code, inflict, says }) => {
  test('is told by verify, with the place and what follows', async () => {
    await inflict();
    const outcome = await antecedent('log', 'verify', directory);
    expect([outcome.exitCode, outcome.err]).toEqual([exitCode, '']);
    expect(outcome.out.startsWith(`${verdict.toUpperCase()}  ${directory}`)).toBe(true);
    for (const text of says) expect(outcome.out).toContain(text);
  });

  test('is one JSON document', async () => {
    await inflict();
    for (const command of [['verify'], ['inspect'], ['inspect', '--records']]) {
      const outcome = await antecedent('log', ...command, directory, '--json');
      expect([outcome.exitCode, outcome.err]).toEqual([exitCode, '']);
      expect(documentOf(outcome)).toMatchObject({ verdict, code, live: false });
    }
  });
});

describe('log verify', () => {
  test('prints the counts that scripts rely on', async () => {
    const { out } = await antecedent('log', 'verify', directory, '--json');
    expect(JSON.parse(out)).toMatchObject({
      verdict: 'clean',
      segments: 4,
      records: 41,
      bytes: 3460,
      firstLsn: 1,
      lastLsn: 41,
      applied: 24,
      origins: [{ origin: 'a', messages: 12, lastSeq: 12 }, { origin: 'b' }],
    });
  });

  test('says that a node is running, and by which pid', async () => {
    cutOff(directory, fourth, 7);
    const lock = lockDirectory(directory);
    const text = await antecedent('log', 'verify', directory);
    const json = await antecedent('log', 'verify', directory, '--json');
    lock.release();
    expect([text.exitCode, json.exitCode]).toEqual([0, 0]);
    expect(text.out).toContain(`a node (pid ${process.pid}) is running here; the last append may be incomplete`);
    expect(documentOf(json)).toMatchObject({ verdict: 'clean', live: true, holder: process.pid });
  });

  test('makes nothing in the directory', async () => {
    const before = readdirSync(directory);
    await antecedent('log', 'verify', directory);
    await antecedent('log', 'inspect', directory, '--records');
    expect(readdirSync(directory)).toEqual(before);
  });

  test('names what a shell must be given in quotes', async () => {
    flipBit(directory, second, 400);
    const odd = join(directory, "it's here");
    mkdirSync(odd);
    await writeSampleLog(odd);
    flipBit(odd, second, 400);
    const { out } = await antecedent('log', 'verify', odd);
    expect(out).toContain(`log repair '${directory}/it'\\''s here' --dry-run`);
  });
});

describe('log verify, of what no repair can mend,', () => {
  test('says so for a whole record that no node can read', async () => {
    const other = temporaryDirectory();
    await writeUnreadableLog(other);
    const { exitCode, out } = await antecedent('log', 'verify', other);
    expect(exitCode).toBe(1);
    expect(out).toMatch(/^CORRUPT .*journal-00000001\.log:64: record 1 is whole, but no node can read it: checksum/);
    expect(out).toContain('to do        a repair cannot mend that');
    const repair = await antecedent('log', 'repair', other, '--yes');
    expect([repair.exitCode, repair.err]).toEqual([3, expect.stringContaining('a repair cannot mend that')]);
  });

  test('names what is no plain file', async () => {
    mkdirSync(join(directory, 'journal-00000006.log'));
    const { out } = await antecedent('log', 'verify', directory);
    expect(out).toContain('problem      journal-00000006.log is no plain file');
  });
});

test.each(damages)(
  'the verdict $verdict is painted, not spelled out, where colours are shown',
  async ({ inflict, verdict }) => {
    await inflict();
    const out = fakeStream({ hasColor: true });
    await runCommandLine(['log', 'verify', directory], { out, err: fakeStream(), exitCode: 0 });
    expect(out.text).toMatch(new RegExp(`^\u001b\\[\\d+m${verdict.toUpperCase()}\u001b\\[39m  /`));
    expect(out.text).not.toContain('\\u001b');
  },
);

describe('log inspect', () => {
  test('shows segments and origins', async () => {
    const { exitCode, out } = await antecedent('log', 'inspect', directory);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/journal-00000002\.log │ good +│ +1,105 │ +13 │ +14\.\.26 │ +1105\.\.2209/);
    expect(out).toMatch(/a \(this node\) │ +1 │ +12 │ +12 │ +1 │ +12 │ +780/);
    expect(out).not.toContain('own batch');
  });

  test('lists records, one a line', async () => {
    const { out } = await antecedent('log', 'inspect', directory, '--records');
    expect(out).toMatch(/^ +15 {2}journal-00000002\.log:169 +peer's batch +b:1 seq 5 \(1 message, 65 bytes\)$/m);
    expect(out).toMatch(/^ +10 {2}journal-00000001\.log:814 +applied +position 6$/m);
    expect(out).toMatch(/^ +11 {2}journal-00000001\.log:855 +synced +all before it is synced$/m);
    expect(out.match(/^ +\d+ {2}journal-/gm)).toHaveLength(41);
  });

  test('lists a range of them, for which --from or --to is enough', async () => {
    const lsns = async (...options: readonly string[]): Promise<unknown> => {
      const outcome = await antecedent('log', 'inspect', directory, '--json', ...options);
      return (documentOf(outcome)['recordList'] as readonly { readonly lsn: number }[]).map(({ lsn }) => lsn);
    };
    expect(await lsns('--from', '39')).toEqual([39, 40, 41]);
    expect(await lsns('--to', '2')).toEqual([1, 2]);
    expect(await lsns('--from', '7', '--to', '7')).toEqual([7]);
    expect(await lsns('--from', '100')).toEqual([]);
  });

  test('says that there is nothing to list behind the end', async () => {
    const { exitCode, out } = await antecedent('log', 'inspect', directory, '--from', '100');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^ {2}nothing to list: the log holds the records from lsn 1 to 41\n/);
  });

  test('prints the fields of each kind of record', async () => {
    const outcome = await antecedent('log', 'inspect', directory, '--json', '--records', '--to', '11');
    const { recordList, segments } = documentOf(outcome) as {
      recordList: readonly object[];
      segments: readonly object[];
    };
    const place = { file: 'journal-00000001.log', offset: 64, address: 64 };
    const batch = { bytes: 65, type: 'local-batch', origin: 'a', incarnation: 1, firstSeq: 1, count: 1 };
    expect(recordList[0]).toEqual({ lsn: 1, ...place, ...batch });
    expect(recordList[1]).toMatchObject({ lsn: 2, type: 'remote-batch', origin: 'b' });
    expect(recordList[9]).toMatchObject({ lsn: 10, type: 'applied', position: 6 });
    expect(recordList[10]).toMatchObject({ lsn: 11, type: 'synced', bytes: 0 });
    expect(segments[3]).toMatchObject({ file: fourth, state: 'good', records: 2, firstLsn: 40, lastLsn: 41 });
  });

  test('lists what only the node itself can read by its kind and size, and a delivery that was given up with the reason', async () => {
    const other = temporaryDirectory();
    const log = await LogWriter.open(other);
    const body = new Uint8Array(3);
    const { checkpoint, membership, snapshotChunk, snapshot, skipped } = recordTypes;
    await log.append({ type: skipped, body: new TextEncoder().encode('\x07\x0cno such file') });
    await log.append(...[checkpoint, membership, snapshotChunk, snapshot].map((type) => ({ type, body })));
    await log.close();
    const { out } = await antecedent('log', 'inspect', other, '--records', '--to', '6');
    expect(out).toMatch(/skipped +position 7, given up by an operator: no such file$/m);
    expect(out).toMatch(/checkpoint +all that the records before it tell \(3 bytes\)$/m);
    expect(out).toMatch(/membership +who became a member or is none any more \(3 bytes\)$/m);
    expect(out).toMatch(/snapshot +a piece of a member's state, on its way here \(3 bytes\)$/m);
    expect(out).toMatch(/snapshot +the state that goes on from here \(3 bytes\)$/m);
    const { recordList } = documentOf(await antecedent('log', 'inspect', other, '--json', '--records')) as {
      recordList: readonly { readonly type: string }[];
    };
    const types = ['skipped', 'synced', 'checkpoint', 'membership', 'snapshot-chunk', 'snapshot', 'synced'];
    expect(recordList.map(({ type }) => type)).toEqual(types);
    expect(recordList[0]).toMatchObject({ position: 7, reason: 'no such file', bytes: 14 });
  });

  test('lists what is good of a corrupt log', async () => {
    flipBit(directory, second, 400);
    const outcome = await antecedent('log', 'inspect', directory, '--records');
    expect(outcome.exitCode).toBe(1);
    expect(outcome.out.match(/^ +\d+ {2}journal-/gm)).toHaveLength(16);
    expect(outcome.out).toMatch(/journal-00000003\.log │ unread/);
  });
});

describe('log repair', () => {
  test('asks, repairs after a yes, and says what is not in the log any more', async () => {
    flipBit(directory, second, 400);
    const { exitCode, out, asked } = await atTerminal(true, 'log', 'repair', directory);
    expect([exitCode, asked]).toEqual([0, 'Repair the log?']);
    expect(out).toMatch(/^CORRUPT .*journal-00000002\.log:314: record 17 is damaged/);
    expect(out).toContain(`put aside    ${second} as ${second}.2.damaged; its first 314 bytes stay in the log`);
    expect(out).toContain(`${third} as ${third}.2.damaged; none of it stays in the log`);
    expect(out).toContain('go on        behind lsn 16, as incarnation 2 of the node');
    expect(out).toContain(`REPAIRED  ${directory}: ends behind lsn 16 now`);
    expect(out).toContain('24 whole records, lsn 17..41');
    expect(out).toContain('a:1 seq 6..12 of this node itself (6 still readable)');
    expect(out).toContain('b:1 seq 6..12 (7 still readable)');
    expect(out).toContain('fetches these messages from its peers');
    const verify = await antecedent('log', 'verify', directory);
    expect(verify.exitCode).toBe(0);
    const damaged = [second, third, fourth].map((file) => `${file}.2.damaged`);
    expect(verify.out).toContain(`${damaged.join(', ')}: taken out by a repair and kept`);
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(damaged));
  });

  test('says of a missing segment that what was in it cannot be told', async () => {
    rmSync(join(directory, fourth));
    writeFileSync(join(directory, 'journal-00000006.log'), '');
    const { exitCode, out } = await atTerminal(true, 'log', 'repair', directory);
    expect(exitCode).toBe(0);
    expect(out).toContain('what was there cannot be told, nothing of it is left');
    expect(out).toContain(`${fourth} to journal-00000005.log, which are missing: what was in them cannot be told`);
    expect(out).not.toContain('0 whole records');
  });

  test('does nothing after a no, and exits with 1', async () => {
    flipBit(directory, second, 400);
    const { exitCode, out } = await atTerminal(false, 'log', 'repair', directory);
    expect(exitCode).toBe(1);
    expect(out).toMatch(/Nothing was changed\.\n$/);
    expect((await antecedent('log', 'verify', directory)).exitCode).toBe(1);
  });

  test('wants --yes where there is nobody to be asked', async () => {
    flipBit(directory, second, 400);
    const { exitCode, out, err } = await antecedent('log', 'repair', directory);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('then give --yes');
    expect((await antecedent('log', 'verify', directory)).exitCode).toBe(1);
    expect((await antecedent('log', 'repair', directory, '--yes')).exitCode).toBe(0);
  });

  test('says with --dry-run what it would do', async () => {
    flipBit(directory, second, 400);
    const before = contentsOf(directory);
    const { exitCode, out } = await antecedent('log', 'repair', directory, '--dry-run');
    expect(exitCode).toBe(1);
    expect(out).toContain(`put aside    ${second} as ${second}.2.damaged`);
    expect(out).toContain(`Nothing was changed. Next: antecedent log repair ${directory}`);
    expect(contentsOf(directory)).toEqual(before);
  });

  test('prints one JSON document, asked or not', async () => {
    flipBit(directory, second, 400);
    const planned = documentOf(await antecedent('log', 'repair', directory, '--dry-run', '--json'));
    const repaired = documentOf(await atTerminal(true, 'log', 'repair', directory, '--json'));
    expect(planned).toMatchObject({
      directory,
      outcome: 'planned',
      verdict: 'corrupt',
      damages: [{ file: second, offset: 314 }],
      putAside: [
        { file: second, as: `${second}.2.damaged`, cutTo: 314 },
        { file: third, as: `${third}.2.damaged`, cutTo: null },
        { file: fourth, as: `${fourth}.2.damaged`, cutTo: null },
      ],
      kept: { records: 16, lastLsn: 16, applied: 6 },
      incarnation: 2,
      lost: { records: 24, lastLsn: 41 },
    });
    expect(repaired).toEqual({ ...planned, outcome: 'repaired' });
    const unharmed = documentOf(await antecedent('log', 'repair', directory, '--json'));
    expect(unharmed).toEqual({ directory, outcome: 'unharmed', verdict: 'clean' });
  });

  test('leaves a clean log alone, and a torn one to the next start', async () => {
    const clean = await antecedent('log', 'repair', directory);
    expect([clean.exitCode, clean.out]).toEqual([0, `CLEAN  ${directory}: nothing to repair\n`]);
    addBytes(directory, fourth, 'torn');
    const torn = await antecedent('log', 'repair', directory);
    expect([torn.exitCode, torn.out]).toEqual([
      0,
      `TORN  ${directory}: nothing to repair, the next start of the node mends it\n`,
    ]);
  });

  test('is refused while a node runs, and for the log of a newer program', async () => {
    flipBit(directory, second, 400);
    const lock = lockDirectory(directory);
    const locked = await antecedent('log', 'repair', directory, '--yes');
    lock.release();
    expect(locked.exitCode).toBe(3);
    expect(locked.err).toContain(`E_LOCKED: data directory ${directory} is in use by process ${process.pid}`);
    rmSync(join(directory, second));
    writeFutureVersion(directory, third);
    const newer = await antecedent('log', 'repair', directory, '--yes');
    expect([newer.exitCode, newer.err]).toEqual([3, expect.stringContaining('E_LOG_VERSION')]);
  });
});

describe.each(['verify', 'inspect', 'repair'])('log %s', (command) => {
  test('explains itself, exit codes included', async () => {
    const { exitCode, out } = await antecedent('log', command, '--help');
    expect(exitCode).toBe(0);
    expect(out).toContain(`Usage: antecedent log ${command} [options] <dir>`);
    expect(out).toContain('Exit codes: 0');
  });

  test('is bad usage without a directory, and for one without a log', async () => {
    expect(await antecedent('log', command)).toMatchObject({ exitCode: 2, out: '' });
    const empty = temporaryDirectory();
    const { exitCode, out, err } = await antecedent('log', command, empty, '--json');
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toBe(
      `antecedent: E_NOT_A_LOG: ${empty} holds no log, which would be files such as journal-00000001.log; name the data directory of a node\n`,
    );
    expect(readdirSync(empty)).toEqual([]);
  });
});

test.each([
  [['verfy', 'x'], 'Did you mean verify?'],
  [['inspect', 'x', '--from', '0'], '"0" is no lsn'],
  [['inspect', 'x', '--from', '9', '--to', '3'], 'did you mean --from 3 --to 9?'],
])('log %j is bad usage: %s', async (args, message) => {
  const { exitCode, out, err } = await antecedent('log', ...args);
  expect([exitCode, out]).toEqual([2, '']);
  expect(err).toContain(message);
});

test('a list of records that breaks off is still one document, with the reason', () => {
  let written = '';
  const list = new RecordsDocument((text) => (written += text));
  expect(list.hasBegun).toBe(false);
  list.add({ lsn: 1 });
  expect(list.hasBegun).toBe(true);
  list.end({ error: 'E_STORAGE: the disk has failed' });
  expect(JSON.parse(written)).toEqual({ recordList: [{ lsn: 1 }], error: 'E_STORAGE: the disk has failed' });
});
