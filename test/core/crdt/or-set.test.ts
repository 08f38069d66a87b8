import { expect, test } from 'vitest';
import fc from 'fast-check';
import { ORSet } from '../../../core/crdt/or-set.js';

type Change =
  | { readonly kind: 'add'; readonly element: string; readonly tag: string }
  | { readonly kind: 'remove'; readonly element: string; readonly tags: readonly string[] };

function apply(set: ORSet, change: Change): void {
  if (change.kind === 'add') set.add(change.element, change.tag);
  else set.remove(change.element, change.tags);
}

/** What a set is, without its digest. */
function contents(set: ORSet): unknown {
  return [...set.entries()];
}

/** Draws a script: two replicas change their own copies, then exchange everything in both orders. */
const steps = fc.array(fc.record({ replica: fc.nat(1), element: fc.constantFrom('x', 'y', 'z'), add: fc.boolean() }), {
  maxLength: 40,
});

test('keeps an addition that is concurrent with a remove', () => {
  const left = new ORSet();
  const right = new ORSet();
  left.add('mail', 'a:1');
  right.add('mail', 'a:1');

  const observed = left.tagsOf('mail');
  left.remove('mail', observed);
  right.add('mail', 'b:1');

  left.add('mail', 'b:1');
  right.remove('mail', observed);

  expect(contents(left)).toEqual([['mail', ['b:1']]]);
  expect(contents(right)).toEqual(contents(left));
  expect(right.digest).toBe(left.digest);
});

test('an element is gone with its last tag', () => {
  const set = new ORSet();
  set.add('mail', 'a:1');
  set.add('mail', 'a:2');
  expect(set.remove('mail', ['a:1'])).toBe(1);
  expect(set.has('mail')).toBe(true);
  expect(set.remove('mail', ['a:2', 'a:1'])).toBe(1);
  expect(set.has('mail')).toBe(false);
  expect(set.size).toBe(0);
  expect(set.digest).toBe(new ORSet().digest);
});

test('the same addition twice counts once', () => {
  const set = new ORSet();
  expect(set.add('mail', 'a:1')).toBe(true);
  const digest = set.digest;
  expect(set.add('mail', 'a:1')).toBe(false);
  expect(set.digest).toBe(digest);
});

test('elements and tags do not run into each other in the digest', () => {
  const one = new ORSet();
  const other = new ORSet();
  one.add('ab', 'c');
  other.add('a', 'bc');
  expect(one.digest).not.toBe(other.digest);
});

test('iterates in byte order, whatever came first', () => {
  const set = new ORSet();
  for (const element of ['b', 'a', 'C', 'aa']) set.add(element, `t:${element}`);
  expect([...set]).toEqual(['C', 'a', 'aa', 'b']);
});

test('replicas that applied the same operations, concurrent ones in any order, are equal', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const replicas = [new ORSet(), new ORSet()];
      const logs: Change[][] = [[], []];
      let counter = 0;
      for (const { replica, element, add } of script) {
        const own = replicas[replica] as ORSet;
        counter += 1;
        const change: Change = add
          ? { kind: 'add', element, tag: `${replica}:${counter}` }
          : { kind: 'remove', element, tags: own.tagsOf(element) };
        apply(own, change);
        (logs[replica] as Change[]).push(change);
      }
      for (const change of logs[1] as Change[]) apply(replicas[0] as ORSet, change);
      for (const change of logs[0] as Change[]) apply(replicas[1] as ORSet, change);
      expect(contents(replicas[0] as ORSet)).toEqual(contents(replicas[1] as ORSet));
      expect((replicas[0] as ORSet).digest).toBe((replicas[1] as ORSet).digest);
    }),
  );
});

test('digests are equal exactly when the sets are, and stay whole numbers below 2^53', () => {
  const pairs = fc.uniqueArray(fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.nat(6)), {
    selector: ([element, tag]) => `${element}/${tag}`,
  });
  fc.assert(
    fc.property(pairs, pairs, (first, second) => {
      const one = new ORSet();
      const other = new ORSet();
      for (const [element, tag] of first) one.add(element, `t:${tag}`);
      for (const [element, tag] of second) other.add(element, `t:${tag}`);
      expect(Number.isSafeInteger(one.digest)).toBe(true);
      expect(one.digest >= 0).toBe(true);
      const equal = JSON.stringify(contents(one)) === JSON.stringify(contents(other));
      expect(one.digest === other.digest).toBe(equal);
    }),
  );
});

test('behaves as a plain set of pairs', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ element: fc.constantFrom('x', 'y'), tag: fc.constantFrom('1', '2', '3'), add: fc.boolean() }),
      ),
      (changes) => {
        const set = new ORSet();
        const model = new Set<string>();
        for (const { element, tag, add } of changes) {
          if (add) model.add(`${element}/${tag}`);
          else model.delete(`${element}/${tag}`);
          apply(set, add ? { kind: 'add', element, tag } : { kind: 'remove', element, tags: [tag] });
        }
        const pairs = [...set.entries()].flatMap(([element, tags]) => tags.map((tag) => `${element}/${tag}`));
        expect(pairs).toEqual([...model].sort());
      },
    ),
  );
});
