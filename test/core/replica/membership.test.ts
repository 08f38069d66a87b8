import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeName, type NodeName } from '../../../core/index.js';
import type { MemberChange } from '../../../core/message/frame.js';
import { Membership } from '../../../core/replica/membership.js';

const configured = ['a', 'b'].map(nodeName);
const names = ['a', 'b', 'c', 'd'].map(nodeName);

function change(name: NodeName, generation: number): MemberChange {
  return { name, generation, address: generation % 2 === 1 ? `${name}:1` : '', incarnation: generation, start: [] };
}

const anyChanges = fc.array(
  fc
    .tuple(fc.constantFrom(...names), fc.integer({ min: 1, max: 6 }))
    .map(([name, generation]) => change(name, generation)),
  { maxLength: 12 },
);

function adoptedIn(order: readonly (readonly MemberChange[])[]): Membership {
  const membership = new Membership(configured);
  for (const changes of order) membership.adopt(changes);
  return membership;
}

describe('changes to the members', () => {
  test('give the same members in whatever order, however often and in whatever portions they come', () => {
    fc.assert(
      fc.property(anyChanges, fc.array(fc.nat()), fc.nat(), (changes, keys, split) => {
        const inOrder = adoptedIn([changes]);
        const shuffled = changes.toSorted((x, y) => (keys[changes.indexOf(x)] ?? 0) - (keys[changes.indexOf(y)] ?? 0));
        const at = changes.length === 0 ? 0 : split % changes.length;
        const inPortions = adoptedIn([shuffled.slice(at), shuffled.slice(0, at), shuffled]);
        expect(inPortions.members).toEqual(inOrder.members);
        expect(inPortions.changes).toEqual(inOrder.changes);
      }),
    );
  });

  test('are news once', () => {
    fc.assert(
      fc.property(anyChanges, anyChanges, (first, second) => {
        const membership = adoptedIn([first]);
        const news = membership.adopt(second);
        expect(membership.adopt(second)).toEqual([]);
        expect(membership.newsIn([...first, ...second])).toEqual([]);
        for (const one of news) expect(membership.generationOf(one.name)).toBeGreaterThanOrEqual(one.generation);
      }),
    );
  });

  test('merge as two members do that tell each other all they know', () => {
    fc.assert(
      fc.property(anyChanges, anyChanges, (left, right) => {
        const one = adoptedIn([left]);
        const other = adoptedIn([right]);
        const before = one.changes;
        one.adopt(other.changes);
        other.adopt(before);
        expect(one.members).toEqual(other.members);
      }),
    );
  });
});

test('a name is a member, is removed, and is added again', () => {
  const membership = new Membership(configured);
  const c = nodeName('c');
  expect(membership.members).toEqual(['a', 'b']);
  membership.adopt([change(c, 1)]);
  expect([membership.has(c), membership.wasRemoved(c)]).toEqual([true, false]);
  membership.adopt([change(c, 2)]);
  expect([membership.has(c), membership.wasRemoved(c)]).toEqual([false, true]);
  membership.adopt([change(c, 1)]);
  expect(membership.has(c), 'what is old changes nothing').toBe(false);
  membership.adopt([change(c, 3)]);
  expect(membership.members).toEqual(['a', 'b', 'c']);
  membership.adopt([change(nodeName('a'), 2)]);
  expect(membership.members, 'who was configured is a member from the beginning').toEqual(['b', 'c']);
});
