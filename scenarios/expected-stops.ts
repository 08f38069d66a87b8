/**
 * The errors with which nodes may stop by themselves, because the plan does to their disks what no node can live with.
 *
 * What follows from a damaged disk is not here: the judge learns of the damage when it is done (`disk-damaged`).
 */
import type { ExpectedStop } from './oracles/judge.js';
import type { Plan, PlannedFault } from './plan.js';

export function expectedStops(plan: Plan): readonly ExpectedStop[] {
  return plan.faults.flatMap(stopsAfter);
}

function stopsAfter(fault: PlannedFault): readonly ExpectedStop[] {
  switch (fault.kind) {
    case 'disk-errors': {
      const { node, read = 0, write = 0, sync = 0 } = fault;
      // A failed write is cut off and tried again, but not while a node recovers, and not for one that is being closed.
      if (read > 0 || sync > 0) return [{ node, code: 'E_STORAGE', phases: ['starting', 'running', 'closing'] }];
      return write > 0 ? [{ node, code: 'E_STORAGE', phases: ['starting', 'closing'] }] : [];
    }
    case 'disk-full':
      return [{ node: fault.node, code: 'E_DISK_FULL', phases: ['starting', 'closing'] }];
    default:
      return [];
  }
}
