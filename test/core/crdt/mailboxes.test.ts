import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  toAppend,
  toCopy,
  toCreate,
  toDelete,
  toExpunge,
  toRename,
  toStore,
} from '../../../core/crdt/mailbox-changes.js';
import { Mailboxes } from '../../../core/crdt/mailboxes.js';
import { formatOp } from '../../../core/pluto/format-operation.js';
import type { Operation } from '../../../core/pluto/operation.js';
import { parseOp } from '../../../core/pluto/parse-operation.js';
import { operationKinds } from '../pluto/operations.js';

const user = 'user';
const text = (content: string): Uint8Array => Uint8Array.from(Buffer.from(content));

/** Something that a user wants, as its node makes an operation of it; undefined when there is nothing to do it with. */
interface Wish {
  readonly about: string;
  readonly kind: Operation['kind'];
  readonly make: (state: Mailboxes, tag: string) => Operation | undefined;
}

/** Some of each kind, all about the mailboxes "box" and "other", so that any two get into each other's way if they can. */
const wishes: readonly Wish[] = [
  { about: 'create box', kind: 'create', make: (_state, tag) => toCreate(user, 'box', tag) },
  { about: 'create another', kind: 'create', make: (_state, tag) => toCreate(user, 'new', tag) },
  { about: 'delete box', kind: 'delete', make: (state) => toDelete(state, user, 'box') },
  { about: 'delete other', kind: 'delete', make: (state) => toDelete(state, user, 'other') },
  { about: 'rename box to new', kind: 'rename', make: (state, tag) => toRename(state, user, 'box', 'new', tag) },
  { about: 'rename box to other', kind: 'rename', make: (state, tag) => toRename(state, user, 'box', 'other', tag) },
  { about: 'rename box to box', kind: 'rename', make: (state, tag) => toRename(state, user, 'box', 'box', tag) },
  { about: 'rename other to box', kind: 'rename', make: (state, tag) => toRename(state, user, 'other', 'box', tag) },
  { about: 'append a mail', kind: 'append', make: (_state, tag) => toAppend(user, 'box', tag, text(tag), tag) },
  { about: 'append m1 again', kind: 'append', make: (_state, tag) => toAppend(user, 'box', 'm1', text(tag), tag) },
  { about: 'expunge m1', kind: 'expunge', make: (state) => toExpunge(state, user, 'box', ['m1']) },
  { about: 'expunge all', kind: 'expunge', make: (state) => toExpunge(state, user, 'box', ['m1', 'm2']) },
  { about: 'store m1', kind: 'store', make: (state, tag) => toStore(state, user, 'box', 'm1', 'm1:2,S', tag) },
  { about: 'store m1 as m2', kind: 'store', make: (state, tag) => toStore(state, user, 'box', 'm1', 'm2', tag) },
  {
    about: 'copy to other',
    kind: 'copy',
    make: (state, tag) => toCopy(state, user, 'box', ['m1', 'm2'], 'other', tag),
  },
  { about: 'copy to box', kind: 'copy', make: (state, tag) => toCopy(state, user, 'other', ['o1'], 'box', tag) },
];

const beginning: readonly Operation[] = [
  toCreate(user, 'box', 'b1'),
  toCreate(user, 'box', 'b2'),
  toAppend(user, 'box', 'm1', text('one'), 'm1'),
  toAppend(user, 'box', 'm2', text('two'), 'm2'),
  toCreate(user, 'other', 'o'),
  toAppend(user, 'other', 'o1', text('three'), 'o1'),
  toCreate('another user', 'box', 'x'),
];

function stateAfter(operations: readonly Operation[]): Mailboxes {
  const state = new Mailboxes();
  for (const operation of operations) state.apply(operation);
  return state;
}

function wished({ make, about }: Wish, tag: string): Operation {
  const operation = make(stateAfter(beginning), tag);
  if (operation === undefined) throw new Error(`nothing to ${about}`);
  return operation;
}

/** Everything a state holds, and its digest. */
function all(state: Mailboxes): unknown {
  return { operations: [...state.operations()].map(formatOp), digest: state.digest };
}

/** Names of the mails in each mailbox of the user. */
function names(state: Mailboxes): Record<string, readonly string[]> {
  const boxes = state.mailboxesOf(user);
  return Object.fromEntries(boxes.map((box) => [box, state.mails(user, box).map(({ value }) => value)]));
}

