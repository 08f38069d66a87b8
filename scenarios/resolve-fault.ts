/**
 * Turns a fault with open targets into the concrete faults of a plan: draws the nodes, and adds the end of a fault that
 * lasts.
 */
import { AntecedentError, type NodeName } from '../core/index.js';
import type { RandomStream } from '../transport-sim/index.js';
import type { DirectionTarget, DiskFault, Fault, NodeTarget, PartitionTarget } from './faults.js';
import type { Direction, DiskChange, DiskFaultBody, FaultBody, LinkSettings, PlannedFault } from './plan.js';

export interface FaultContext {
  readonly nodes: readonly NodeName[];
  readonly random: RandomStream;
  /** What the links and disks of the plan are like when nothing is wrong: a change that ends goes back to it. */
  readonly link: LinkSettings;
  readonly disk: DiskChange;
}

/**
 * The faults that `fault` stands for when it happens at `atMs`, its end included. Throws `E_CONFIG` for a node that is
 * not there.
 */
export function resolveFault(atMs: number, fault: Fault, context: FaultContext): readonly PlannedFault[] {
  const begins = (bodies: Bodies): readonly PlannedFault[] => planAt(atMs, bodies);
  const lasts = (bodies: Bodies, ends: Bodies, forMs: number | undefined): readonly PlannedFault[] =>
    forMs === undefined ? begins(bodies) : [...begins(bodies), ...planAt(addMs(atMs, forMs), ends)];

  switch (fault.kind) {
    case 'heal':
      return begins([{ kind: 'heal' }]);
    case 'partition':
      return lasts(drawPartition(fault.groups, context), [{ kind: 'heal' }], fault.for);
    case 'one-way':
      return lasts(
        drawDirections(fault.direction, context).map((direction) => ({ kind: 'one-way', ...direction })),
        [{ kind: 'heal' }],
        fault.for,
      );
    case 'hold': {
      const directions = drawDirections(fault.direction, context);
      return lasts(
        directions.map((direction) => ({ kind: 'hold', ...direction })),
        directions.map((direction) => ({ kind: 'release', ...direction })),
        fault.for,
      );
    }
    case 'cut':
    case 'release':
      return begins(drawDirections(fault.direction, context).map((direction) => ({ kind: fault.kind, ...direction })));
    case 'crash':
    case 'power-loss':
    case 'stop': {
      const restart = fault.for === undefined ? {} : { restartAfterMs: fault.for };
      return begins(drawNodes(fault.nodes, context).map((node) => ({ kind: fault.kind, node, ...restart })));
    }
    case 'pause': {
      const nodes = drawNodes(fault.nodes, context);
      return lasts(
        nodes.map((node) => ({ kind: 'pause', node })),
        nodes.map((node) => ({ kind: 'resume', node })),
        fault.for,
      );
    }
    case 'restart':
    case 'repair':
    case 'resume':
      return begins(drawNodes(fault.nodes, context).map((node) => ({ kind: fault.kind, node })));
    case 'link': {
      const directions = drawDirections(fault.direction, context);
      const usual = valuesOf(context.link, fault.profile);
      return lasts(
        directions.map((direction) => ({ kind: 'link', ...direction, profile: fault.profile })),
        directions.map((direction) => ({ kind: 'link', ...direction, profile: usual })),
        fault.for,
      );
    }
    case 'slow-disk': {
      const nodes = drawNodes(fault.nodes, context);
      const usual = valuesOf(context.disk, fault.profile);
      return lasts(
        nodes.map((node) => ({ kind: 'slow-disk', node, profile: fault.profile })),
        nodes.map((node) => ({ kind: 'slow-disk', node, profile: usual })),
        fault.for,
      );
    }
    case 'disk-errors':
    case 'disk-full':
    case 'disk-stall':
    case 'bit-rot':
    case 'lying-disk':
      return begins(drawNodes(fault.nodes, context).map((node) => resolveDiskFault(fault, node, context.random)));
  }
}

type Bodies = readonly FaultBody[];

function planAt(atMs: number, bodies: Bodies): readonly PlannedFault[] {
  return bodies.map((body) => ({ atMs, ...body }));
}

/** In whole microseconds. */
function addMs(oneMs: number, otherMs: number): number {
  return Math.round((oneMs + otherMs) * 1000) / 1000;
}

