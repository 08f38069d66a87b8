/**
 * Repairs a log in which something synced is damaged: it ends in front of the damage, as a new incarnation of its node, and the
 * peers give the rest again. How the log is changed is the core's; here is what surrounds it: the lock, a plan that somebody
 * confirms, and a look at the result.
 *
 * - The lock is held from the first look to the last.
 * - Nothing is lost: the core puts aside, whole and durable, every segment that it changes or takes out.
 * - It can be interrupted at every step and be done again. Until the core's last change the log is refused as before, so no
 *   node starts on half a repair. Each try puts aside under names of its own; a copy too many does no harm.
 */
import { AntecedentError, assert } from '../core/index.js';
import { DirectoryDisk } from './disk.js';
import { listSegments } from './log-directory.js';
import { lockDirectory } from './lock.js';
import { findLockHolder } from './lock-holder.js';
import { planRepair, repairDisk, type RepairPlan, type Unharmed } from './repair-plan.js';

export interface RepairLogOptions {
  /** Only plan: takes no lock and changes nothing. */
  readonly dryRun?: boolean;
  /** Asked once, when there is something to repair; nothing is changed unless it says yes. */
  readonly confirm: (plan: RepairPlan) => Promise<boolean>;
  /** Called before each step with what it does. */
  readonly onStep?: (about: string) => void;
}

export type RepairResult =
  /** clean: nothing to do · torn: a start mends it. */
  | { readonly outcome: 'unharmed'; readonly verdict: Unharmed }
  | { readonly outcome: 'planned' | 'declined' | 'repaired'; readonly plan: RepairPlan };

/**
 * Repairs the log in `directory`. Rejects with `E_NOT_A_LOG`, `E_LOCKED` while a node runs there, `E_LOG_VERSION` for the log of
 * a newer program, `E_LOG_CORRUPT` when nothing of it can be read or a repair cannot mend it, `E_LOG_FOREIGN` when nobody can
 * tell whose it is, `E_DISK_FULL` or `E_STORAGE`; what was done by then is no harm, and the repair can be run again.
 */
export async function repairLog(directory: string, options: RepairLogOptions): Promise<RepairResult> {
  const { confirm, dryRun = false, onStep = () => undefined } = options;
  // Before the lock, which would make a file in any directory.
  listSegments(directory);
  if (dryRun) {
    refuseLocked(directory);
    const plan = await planRepair(directory);
    return typeof plan === 'string' ? { outcome: 'unharmed', verdict: plan } : { outcome: 'planned', plan };
  }
  const lock = lockDirectory(directory);
  try {
    onStep('read all of the log');
    const plan = await planRepair(directory);
    if (typeof plan === 'string') return { outcome: 'unharmed', verdict: plan };
    if (!(await confirm(plan))) return { outcome: 'declined', plan };
    onStep('put the damage aside and end the log in front of it');
    await repairDisk(new DirectoryDisk(directory));
    onStep('read the log again');
    // The operator is going to start a node on it.
    assert((await planRepair(directory)) === 'clean', `the repaired log in ${directory} is not clean`);
    return { outcome: 'repaired', plan };
  } finally {
    lock.release();
  }
}

function refuseLocked(directory: string): void {
  const holder = findLockHolder(directory);
  if (holder === undefined) return;
  const who = holder.pid === undefined ? 'another process' : `process ${holder.pid}`;
  throw new AntecedentError('E_LOCKED', `data directory ${directory} is in use by ${who}; stop it first`);
}