/** What both replicas hold after two concurrent operations, each made at one of them, and given to the other. */
function bothAfter(left: Operation, right: Operation): Mailboxes {
  const here = stateAfter([...beginning, left, right]);
  const there = stateAfter([...beginning, right, left]);
  expect(all(there)).toEqual(all(here));
  return here;
}

const kindPairs = operationKinds.flatMap((left) => operationKinds.map((right) => [left, right] as const));
const ofKind = (kind: Operation['kind']): readonly Wish[] => wishes.filter((wish) => wish.kind === kind);

describe('concurrent operations', () => {
  test.each(kindPairs)('%s and %s leave equal states in both orders', (leftKind, rightKind) => {
    for (const left of ofKind(leftKind)) {
      for (const right of ofKind(rightKind)) bothAfter(wished(left, 'L'), wished(right, 'R'));
    }
  });

  test('of each kind do something', () => {
    const before = all(stateAfter(beginning));
    for (const wish of wishes)
      expect(all(stateAfter([...beginning, wished(wish, 'L')])), wish.about).not.toEqual(before);
    expect(new Set(wishes.map(({ kind }) => kind))).toEqual(new Set(operationKinds));
  });

  function byName(about: string, tag: string): Operation {
    const wish = wishes.find((candidate) => candidate.about === about);
    if (wish === undefined) throw new Error(about);
    return wished(wish, tag);
  }

  test.each<[what: string, left: string, right: string, expected: Record<string, readonly string[]>]>([
    [
      'a mailbox that is created while it is deleted stays, empty',
      'create box',
      'delete box',
      { box: [], other: ['o1'] },
    ],
    ['a mail that comes into a deleted mailbox stays', 'append a mail', 'delete box', { box: ['L'], other: ['o1'] }],
    ['a mail copied into a deleted mailbox stays', 'copy to box', 'delete box', { box: ['o1'], other: ['o1'] }],
    ['a mail stored while its mailbox is deleted stays', 'store m1', 'delete box', { box: ['m1:2,S'], other: ['o1'] }],
    ['a mail expunged while it is stored stays', 'expunge m1', 'store m1', { box: ['m2', 'm1:2,S'], other: ['o1'] }],
    [
      'a mail appended under the name of one that is expunged stays',
      'append m1 again',
      'expunge m1',
      { box: ['m2', 'm1'], other: ['o1'] },
    ],
    [
      'a mail that comes into a renamed mailbox stays under the old name',
      'append a mail',
      'rename box to new',
      { box: ['L'], new: ['m1', 'm2'], other: ['o1'] },
    ],
    [
      'a mail expunged while its mailbox is renamed is in the new one',
      'expunge m1',
      'rename box to new',
      { new: ['m1', 'm2'], other: ['o1'] },
    ],
    [
      'a mailbox renamed to two names has both, with all mails in each',
      'rename box to new',
      'rename box to other',
      { new: ['m1', 'm2'], other: ['o1', 'm1', 'm2'] },
    ],
    [
      'a mailbox deleted while it is renamed has the new name',
      'delete box',
      'rename box to new',
      { new: ['m1', 'm2'], other: ['o1'] },
    ],
    [
      'a mailbox that another one is renamed to while it is deleted holds what was renamed',
      'delete other',
      'rename box to other',
      { other: ['m1', 'm2'] },
    ],
    [
      'two mailboxes renamed to each other have changed places',
      'rename box to other',
      'rename other to box',
      { box: ['o1'], other: ['m1', 'm2'] },
    ],
    ['two deletes are one', 'delete box', 'delete box', { other: ['o1'] }],
    [
      'a mailbox created twice is one',
      'create another',
      'create another',
      { box: ['m1', 'm2'], new: [], other: ['o1'] },
    ],
    [
      'a mail stored under two names has both',
      'store m1',
      'store m1 as m2',
      { box: ['m2', 'm1:2,S', 'm2'], other: ['o1'] },
    ],
  ])('%s', (_what, left, right, expected) => {
    expect(names(bothAfter(byName(left, 'L'), byName(right, 'R')))).toEqual(expected);
  });

  test('a removal applied before the addition that it saw leaves another state', () => {
    const addition = toAppend(user, 'box', 'm', text('m'), 't');
    const removal = toExpunge(stateAfter([addition]), user, 'box', ['m']);
    if (removal === undefined) throw new Error('nothing to expunge');
    expect(names(stateAfter([addition, removal]))).toEqual({});
    expect(names(stateAfter([removal, addition]))).toEqual({ box: ['m'] });
  });
});

