/** Faults of a plan in words: `partition a b | c d e`, `power-loss b, back after 500 ms`. */
import type { Direction, DiskFaultBody, NodeFaultBody, PlannedFault } from '../plan.js';

/** Without its time. */
export function describeFault(fault: PlannedFault): string {
  switch (fault.kind) {
    case 'partition':
      return `partition ${fault.groups.map((group) => group.join(' ')).join(' | ')}`;
    case 'heal':
      return 'heal every partition';
    case 'one-way':
      return `nothing gets ${describeDirection(fault)}`;
    case 'cut':
      return `cut links ${describeDirection(fault)}`;
    case 'hold':
    case 'release':
      return `${fault.kind} what is sent ${describeDirection(fault)}`;
    case 'link':
      return `links ${describeDirection(fault)}: ${describeSettings(fault.profile)}`;
    case 'slow-disk':
      return `disk of ${fault.node}: ${describeSettings(fault.profile)}`;
    case 'disk-errors':
    case 'disk-full':
    case 'disk-stall':
    case 'bit-rot':
    case 'lying-disk':
      return `disk of ${fault.node} ${describeDiskFault(fault)}`;
    case 'wipe':
    case 'backup':
    case 'restore-backup':
    case 'twin':
    case 'clock-jump':
    case 'clock-drift':
    case 'timers-late':
    case 'poison':
      return describeNodeFault(fault);
    case 'crash':
    case 'power-loss':
      return `${fault.kind} ${fault.node}, ${fault.forGood === true ? 'for good' : describeReturn(fault.restartAfterMs)}`;
    case 'stop':
      return `close ${fault.node}, ${describeReturn(fault.restartAfterMs)}`;
    case 'add-member':
    case 'remove-member':
      return `${fault.by} ${fault.kind === 'add-member' ? 'adds' : 'removes'} ${fault.node}`;
    case 'crash-point': {
      const what = fault.power ? `power-loss, survivors ${(fault.survivors ?? 0).toString(2)}` : 'crash';
      return `${what} of ${fault.node} ${fault.when} disk operation ${fault.operation}, ${describeReturn(fault.restartAfterMs)}`;
    }
    case 'restart':
    case 'repair':
    case 'pause':
    case 'resume':
      return `${fault.kind} ${fault.node}`;
  }
}

function describeNodeFault(fault: NodeFaultBody): string {
  switch (fault.kind) {
    case 'wipe':
      return `wipe the disk of ${fault.node}, ${describeReturn(fault.restartAfterMs)}`;
    case 'backup':
      return `back up the disk of ${fault.node}`;
    case 'restore-backup': {
      const how = fault.marked ? 'as a new incarnation' : 'unmarked';
      return `restore the backup of ${fault.node} ${how}, ${describeReturn(fault.restartAfterMs)}`;
    }
    case 'twin':
      return `a twin of ${fault.node} with ${fault.copy ? 'a copy of its directory' : 'nothing'}${describeEnd(fault.forMs)}`;
    case 'clock-jump':
      return `clock of ${fault.node} jumps ahead by ${fault.byMs} ms`;
    case 'clock-drift':
      return `clock of ${fault.node} runs ${fault.rate === 1 ? 'as it should' : `at ${fault.rate} times its pace`}`;
    case 'timers-late':
      return `timers of ${fault.node} fire ${fault.byMs === 0 ? 'in time' : `up to ${fault.byMs} ms late`}`;
    case 'poison': {
      const cure = fault.cure === 'skip' ? 'is skipped' : 'can be applied';
      const end = fault.forMs === undefined ? 'when the faults end' : `after ${fault.forMs} ms`;
      return `poison for ${fault.node}: the message after the next ${fault.after}, which ${cure} ${end}`;
    }
  }
}

function describeDiskFault(fault: DiskFaultBody): string {
  switch (fault.kind) {
    case 'disk-errors': {
      const { read = 0, write = 0, sync = 0 } = fault;
      return `fails: ${describeSettings({ read, write, sync })}${describeEnd(fault.forMs)}`;
    }
    case 'disk-full':
      return `is full but for ${fault.freeBytes} bytes${describeEnd(fault.forMs)}`;
    case 'disk-stall':
      return `hangs${describeEnd(fault.forMs)}`;
    case 'bit-rot':
      return `rots: ${fault.bits} ${fault.bits === 1 ? 'bit' : 'bits'} at ${(fault.at * 100).toFixed(1)} % of the log`;
    case 'lying-disk': {
      const { phantom = 0, misdirected = 0 } = fault;
      return `lies: ${describeSettings({ phantom, misdirected })}${describeEnd(fault.forMs)}`;
    }
  }
}

function describeEnd(forMs: number | undefined): string {
  return forMs === undefined ? ', until the faults end' : `, for ${forMs} ms`;
}

/** `latency 1-5 ms, loss 0.05`; rates of 0 are left out. */
export function describeSettings(settings: object): string {
  const parts = Object.entries(settings).flatMap(([key, value]: [string, unknown]) => {
    if (value === 0 || value === 'unlimited') return [];
    const [name = key, unit] = key.split(/(?=Ms$)/);
    const suffix = unit === 'Ms' || key === 'latency' ? ' ms' : '';
    return [`${name} ${describeValue(value)}${suffix}`];
  });
  return parts.length === 0 ? 'no faults' : parts.join(', ');
}

function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('minMs' in value && 'maxMs' in value) {
    return value.minMs === value.maxMs ? String(value.minMs) : `${String(value.minMs)}-${String(value.maxMs)}`;
  }
  return JSON.stringify(value);
}

function describeReturn(restartAfterMs: number | undefined): string {
  return restartAfterMs === undefined ? 'down until the faults end' : `back after ${restartAfterMs} ms`;
}

function describeDirection({ from, to }: Direction): string {
  return `from ${from.join(' ')} to ${to.join(' ')}`;
}
