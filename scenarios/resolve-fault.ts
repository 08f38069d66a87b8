/**
 * Turns a fault with open targets into the concrete faults of a plan: draws the nodes, and adds the end of a fault that
 * lasts.
 */
import { AntecedentError, type NodeName } from '../core/index.js';
import type { RandomStream } from '../transport-sim/index.js';
import type { DirectionTarget, DiskFault, Fault, NodeFault, NodeTarget, PartitionTarget } from './faults.js';
import type {
  Direction,
  DiskChange,
  DiskFaultBody,
  FaultBody,
  LinkSettings,
  NodeFaultBody,
  PlannedFault,
} from './plan.js';

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
    planFor(atMs, bodies, ends, forMs);

  switch (fault.kind) {
    case 'heal':
    case 'partition':
    case 'one-way':
    case 'hold':
    case 'cut':
    case 'release':
    case 'swizzle':
    case 'link':
      return resolveNetworkFault(atMs, fault, context);
    case 'crash':
    case 'power-loss': {
      const end = fault.forGood ? { forGood: true as const } : restartAfter(fault.for);
      return begins(drawNodes(fault.nodes, context).map((node) => ({ kind: fault.kind, node, ...end })));
    }
    case 'stop': {
      const end = restartAfter(fault.for);
      return begins(drawNodes(fault.nodes, context).map((node) => ({ kind: 'stop', node, ...end })));
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
    case 'slow-disk': {
      const nodes = drawNodes(fault.nodes, context);
      const usual = valuesOf(context.disk, fault.profile);
      return lasts(
        nodes.map((node) => ({ kind: 'slow-disk', node, profile: fault.profile })),
        nodes.map((node) => ({ kind: 'slow-disk', node, profile: usual })),
        fault.for,
      );
    }
    case 'wipe':
    case 'backup':
    case 'restore-backup':
    case 'twin':
    case 'clock-jump':
    case 'clock-drift':
    case 'timers-late':
    case 'poison':
      return resolveNodeFault(atMs, fault, context);
    case 'add-member':
    case 'remove-member': {
      const { kind } = fault;
      const node = member(fault.node, context.nodes);
      const by = drawOther(fault.by, node, context);
      return by === undefined ? [] : begins([{ kind, node, by }]);
    }
    case 'disk-errors':
    case 'disk-full':
    case 'disk-stall':
    case 'bit-rot':
    case 'lying-disk':
      return begins(drawNodes(fault.nodes, context).map((node) => resolveDiskFault(fault, node, context.random)));
  }
}

type NetworkFault = Extract<
  Fault,
  { readonly kind: 'heal' | 'partition' | 'one-way' | 'hold' | 'cut' | 'release' | 'swizzle' | 'link' }
>;

function resolveNetworkFault(atMs: number, fault: NetworkFault, context: FaultContext): readonly PlannedFault[] {
  switch (fault.kind) {
    case 'heal':
      return planAt(atMs, [{ kind: 'heal' }]);
    case 'partition':
      return planFor(atMs, drawPartition(fault.groups, context), [{ kind: 'heal' }], fault.for);
    case 'one-way':
      return planFor(
        atMs,
        drawDirections(fault.direction, context).map((direction) => ({ kind: 'one-way', ...direction })),
        [{ kind: 'heal' }],
        fault.for,
      );
    case 'hold': {
      const directions = drawDirections(fault.direction, context);
      return planFor(
        atMs,
        directions.map((direction) => ({ kind: 'hold', ...direction })),
        directions.map((direction) => ({ kind: 'release', ...direction })),
        fault.for,
      );
    }
    case 'cut':
    case 'release':
      return planAt(
        atMs,
        drawDirections(fault.direction, context).map((direction) => ({ kind: fault.kind, ...direction })),
      );
    case 'swizzle':
      return drawSwizzle(atMs, fault.for, context);
    case 'link': {
      const directions = drawDirections(fault.direction, context);
      const usual = valuesOf(context.link, fault.profile);
      return planFor(
        atMs,
        directions.map((direction) => ({ kind: 'link', ...direction, profile: fault.profile })),
        directions.map((direction) => ({ kind: 'link', ...direction, profile: usual })),
        fault.for,
      );
    }
  }
}