/** A message of a history: what its author had applied, and what it did. */
interface Message {
  readonly author: number;
  readonly seq: number;
  readonly clock: readonly number[];
  readonly operation: Operation;
}

interface Replica {
  readonly state: Mailboxes;
  readonly clock: number[];
}

const replicaCount = 3;
/** A step: somebody wishes something, or a message that is ready at somebody is given to it. */
const script = fc.array(
  fc.record({ replica: fc.nat(replicaCount - 1), wish: fc.option(fc.nat(wishes.length - 1)), message: fc.nat() }),
  { maxLength: 60, size: 'max' },
);

function give({ state, clock }: Replica, { author, operation }: Message): void {
  state.apply(operation);
  clock[author] = (clock[author] ?? 0) + 1;
}

function readyAt({ clock }: Replica, messages: readonly Message[]): readonly Message[] {
  return messages.filter(({ author, seq, clock: causes }) => {
    return (
      seq === (clock[author] ?? 0) + 1 && causes.every((seen, other) => other === author || seen <= (clock[other] ?? 0))
    );
  });
}

/** Plays a script on replicas, gives everybody the rest in causal order, and returns them with all messages. */
function play(steps: readonly { replica: number; wish: number | null; message: number }[]): {
  readonly replicas: readonly Replica[];
  readonly messages: readonly Message[];
} {
  const replicas = Array.from({ length: replicaCount }, (): Replica => ({ state: new Mailboxes(), clock: [0, 0, 0] }));
  const messages: Message[] = [];
  const giveOne = (replica: Replica, pick: number): boolean => {
    const ready = readyAt(replica, messages);
    const message = ready[pick % ready.length];
    if (message !== undefined) give(replica, message);
    return message !== undefined;
  };
  for (const { replica: author, wish, message: pick } of steps) {
    const replica = replicas[author] as Replica;
    if (wish === null) {
      giveOne(replica, pick);
      continue;
    }
    const seq = (replica.clock[author] ?? 0) + 1;
    const operation = wishes[wish]?.make(replica.state, `${author}:${seq}`);
    if (operation === undefined) continue;
    const message = { author, seq, clock: [...replica.clock], operation };
    messages.push(message);
    give(replica, message);
  }
  replicas.forEach((replica, index) => {
    for (let pick = index; giveOne(replica, pick); pick += 7);
  });
  return { replicas, messages };
}

/** What is left when every removal takes away its tags, whenever it comes: additions and removals as plain sets. */
function modelAfter(operations: readonly Operation[]): readonly string[] {
  const added: Operation[] = [];
  const removed = new Set<string>();
  for (const operation of operations) {
    const { user: whose, mailbox } = operation;
    const removals =
      'removeMailbox' in operation ? operation.removeMailbox : 'removeMails' in operation ? operation.removeMails : [];
    for (const { tag } of removals) removed.add(tag);
    const into = operation.kind === 'rename' ? operation.addMailbox.value : mailbox;
    if ('addMailbox' in operation) added.push(toCreate(whose, into, operation.addMailbox.tag));
    const mails = 'addMails' in operation ? operation.addMails : 'addMail' in operation ? [operation.addMail] : [];
    for (const { value, tag, contents } of mails) added.push(toAppend(whose, into, value, contents, tag));
  }
  const left = added.filter((operation) => {
    const element =
      operation.kind === 'create' ? operation.addMailbox : operation.kind === 'append' ? operation.addMail : undefined;
    return element !== undefined && !removed.has(element.tag);
  });
  return left.map(formatOp).sort();
}

