/** Nodes of ours and nodes of pluto v0.4 in one cluster: all reach the same mailboxes, whatever happens to ours meanwhile. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { removeTestDirectories, TestAuthority } from '../../support/certificates.js';
import { MixedCluster, ours, theirs, type OperationKind } from './mixed-cluster.js';

/** In each of the seven rounds a node appends a mail, and does one of these. */
const kinds: readonly OperationKind[] = ['create', 'append', 'copy', 'store', 'rename', 'expunge', 'delete'];
const all = [...ours, ...theirs];

let authority: TestAuthority;
let cluster: MixedCluster | undefined;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', all);
});
afterEach(() => cluster?.close());
afterAll(removeTestDirectories);

async function operate(at: MixedCluster, names: readonly string[], round: number): Promise<void> {
  for (const [index, name] of names.entries()) {
    await at.operate(name, 'append', round + index);
    // Everybody does every kind once, and hardly two of them the same at a time.
    await at.operate(name, kinds[(round + 3 * index) % kinds.length] ?? 'append', round + index);
  }
}

function expectEqual(at: MixedCluster): void {
  expect(at.problems).toEqual([]);
  for (const [name, payloads] of at.payloads) {
    expect(payloads.length, name).toBe(at.broadcasts);
    expect(payloads, name).toEqual(at.payloads.get('a'));
  }
  for (const [name, state] of at.states) expect(state, name).toEqual(at.states.get('a'));
  for (const [name, node] of at.pluto) {
    expect(node.ended, name).toBeUndefined();
    expect(node.spinning, name).toEqual([]);
    expect(node.waiting, name).toBe(0);
    expect(node.isIdle, name).toBe(true);
  }
}

test('three nodes and two of pluto v0.4 reach the same mailboxes through partitions and restarts', async () => {
  cluster = await MixedCluster.open(authority);
  await operate(cluster, all, 0);
  await operate(cluster, all, 1);

  // Everybody goes on while a is alone, and while it is alone with one of theirs.
  await cluster.part(['a']);
  await operate(cluster, all, 2);
  await cluster.heal(['a']);
  await cluster.part(['a', 'old']);
  await operate(cluster, all, 3);
  await cluster.heal(['a', 'old']);

  // What is sent to b while it is away waits at its senders, or comes from the others.
  await cluster.closeNode('b');
  await operate(cluster, ['a', 'c', ...theirs], 4);
  await cluster.openNode('b');
  await operate(cluster, all, 5);
  for (const name of ours) {
    await cluster.closeNode(name);
    await cluster.openNode(name);
  }
  await operate(cluster, all, 6);
  await cluster.converge();
  expectEqual(cluster);
});
