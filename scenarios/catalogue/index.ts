/** The scenarios that come with the program, in the order in which `list` shows them. */
import { AntecedentError } from '../../core/index.js';
import type { Scenario } from '../scenario.js';
import { calm } from './calm.js';
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
import { duplicateStorm, lossy, oneWayBlock, partitionHeal, reorderStorm, slowPeer } from './network.js';
import { crashRestart, powerLossRestart } from './process.js';
import { swarm } from './swarm.js';

export const catalogue: readonly Scenario[] = [
  calm,
  partitionHeal,
  oneWayBlock,
  reorderStorm,
  duplicateStorm,
  lossy,
  crashRestart,
  powerLossRestart,
  tornTail,
  bitRotFound,
  repairedLog,
  diskFullAndBack,
  syncFails,
  diskStalls,
  crashDuringRecovery,
  slowPeer,
  smallLog,
  swarm,
];

/** The scenario of that name. Throws `E_CONFIG`. */
export function findScenario(name: string): Scenario {
  const found = catalogue.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const names = catalogue.map((scenario) => scenario.name).join(', ');
  throw new AntecedentError('E_CONFIG', `there is no scenario ${JSON.stringify(name)}; the catalogue has ${names}`);
}
