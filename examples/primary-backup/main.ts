/**
 * Looks for a lost write of the register in this folder, in simulated worlds: one seed after the other.
 *
 *     npx tsx examples/primary-backup/main.ts
 *
 * This is all that it takes to simulate a protocol of your own: processes, a world that does them harm, and somebody who looks on
 * from outside and says what was wrong. Seeds that fail are the same run each time, so the bug can be looked at for as long as it takes.
 */
import { pathToFileURL } from 'node:url';
import { nodeName } from '../../core/index.js';
import { Simulation } from '../../transport-sim/index.js';
import { Backup, Primary, type DoneWhen, type Entry } from './register.js';

const primaryName = nodeName('primary');
const backupName = nodeName('backup');
const writes = 20;

export interface RegisterRun {
  /** What was wrong, in a sentence; undefined when all was well. */
  readonly violation: string | undefined;
  readonly done: Entry;
  readonly kept: Entry;
  readonly events: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly traceHash: string;
  /** What happened last. */
  readonly trace: readonly string[];
}

/** One run: writes while links lose, are cut and parted, and the backup crashes; then the primary is lost, for good. */
export function runRegister(seed: string, doneWhen: DoneWhen): RegisterRun {
  const simulation = new Simulation({
    seed,
    link: { latency: { minMs: 1, maxMs: 10 }, loss: 0.05, splitting: 0.1 },
    keepTrace: 12,
  });
  let done: Entry = { version: 0, value: 0 };
  const backup = new Backup();
  const primary = new Primary(backupName, doneWhen, (entry) => {
    if (entry.version > done.version) done = entry;
  });
  simulation.addNode(primaryName, primary);
  simulation.addNode(backupName, backup);
  simulation.start(primaryName);
  simulation.start(backupName);
  harm(simulation);
  const random = simulation.random('writes');
  for (let value = 1; value <= writes; value++) simulation.at(random.between(50, 1000), () => primary.write(value));
  const lostAtMs = random.between(200, 1100);
  simulation.at(lostAtMs, () => simulation.crash(primaryName, { power: true }));
  // What is under way arrives, and the backup is up again.
  simulation.run({ untilMs: lostAtMs + 1000 });
  const kept = backup.newest;
  const isLost = kept.version < done.version;
  return {
    violation: isLost
      ? `write ${done.version} (value ${done.value}) was done, and the backup has ${kept.version === 0 ? 'nothing' : `write ${kept.version}`}`
      : undefined,
    done,
    kept,
    events: simulation.events,
    faults: simulation.faults,
    traceHash: simulation.traceHash,
    trace: simulation.trace,
  };
}

/** Each kind of harm draws from a stream of its own: with one taken out, the others stay where they are. */
function harm(simulation: Simulation): void {
  const { network } = simulation;
  const cuts = simulation.random('cuts');
  simulation.at(cuts.between(100, 1000), () => network.cut(primaryName, backupName));
  const partitions = simulation.random('partitions');
  const partedAtMs = partitions.between(100, 1000);
  simulation.at(partedAtMs, () => network.partition([[primaryName], [backupName]]));
  simulation.at(partedAtMs + partitions.between(20, 200), () => network.heal());
  const crashes = simulation.random('crashes');
  const crashAtMs = crashes.between(100, 1000);
  simulation.at(crashAtMs, () => simulation.crash(backupName, { power: crashes.chance(0.5) }));
  simulation.at(crashAtMs + crashes.between(10, 100), () => simulation.start(backupName));
}

/** The first seed from 1 on that loses a write; undefined when none of so many does. */
export function firstLoss(
  doneWhen: DoneWhen,
  seeds: number,
): { readonly seed: number; readonly run: RegisterRun } | undefined {
  for (let seed = 1; seed <= seeds; seed++) {
    const run = runRegister(String(seed), doneWhen);
    if (run.violation !== undefined) return { seed, run };
  }
  return undefined;
}

function main(seeds: number): void {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  for (const doneWhen of ['stored', 'sent'] as const) {
    const loss = firstLoss(doneWhen, seeds);
    if (loss === undefined) {
      say(`done when ${doneWhen}: ${seeds} seeds, and no write was lost`);
      continue;
    }
    const { seed, run } = loss;
    say(`done when ${doneWhen}: seed ${seed} loses a write`);
    say(`  ${run.violation ?? ''}`);
    say(`  faults: ${[...run.faults].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
    say(`  trace ${run.traceHash}, which ends like this:`);
    for (const line of run.trace) say(`    ${line}`);
  }
}

// Only when started by its path, and not when it is imported.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(1000);
