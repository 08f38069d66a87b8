import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAppend,
  formatCopy,
  formatCreate,
  formatDelete,
  formatExpunge,
  formatOp,
  formatRename,
  formatStore,
} from '../../../core/pluto/format-operation.js';
import { elementsMax, nameMax, operationCharactersMax, type Operation } from '../../../core/pluto/operation.js';
import {
  parseAppend,
  parseCopy,
  parseCreate,
  parseDelete,
  parseExpunge,
  parseOp,
  parseRename,
  parseStore,
} from '../../../core/pluto/parse-operation.js';
import { anyOperation, operationKinds } from './operations.js';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const refused = (text: string): unknown =>
  expect.objectContaining({ code: 'E_PLUTO', message: expect.stringContaining(text) as unknown });

/** What an operation of one kind is without its kind, by the functions of that kind. */
function oneKindRoundTrip(operation: Operation): { readonly text: string; readonly again: Operation } {
  switch (operation.kind) {
    case 'create':
      return { text: formatCreate(operation), again: parseCreate(formatCreate(operation)) };
    case 'delete':
      return { text: formatDelete(operation), again: parseDelete(formatDelete(operation)) };
    case 'rename':
      return { text: formatRename(operation), again: parseRename(formatRename(operation)) };
    case 'append':
      return { text: formatAppend(operation), again: parseAppend(formatAppend(operation)) };
    case 'expunge':
      return { text: formatExpunge(operation), again: parseExpunge(formatExpunge(operation)) };
    case 'store':
      return { text: formatStore(operation), again: parseStore(formatStore(operation)) };
    case 'copy':
      return { text: formatCopy(operation), again: parseCopy(formatCopy(operation)) };
  }
}

/** Each kind as v0.4 writes it. Read in both directions. */
const table: readonly (readonly [text: string, operation: Operation])[] = [
  [
    'create|user1|VW5pdmVyc2l0eS5UaGVzaXM=|VW5pdmVyc2l0eS5UaGVzaXM=;ae3daa63-4d50-4ea5-baa4-d5f780e05302',
    {
      kind: 'create',
      user: 'user1',
      mailbox: 'University.Thesis',
      addMailbox: { value: 'University.Thesis', tag: 'ae3daa63-4d50-4ea5-baa4-d5f780e05302' },
    },
  ],
  [
    `delete|user1|${base64('Work')}|${base64('Work')};t1;${base64('Work')};t2`,
    {
      kind: 'delete',
      user: 'user1',
      mailbox: 'Work',
      removeMailbox: [
        { value: 'Work', tag: 't1' },
        { value: 'Work', tag: 't2' },
      ],
    },
  ],
  [
    `rename|u|${base64('old')}|${base64('old')};t1|${base64('new')};t2|${base64('m1')};t3;${base64('one')};${base64('m2')};t4;`,
    {
      kind: 'rename',
      user: 'u',
      mailbox: 'old',
      removeMailbox: [{ value: 'old', tag: 't1' }],
      addMailbox: { value: 'new', tag: 't2' },
      addMails: [
        { value: 'm1', tag: 't3', contents: bytes('one') },
        { value: 'm2', tag: 't4', contents: bytes('') },
      ],
    },
  ],
  [
    `append|u|${base64('INBOX')}|${base64('m1')};t1;${base64('Subject: x\r\n\r\ny|;:')}`,
    {
      kind: 'append',
      user: 'u',
      mailbox: 'INBOX',
      addMail: { value: 'm1', tag: 't1', contents: bytes('Subject: x\r\n\r\ny|;:') },
    },
  ],
  [
    `expunge|u|${base64('INBOX')}|${base64('m1')};t1`,
    { kind: 'expunge', user: 'u', mailbox: 'INBOX', removeMails: [{ value: 'm1', tag: 't1' }] },
  ],
  [
    `store|u|${base64('INBOX')}|${base64('m1')};t1|${base64('m1:2,S')};t2;${base64('x')}`,
    {
      kind: 'store',
      user: 'u',
      mailbox: 'INBOX',
      removeMails: [{ value: 'm1', tag: 't1' }],
      addMail: { value: 'm1:2,S', tag: 't2', contents: bytes('x') },
    },
  ],
  [
    `copy|a;b|${base64('ö')}|${base64('m1')};t1;${base64('x')}`,
    { kind: 'copy', user: 'a;b', mailbox: 'ö', addMails: [{ value: 'm1', tag: 't1', contents: bytes('x') }] },
  ],
];

