/**
 * The scenarios that come with the program, in the order in which `list` shows them.
 *
 * A run of one in `catalogue` takes milliseconds; these are what a sweep runs that is told no names. A run of a large one
 * takes a second or so: it would take all the time of such a sweep, so it must be asked for.
 */
import { AntecedentError } from '../../core/index.js';
import type { System } from '../plan.js';
import type { Scenario } from '../scenario.js';
import { calm } from './calm.js';
import { clockJumps } from './clock.js';
import { smallLog } from './crash-points.js';
import {
  bitRotFound,
  crashDuringRecovery,
  diskFullAndBack,
  diskStalls,
  repairedLog,
  syncFails,
  tornTail,
} from './disk.js';
import { memberJoins, memberLeaves, snapshotJoin } from './members.js';
import { restoredBackup, twinNames, wipedDisk } from './directory.js';
import {
  bridge,
  duplicateStorm,
  flapping,
  lossy,
  oneWayBlock,
  partitionHeal,
  reorderStorm,
  slowPeer,
  swizzleClog,
} from './network.js';
import { poisonMessage } from './poison.js';
import { crashRestart, minorityDies, pauseAndResume, powerLossRestart } from './process.js';
import { boundedLog, hundredNodes, longBacklog } from './scale.js';
import { swarm } from './swarm.js';

export const catalogue: readonly Scenario[] = [
  calm,
  partitionHeal,
  oneWayBlock,
  bridge,
  flapping,
  swizzleClog,
  reorderStorm,
  duplicateStorm,
  lossy,
  crashRestart,
  powerLossRestart,
  pauseAndResume,
  minorityDies,
  tornTail,
  bitRotFound,
  repairedLog,
  diskFullAndBack,
  syncFails,
  diskStalls,
  crashDuringRecovery,
  wipedDisk,
  restoredBackup,
  twinNames,
  clockJumps,
  poisonMessage,
  memberJoins,
  memberLeaves,
  snapshotJoin,
  slowPeer,
  longBacklog,
  boundedLog,
  smallLog,
  swarm,
];

export const largeScenarios: readonly Scenario[] = [hundredNodes];

/** What pluto v0.4 has no word for: members that change, logs that are repaired, directories used twice, messages skipped. */
const notForPluto: ReadonlySet<Scenario> = new Set([
  repairedLog,
  wipedDisk,
  restoredBackup,
  twinNames,
  poisonMessage,
  memberJoins,
  memberLeaves,
  snapshotJoin,
]);

/** Those of the catalogue that can be run with this system. */
export function catalogueFor(system: System): readonly Scenario[] {
  return system === 'antecedent' ? catalogue : catalogue.filter((scenario) => !notForPluto.has(scenario));
}

/** The scenario of that name. Throws `E_CONFIG`. */
export function findScenario(name: string): Scenario {
  const all = [...catalogue, ...largeScenarios];
  const found = all.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const names = all.map((scenario) => scenario.name).join(', ');
  throw new AntecedentError('E_CONFIG', `there is no scenario ${JSON.stringify(name)}; the catalogue has ${names}`);
}
