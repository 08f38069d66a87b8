/** Random operations, for tests of their text and of what they do. */
import fc from 'fast-check';
import type { Element, MailElement, Operation, OperationKind } from '../../../core/pluto/operation.js';

export const operationKinds: readonly OperationKind[] = [
  'create',
  'delete',
  'rename',
  'append',
  'expunge',
  'store',
  'copy',
];

const nameText = fc.oneof(
  fc.constantFrom(
    'INBOX',
    'University/Thesis',
    'a|b;c:d',
    '> ping <',
    '\r\n',
    '\0',
    '__proto__',
    'ö',
    '😀',
    'x'.repeat(70),
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
);
const plainText = fc.oneof(
  fc.constantFrom('user1', 'worker-1:7', 'ae3daa63-4d50-4ea5-baa4-d5f780e05302', 'é'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !/[|;\r\n]/.test(text)),
);
const element: fc.Arbitrary<Element> = fc.record({ value: nameText, tag: plainText });
const mail: fc.Arbitrary<MailElement> = fc.record({
  value: nameText,
  tag: plainText,
  contents: fc.uint8Array({ maxLength: 30 }),
});

function list<Item extends Element>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> {
  return fc.uniqueArray(item, { minLength: 1, maxLength: 5, selector: ({ tag }) => tag });
}

/** An operation that text can carry. */
export const anyOperation: fc.Arbitrary<Operation> = fc
  .record({
    kind: fc.constantFrom(...operationKinds),
    user: fc.oneof(plainText, fc.constant('a;b')),
    mailbox: nameText,
    one: element,
    some: list(element),
    oneMail: mail,
    someMails: list(mail),
  })
  .map(({ kind, user, mailbox, one, some, oneMail, someMails }): Operation => {
    const place = { user, mailbox };
    switch (kind) {
      case 'create':
        return { kind, ...place, addMailbox: one };
      case 'delete':
        return { kind, ...place, removeMailbox: some };
      case 'rename':
        return { kind, ...place, removeMailbox: some, addMailbox: one, addMails: someMails };
      case 'append':
        return { kind, ...place, addMail: oneMail };
      case 'expunge':
        return { kind, ...place, removeMails: some };
      case 'store':
        return { kind, ...place, removeMails: some, addMail: oneMail };
      case 'copy':
        return { kind, ...place, addMails: someMails };
    }
  });