describe('an operation', () => {
  test.each(table)('%s', (text, operation) => {
    expect(parseOp(text)).toEqual(operation);
    expect(formatOp(operation)).toBe(text);
  });

  test('of each kind is in the table', () => {
    expect(new Set(table.map(([, { kind }]) => kind))).toEqual(new Set(operationKinds));
  });

  test('comes back from its text as it was, and the text from the operation', () => {
    fc.assert(
      fc.property(anyOperation, (operation) => {
        const text = formatOp(operation);
        expect(parseOp(text)).toEqual(operation);
        expect(formatOp(parseOp(text))).toBe(text);
        expect(text).not.toMatch(/[\r\n]/);
      }),
      { numRuns: 300 },
    );
  });

  test('is without its kind what the functions of that kind read and write', () => {
    fc.assert(
      fc.property(anyOperation, (operation) => {
        const { text, again } = oneKindRoundTrip(operation);
        expect(`${operation.kind}|${text}`).toBe(formatOp(operation));
        expect(again).toEqual(operation);
      }),
    );
  });
});

describe('a parser refuses', () => {
  const box = base64('box');
  const m1 = base64('m1');

  test.each<[what: string, payload: string, part: string]>([
    ['nothing', '', 'payload invalid because it contained not enough pipe symbols: ""'],
    ['a word', 'create', 'payload invalid because it contained not enough pipe symbols: "create"'],
    ['no operation', `|u|${box}`, '"" is no operation; there are create'],
    ['another operation', `flag|u|${box}`, '"flag" is no operation'],
    ['an operation in capitals', `CREATE|u|${box}|${box};t`, '"CREATE" is no operation'],
    ['a property of every object', `constructor|u|${box}`, '"constructor" is no operation'],

    ['a field too few', `create|u|${box}`, 'invalid create operation at character 8: "u|Ym94" has 2 of the 3 fields'],
    ['a field too many', `create|u|${box}|${box};t|`, 'has more of the 3 fields'],
    ['a rename without its new name', `rename|u|${box}|${box};t|${m1};u`, 'has 4 of the 5 fields'],
    ['a store without its mail', `store|u|${box}|${m1};t`, 'has 3 of the 4 fields'],
    ['a million bars', `copy|${'|'.repeat(1e6)}`, 'has more of the 3 fields'],

    ['no user', `create||${box}|${box};t`, 'at character 8: the user is empty'],
    ['a line break in the user', `create|u\n|${box}|${box};t`, 'at character 8: the user holds a line break'],
    ['half a surrogate pair', `create|u\udc00|${box}|${box};t`, 'the user holds half a surrogate pair'],
    ['a user that is too long', `create|${'u'.repeat(nameMax + 1)}|${box}|${box};t`, 'the user is longer than 4095'],

    ['no mailbox', `create|u||${box};t`, 'at character 10: the mailbox is empty'],
    ['a mailbox as plain text', `create|u|box|${box};t`, 'at character 10: the mailbox "box" is not base64'],
    ['a mailbox without padding', `create|u|Ym94Yg|${box};t`, 'the mailbox "Ym94Yg" is not base64'],
    ['a mailbox with bits left over', `create|u|YR==|${box};t`, 'the mailbox "YR==" is not base64'],
    ['the URL alphabet', `create|u|__-_|${box};t`, 'the mailbox "__-_" is not base64'],
    ['a mailbox that is no text', `create|u|/w==|${box};t`, 'the mailbox "/w==" is no UTF-8 under its base64'],
    ['a long one that is no text', `create|u|${'gICA'.repeat(30)}|${box};t`, '(120 characters) is no UTF-8'],
    ['a mailbox that is too long', `create|u|${base64('x'.repeat(nameMax + 1))}|${box};t`, 'longer than 4095 bytes'],

    ['an element without tag', `create|u|${box}|${box}`, 'the tag of the last element is missing'],
    ['an empty tag', `create|u|${box}|${box};`, 'at character 20: the tag is empty'],
    ['a third part', `create|u|${box}|${box};t;x`, 'at character 22: more parts than the one element'],
    ['an empty third part', `create|u|${box}|${box};t;`, 'at character 22: more parts than the one element'],
    ['an empty value', `create|u|${box}|;t`, 'at character 15: the value is empty'],
    ['a line break in a tag', `create|u|${box}|${box};t\r`, 'the tag holds a line break'],
    ['a value that is no base64', `create|u|${box}|b=x=;t`, 'the value "b=x=" is not base64'],

    ['an empty list', `delete|u|${box}|`, 'at character 15: the value is empty'],
    ['a list with half an element', `delete|u|${box}|${box};t;${box}`, 'the tag of the last element is missing'],
    ['a list that ends with a separator', `delete|u|${box}|${box};t;`, 'at character 22: the value is empty'],
    ['a tag twice', `delete|u|${box}|${box};t;${m1};t`, 'at character 22: two elements have the tag "t"'],
    ['semicolons', `expunge|u|${box}|${';'.repeat(1e6)}`, 'at character 16: the value is empty'],
    ['ten million semicolons', `expunge|u|${box}|${';'.repeat(1e7)}`, 'characters are more than 4194304'],

    ['no contents', `append|u|${box}|${m1};t`, 'the contents of the last element is missing'],
    ['contents that are no base64', `append|u|${box}|${m1};t;x`, 'at character 22: the contents "x" is not base64'],
    ['contents with a line break', `append|u|${box}|${m1};t;YWJj\r\n`, 'the contents "YWJj\\r\\n" is not base64'],
    ['two mails to append', `append|u|${box}|${m1};t;;${m1};u;`, 'more parts than the one element'],

    ['a rename of no mails', `rename|u|${box}|${box};t|${m1};u|`, 'at character 29: the value is empty'],
    ['a rename to two names', `rename|u|${box}|${box};t|${m1};u;${m1};v|${m1};w;`, 'more parts than the one element'],
    ['a store of pairs', `store|u|${box}|${m1};t|${m1};u`, 'the contents of the last element is missing'],
    ['a copy of pairs', `copy|u|${box}|${m1};t`, 'the contents of the last element is missing'],
    ['a copy of two tags alike', `copy|u|${box}|${m1};t;;${m1};t;`, 'two elements have the tag "t"'],
  ])('%s', (_what, payload, part) => {
    expect(() => parseOp(payload)).toThrow(refused(part));
  });

  test('a list of more elements than there may be, and takes as many', () => {
    const pairs = (count: number): string =>
      `expunge|u|${box}|${Array.from({ length: count }, (_, index) => `${m1};${index}`).join(';')}`;
    expect(parseOp(pairs(elementsMax))).toMatchObject({ removeMails: { length: elementsMax } });
    expect(() => parseOp(pairs(elementsMax + 1))).toThrow(refused('more than 16384 elements'));
  });

  test('a name that is too long, and takes the longest', () => {
    const longest = 'x'.repeat(nameMax);
    const text = `expunge|u|${base64(longest)}|${m1};${longest}`;
    expect(formatOp(parseOp(text))).toBe(text);
  });

  test('counts characters from the text that it was given', () => {
    expect(() => parseCreate(`u|box|${box};t`)).toThrow(
      refused('invalid create operation at character 3: the mailbox'),
    );
  });

  test('shows of a long part what fits a line', () => {
    expect(() => parseOp(`create|u|${'x'.repeat(1001)}|${box};t`)).toThrow(/^.{0,300}$/);
  });
});