type Bodies = readonly FaultBody[];

function planAt(atMs: number, bodies: Bodies): readonly PlannedFault[] {
  return bodies.map((body) => ({ atMs, ...body }));
}

/** With the ends, unless they are left to others. */
function planFor(atMs: number, bodies: Bodies, ends: Bodies, forMs: number | undefined): readonly PlannedFault[] {
  const begun = planAt(atMs, bodies);
  return forMs === undefined ? begun : [...begun, ...planAt(addMs(atMs, forMs), ends)];
}

function restartAfter(forMs: number | undefined): { readonly restartAfterMs?: number } {
  return forMs === undefined ? {} : { restartAfterMs: forMs };
}

function lastingFor(forMs: number | undefined): { readonly forMs?: number } {
  return forMs === undefined ? {} : { forMs };
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
  const end = lastingFor(fault.for);
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

function resolveNodeFault(atMs: number, fault: NodeFault, context: FaultContext): readonly PlannedFault[] {
  const nodes = drawNodes(fault.nodes, context);
  const begins = planAt(
    atMs,
    nodes.map((node) => beginningOf(fault, node, context.random)),
  );
  if ((fault.kind !== 'clock-drift' && fault.kind !== 'timers-late') || fault.for === undefined) return begins;
  const ends = nodes.map((node): NodeFaultBody => {
    return fault.kind === 'clock-drift'
      ? { kind: 'clock-drift', node, rate: 1 }
      : { kind: 'timers-late', node, byMs: 0 };
  });
  return [...begins, ...planAt(addMs(atMs, fault.for), ends)];
}

function beginningOf(fault: NodeFault, node: NodeName, random: RandomStream): NodeFaultBody {
  switch (fault.kind) {
    case 'backup':
      return { kind: 'backup', node };
    case 'wipe':
      return { kind: 'wipe', node, ...restartAfter(fault.for) };
    case 'restore-backup':
      return { kind: 'restore-backup', node, marked: fault.marked, ...restartAfter(fault.for) };
    case 'clock-jump':
    case 'timers-late':
      return { kind: fault.kind, node, byMs: fault.byMs };
    case 'clock-drift':
      return { kind: 'clock-drift', node, rate: fault.rate };
    case 'twin':
      return { kind: 'twin', node, copy: fault.copy, ...lastingFor(fault.for) };
    case 'poison': {
      const cure = fault.cure === 'any' ? random.pick(['skip', 'retry'] as const) : fault.cure;
      return { kind: 'poison', node, after: random.below(fault.among), cure, ...lastingFor(fault.for) };
    }
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

/** Nobody in a cluster of one. */
function drawOther(target: string, node: NodeName, { nodes, random }: FaultContext): NodeName | undefined {
  if (target !== 'any') return member(target, nodes);
  const others = nodes.filter((other) => other !== node);
  return others.length === 0 ? undefined : random.pick(others);
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
  if (target === 'bridge') return drawBridge(shuffled);
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

/** The first node stands between two halves of the others. With less than three nodes there is nothing to bridge. */
function drawBridge([bridge, ...others]: readonly NodeName[]): readonly (readonly NodeName[])[] {
  if (bridge === undefined) return [];
  const first = Math.ceil(others.length / 2);
  return [
    [bridge, ...others.slice(0, first)],
    [bridge, ...others.slice(first)],
  ];
}

/** A quarter of the directions or more, at even steps: half of the time to clog them, half to release them. */
function drawSwizzle(atMs: number, forMs: number, { nodes, random }: FaultContext): readonly PlannedFault[] {
  const all = nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to): Direction => ({ from: [from], to: [to] })),
  );
  const chosen = random.shuffle(all).slice(0, random.between(Math.ceil(all.length / 4), all.length));
  const stepMs = forMs / 2 / Math.max(1, chosen.length);
  return [
    ...chosen.flatMap((direction, index) => planAt(addMs(atMs, index * stepMs), [{ kind: 'hold', ...direction }])),
    ...random
      .shuffle(chosen)
      .flatMap((direction, index) =>
        planAt(addMs(atMs, forMs / 2 + (index + 1) * stepMs), [{ kind: 'release', ...direction }]),
      ),
  ];
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