/** Finer than any log of a run is long. */
const places = 10_000_000;

function resolveDiskFault(fault: DiskFault, node: NodeName, random: RandomStream): DiskFaultBody {
  if (fault.kind === 'bit-rot') {
    return { kind: 'bit-rot', node, at: fault.at ?? random.below(places) / places, bits: fault.bits };
  }
  const end = fault.for === undefined ? {} : { forMs: fault.for };
  switch (fault.kind) {
    case 'disk-errors':
    case 'lying-disk':
      return { kind: fault.kind, node, ...fault.rates, ...end };
    case 'disk-full':
      return { kind: 'disk-full', node, freeBytes: fault.freeBytes, ...end };
    case 'disk-stall':
      return { kind: 'disk-stall', node, ...end };
  }
}

/** Of `all`, the values of the keys that `some` has. */
function valuesOf<T extends object>(all: T, some: Partial<T>): Partial<T> {
  const values: Partial<T> = {};
  for (const key of Object.keys(some) as (keyof T)[]) values[key] = all[key];
  return values;
}

function drawNodes(target: NodeTarget, { nodes, random }: FaultContext): readonly NodeName[] {
  if (target === 'all') return nodes;
  if (target === 'any') return [random.pick(nodes)];
  if (target === 'minority') return random.shuffle(nodes).slice(0, drawMinority(nodes.length, random));
  return [member(target, nodes)];
}

/** A number of nodes below half of `count`, at least one. */
function drawMinority(count: number, random: RandomStream): number {
  return random.between(1, Math.max(1, Math.ceil(count / 2) - 1));
}

/** Nothing for a cluster of one: there is nobody to be parted from. */
function drawPartition(target: PartitionTarget, context: FaultContext): readonly FaultBody[] {
  return context.nodes.length < 2 ? [] : [{ kind: 'partition', groups: drawGroups(target, context) }];
}

function drawGroups(target: PartitionTarget, { nodes, random }: FaultContext): readonly (readonly NodeName[])[] {
  if (typeof target !== 'string') {
    const groups = target.map((group) => group.map((name) => member(name, nodes)));
    const rest = nodes.filter((node) => !groups.some((group) => group.includes(node)));
    return rest.length === 0 ? groups : [...groups, rest];
  }
  const shuffled = random.shuffle(nodes);
  if (target === 'random') return drawRandomGroups(shuffled, random);
  const first =
    target === 'halves' ? Math.ceil(nodes.length / 2) : target === 'one' ? 1 : drawMinority(nodes.length, random);
  return [shuffled.slice(0, first), shuffled.slice(first)].filter((group) => group.length > 0);
}

/** Two groups or more, none of them empty: one node each to begin with, and the others anywhere. */
function drawRandomGroups(shuffled: readonly NodeName[], random: RandomStream): readonly (readonly NodeName[])[] {
  const count = random.between(2, Math.max(2, shuffled.length));
  const groups = shuffled.slice(0, count).map((node) => [node]);
  for (const node of shuffled.slice(count)) random.pick(groups).push(node);
  return groups;
}

function drawDirections(target: DirectionTarget, { nodes, random }: FaultContext): readonly Direction[] {
  if (typeof target !== 'string') {
    const namesOf = (names: string | readonly string[]): NodeName[] =>
      (typeof names === 'string' ? [names] : names).map((name) => member(name, nodes));
    return [{ from: namesOf(target.from), to: namesOf(target.to) }];
  }
  if (target === 'all') return [{ from: nodes, to: nodes }];
  const [one, ...others] = random.shuffle(nodes);
  const [other] = others;
  // A cluster of one has no links, so nothing that could go wrong with them.
  if (one === undefined || other === undefined) return [];
  switch (target) {
    case 'any':
      return [{ from: [one], to: [other] }];
    case 'from-one':
      return [{ from: [one], to: others }];
    case 'to-one':
      return [{ from: others, to: [one] }];
    case 'around-one':
      return [
        { from: [one], to: others },
        { from: others, to: [one] },
      ];
  }
}

function member(name: string, nodes: readonly NodeName[]): NodeName {
  const found = nodes.find((node) => node === name);
  if (found !== undefined) return found;
  throw new AntecedentError(
    'E_CONFIG',
    `a fault names ${JSON.stringify(name)}, which is no node of the scenario (${nodes.join(', ')}); name one of these`,
  );
}