describe('a formatter refuses what would come back as something else', () => {
  const valid = {
    kind: 'append',
    user: 'u',
    mailbox: 'box',
    addMail: { value: 'm', tag: 't', contents: bytes('') },
  } as const;
  const mails = Array.from({ length: elementsMax + 1 }, (_, tag) => ({ value: 'm', tag: String(tag) }));

  test.each<[what: string, operation: Operation, part: string]>([
    ['no user', { ...valid, user: '' }, 'invalid append operation: the user is empty'],
    ['a bar in the user', { ...valid, user: 'a|b' }, 'the user holds a "|": "a|b"'],
    ['no mailbox', { ...valid, mailbox: '' }, 'the mailbox is empty'],
    ['half a surrogate pair', { ...valid, mailbox: 'a\ud800' }, 'the mailbox holds half a surrogate pair: "a\\ud800"'],
    ['a mailbox of too many bytes', { ...valid, mailbox: 'é'.repeat(2048) }, 'the mailbox is longer than 4095 bytes'],
    ['a mailbox of too many characters', { ...valid, mailbox: 'x'.repeat(5000) }, 'is longer than 4095 bytes'],
    ['a semicolon in a tag', { ...valid, addMail: { ...valid.addMail, tag: 'a;b' } }, 'the tag holds a ";": "a;b"'],
    ['an empty tag', { ...valid, addMail: { ...valid.addMail, tag: '' } }, 'the tag is empty'],
    ['an empty value', { ...valid, addMail: { ...valid.addMail, value: '' } }, 'the value is empty'],
    [
      'contents that are too long',
      { ...valid, addMail: { ...valid.addMail, contents: new Uint8Array((operationCharactersMax / 4) * 3) } },
      'characters are more than 4194304',
    ],
    ['nothing to remove', { kind: 'expunge', user: 'u', mailbox: 'b', removeMails: [] }, 'a list without elements'],
    [
      'a rename of an empty mailbox',
      {
        ...{ kind: 'rename', user: 'u', mailbox: 'b', addMails: [] },
        ...{ removeMailbox: [{ value: 'b', tag: '1' }], addMailbox: { value: 'c', tag: '2' } },
      },
      'invalid rename operation: a list without elements',
    ],
    [
      'a tag twice',
      { kind: 'copy', user: 'u', mailbox: 'b', addMails: [valid.addMail, { ...valid.addMail, value: 'n' }] },
      'two elements have the tag "t"',
    ],
    ['too many', { kind: 'expunge', user: 'u', mailbox: 'b', removeMails: mails }, 'more than 16384 elements'],
  ])('%s', (_what, operation, part) => {
    expect(() => formatOp(operation)).toThrow(refused(part));
  });
});
