/**
 * What makes a plan of the right shape impossible: names that are not in the cluster, times out of order, more than a run can do.
 */
import { nearestName, type NodeName } from '../core/index.js';
import type { JsonPath, JsonProblem } from './json-text.js';
import type { Plan, PlannedFault, PlannedOperation } from './plan.js';
import { unknownToPluto } from './pluto-plan.js';

type Report = (path: JsonPath, text: string) => void;

/** Messages that are delivered in a run. With more it takes hours, and all of the memory. */
const deliveriesMax = 20_000_000;

export function findInconsistencies(plan: Plan): readonly JsonProblem[] {
  const problems: JsonProblem[] = [];
  const report: Report = (path, text) => problems.push({ path, text });
  checkNames(plan, report);
  plan.operations.forEach((operation, index) => {
    checkDurability(['operations', index, 'durable'], operation, plan.nodes.length, report);
  });
  plan.faults.forEach((fault, index) => {
    if (!('forGood' in fault && 'restartAfterMs' in fault)) return;
    report(['faults', index, 'restartAfterMs'], 'this node never comes back; remove it or "forGood"');
  });
  problems.push(...unknownToPluto(plan));
  checkTimes('operations', plan.operations, plan.healedAtMs, report);
  checkTimes('faults', plan.faults, plan.healedAtMs, report);
  if (plan.deadlineMs <= plan.healedAtMs) {
    report(['deadlineMs'], `${plan.deadlineMs} is not after healedAtMs (${plan.healedAtMs}); raise it`);
  }
  checkSize(plan, report);
  return problems;
}

function checkNames(plan: Plan, report: Report): void {
  const { nodes, joiners = [] } = plan;
  const members = new Set<string>();
  nodes.forEach((node, index) => {
    if (members.has(node)) report(['nodes', index], `${JSON.stringify(node)} is there twice; remove one`);
    members.add(node);
  });
  const checkName = (path: JsonPath, node: string): void => {
    if (!members.has(node)) report(path, describeStranger(node, nodes));
  };
  joiners.forEach((node, index) => checkName(['joiners', index], node));
  if (nodes.every((node) => joiners.includes(node))) {
    report(['joiners'], 'nobody is left who could add them; remove one');
  }
  for (const node of Object.keys(plan.options.applications)) checkName(['options', 'applications', node], node);
  plan.operations.forEach(({ node }, index) => checkName(['operations', index, 'node'], node));
  plan.faults.forEach((fault, index) => {
    for (const [path, node] of namesOf(fault)) checkName(['faults', index, ...path], node);
  });
  plan.steps?.forEach((step, index) => {
    for (const [key, node] of Object.entries(step)) if (key !== 'kind') checkName(['steps', index, key], node);
  });
}

function describeStranger(node: string, nodes: readonly NodeName[]): string {
  const meant = nearestName(node, nodes);
  const remedy =
    meant === undefined ? 'name one of them or add it to "nodes"' : `did you mean ${JSON.stringify(meant)}?`;
  const shown = nodes.length <= 10 ? nodes.join(', ') : `${nodes.slice(0, 9).join(', ')}, and ${nodes.length - 9} more`;
  return `${JSON.stringify(node)} is no node of this plan (${shown}); ${remedy}`;
}

function checkDurability(path: JsonPath, { durable }: PlannedOperation, members: number, report: Report): void {
  if (typeof durable !== 'number' || durable <= members) return;
  report(path, `${durable} is more than the ${members} nodes of this plan; lower it or write "all"`);
}

function checkTimes(
  list: 'operations' | 'faults',
  items: readonly { readonly atMs: number }[],
  healedAtMs: number,
  report: Report,
): void {
  let previousMs = 0;
  items.forEach(({ atMs }, index) => {
    const path = [list, index, 'atMs'];
    if (atMs < previousMs) report(path, `${atMs} comes before ${previousMs} of the entry above it; sort by time`);
    if (atMs > healedAtMs) report(path, `${atMs} is after healedAtMs (${healedAtMs}); move it or raise healedAtMs`);
    previousMs = Math.max(previousMs, atMs);
  });
}

function checkSize({ nodes, operations }: Plan, report: Report): void {
  const deliveries = nodes.length * operations.length;
  if (deliveries <= deliveriesMax) return;
  const [estimate, most] = [deliveries, deliveriesMax].map((count) => `${Math.ceil(count / 1_000_000)} million`);
  report(
    ['operations'],
    `${operations.length} operations at ${nodes.length} nodes make about ${estimate} deliveries, and ${most} are the most; take out operations or nodes`,
  );
}

function namesOf(fault: PlannedFault): readonly (readonly [path: JsonPath, node: NodeName])[] {
  switch (fault.kind) {
    case 'heal':
      return [];
    case 'partition':
      return fault.groups.flatMap((group, row) =>
        group.map((node, column) => [['groups', row, column], node] as const),
      );
    case 'one-way':
    case 'cut':
    case 'hold':
    case 'release':
    case 'link':
      return [
        ...fault.from.map((node, index) => [['from', index], node] as const),
        ...fault.to.map((node, index) => [['to', index], node] as const),
      ];
    case 'add-member':
    case 'remove-member':
      return [
        [['node'], fault.node],
        [['by'], fault.by],
      ];
    default:
      return [[['node'], fault.node]];
  }
}