describe('random histories', () => {
  test('in any causal orders leave equal states, which are the additions that nobody has taken away', () => {
    fc.assert(
      fc.property(script, (steps) => {
        const { replicas, messages } = play(steps);
        const [first] = replicas as [Replica];
        for (const { state, clock } of replicas) {
          expect(clock).toEqual(first.clock);
          expect(all(state)).toEqual(all(first.state));
        }
        const operations = messages.map(({ operation }) => operation);
        expect([...first.state.operations()].map(formatOp).sort()).toEqual(modelAfter(operations));
      }),
      { numRuns: 300 },
    );
  });

  test('are long enough to hold every kind of operation', () => {
    const kinds = new Set(
      fc
        .sample(script, { seed: 1, numRuns: 100 })
        .flatMap((steps) => play(steps).messages.map(({ operation }) => operation.kind)),
    );
    expect(kinds).toEqual(new Set(operationKinds));
  });

  test('leave states that their own operations make again, also by way of text', () => {
    fc.assert(
      fc.property(script, (steps) => {
        const { replicas } = play(steps);
        const [{ state }] = replicas as [Replica];
        const lines = [...state.operations()].map(formatOp);
        const again = stateAfter(lines.map((line) => parseOp(line)));
        expect(all(again)).toEqual(all(state));
      }),
    );
  });

  test('have different digests where they are different', () => {
    const seen = new Map<number, string>();
    for (const steps of fc.sample(script, { seed: 1, numRuns: 300 })) {
      for (const { state } of play(steps).replicas) {
        const contents = JSON.stringify([...state.operations()].map(formatOp));
        expect(seen.get(state.digest) ?? contents).toBe(contents);
        seen.set(state.digest, contents);
      }
    }
    expect(seen.size).toBeGreaterThan(100);
  });
});

describe('mailboxes', () => {
  test('are there while they were created under a tag that is left, or hold a mail', () => {
    const state = stateAfter([toAppend(user, 'box', 'm', text(''), 't1')]);
    expect(state.has(user, 'box')).toBe(true);
    state.apply(toCreate(user, 'box', 't2'));
    state.apply(toExpunge(state, user, 'box', ['m']) as Operation);
    expect(names(state)).toEqual({ box: [] });
    expect(state.tagsOf(user, 'box')).toEqual(['t2']);
    state.apply(toDelete(state, user, 'box') as Operation);
    expect(state.has(user, 'box')).toBe(false);
    expect(all(state)).toEqual(all(new Mailboxes()));
  });

  test('and users that have alike names do not run into each other', () => {
    const state = stateAfter([
      toCreate('a', 'b|c', '1'),
      toAppend('a', 'b', 'c', text(''), '2'),
      toCreate('a', '3|a|b|c', '3'),
      toCreate('__proto__', 'constructor', '4'),
    ]);
    expect(state.mailboxesOf('a')).toEqual(['3|a|b|c', 'b', 'b|c']);
    expect(state.mails('a', 'b|c')).toEqual([]);
    expect(state.mailboxesOf('__proto__')).toEqual(['constructor']);
    expect(state.mailboxesOf('nobody')).toEqual([]);
  });

  test('keep the contents of mails through renames, copies and flags', () => {
    const state = stateAfter([toAppend(user, 'a', 'm', text('contents'), 't')]);
    state.apply(toCopy(state, user, 'a', ['m'], 'b', '1') as Operation);
    state.apply(toRename(state, user, 'b', 'c', '2') as Operation);
    state.apply(toStore(state, user, 'c', 'm', 'm:2,S', '3') as Operation);
    expect(state.mails(user, 'c')).toEqual([{ value: 'm:2,S', tag: '3', contents: text('contents') }]);
    expect(names(state)).toEqual({ a: ['m'], c: ['m:2,S'] });
  });

  test('take the same operation twice as once', () => {
    for (const wish of wishes) {
      const operation = wished(wish, 'L');
      const once = stateAfter([...beginning, operation]);
      expect(all(stateAfter([...beginning, operation, operation])), wish.about).toEqual(all(once));
    }
  });

  test('pass over removals of what was never there', () => {
    const state = stateAfter(beginning);
    const before = all(state);
    const removed = [{ value: 'm1', tag: 'forged' }];
    for (const mailbox of ['box', 'nowhere']) {
      state.apply({ kind: 'expunge', user, mailbox, removeMails: removed });
      state.apply({ kind: 'delete', user, mailbox, removeMailbox: removed });
    }
    expect(all(state)).toEqual(before);
  });
});

describe('what cannot be done is no operation:', () => {
  const empty = stateAfter([toCreate(user, 'box', 't')]);

  test.each<[what: string, operation: Operation | undefined]>([
    ['deleting a mailbox that is not there', toDelete(empty, user, 'nowhere')],
    ['renaming one that is not there', toRename(empty, user, 'nowhere', 'x', '1')],
    ['renaming one without mails', toRename(empty, user, 'box', 'x', '1')],
    ['expunging from an empty one', toExpunge(empty, user, 'box', ['m'])],
    ['storing a mail that is not there', toStore(empty, user, 'box', 'm', 'n', '1')],
    ['copying none', toCopy(empty, user, 'box', [], 'x', '1')],
  ])('%s', (_what, operation) => expect(operation).toBeUndefined());
});
