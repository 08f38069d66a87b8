/**
 * Operations from text, one parser for each kind.
 *
 *     create  := user | mailbox | pair                          append := user | mailbox | triple
 *     delete  := user | mailbox | pair;pair...                  store  := user | mailbox | pair;pair... | triple
 *     expunge := user | mailbox | pair;pair...                  copy   := user | mailbox | triple;triple...
 *     rename  := user | mailbox | pair;pair... | pair | triple;triple...
 *
 * `parseOp` reads a whole payload, `create|user|...`; the parsers of one kind what follows the kind. All throw `E_PLUTO`
 * for what is no such text, and nothing else for any text. Lists hold at least one element.
 */
import { OperationReader } from './operation-reader.js';
import type {
  AppendOperation,
  CopyOperation,
  CreateOperation,
  DeleteOperation,
  ExpungeOperation,
  Operation,
  RenameOperation,
  StoreOperation,
} from './operation.js';
import { quote, refusal } from './refusal.js';

/** Reads a payload. Throws `E_PLUTO`. */
export function parseOp(payload: string): Operation {
  const kindEnd = payload.indexOf('|');
  if (kindEnd < 0) {
    throw refusal(
      `payload invalid because it contained not enough pipe symbols: ${quote(payload)} has no "|" behind an operation`,
    );
  }
  const kind = payload.slice(0, kindEnd);
  const start = kindEnd + 1;
  switch (kind) {
    case 'create':
      return readCreate(payload, start);
    case 'delete':
      return readDelete(payload, start);
    case 'rename':
      return readRename(payload, start);
    case 'append':
      return readAppend(payload, start);
    case 'expunge':
      return readExpunge(payload, start);
    case 'store':
      return readStore(payload, start);
    case 'copy':
      return readCopy(payload, start);
    default:
      throw refusal(
        `${quote(kind)} is no operation; there are create, delete, rename, append, expunge, store and copy`,
      );
  }
}

/** Reads what follows `create|`. Throws `E_PLUTO`. */
export function parseCreate(text: string): CreateOperation {
  return readCreate(text, 0);
}

/** Reads what follows `delete|`. Throws `E_PLUTO`. */
export function parseDelete(text: string): DeleteOperation {
  return readDelete(text, 0);
}

/** Reads what follows `rename|`. Throws `E_PLUTO`. */
export function parseRename(text: string): RenameOperation {
  return readRename(text, 0);
}

/** Reads what follows `append|`. Throws `E_PLUTO`. */
export function parseAppend(text: string): AppendOperation {
  return readAppend(text, 0);
}

/** Reads what follows `expunge|`. Throws `E_PLUTO`. */
export function parseExpunge(text: string): ExpungeOperation {
  return readExpunge(text, 0);
}

/** Reads what follows `store|`. Throws `E_PLUTO`. */
export function parseStore(text: string): StoreOperation {
  return readStore(text, 0);
}

/** Reads what follows `copy|`. Throws `E_PLUTO`. */
export function parseCopy(text: string): CopyOperation {
  return readCopy(text, 0);
}

// Members are evaluated in the order in which they are written: that of the fields.

function readCreate(text: string, start: number): CreateOperation {
  const reader = new OperationReader('create', text, start, 3);
  return { kind: 'create', user: reader.user(), mailbox: reader.mailbox(), addMailbox: reader.element() };
}

function readDelete(text: string, start: number): DeleteOperation {
  const reader = new OperationReader('delete', text, start, 3);
  return { kind: 'delete', user: reader.user(), mailbox: reader.mailbox(), removeMailbox: reader.elements() };
}

function readRename(text: string, start: number): RenameOperation {
  const reader = new OperationReader('rename', text, start, 5);
  return {
    kind: 'rename',
    user: reader.user(),
    mailbox: reader.mailbox(),
    removeMailbox: reader.elements(),
    addMailbox: reader.element(),
    addMails: reader.mails(),
  };
}

function readAppend(text: string, start: number): AppendOperation {
  const reader = new OperationReader('append', text, start, 3);
  return { kind: 'append', user: reader.user(), mailbox: reader.mailbox(), addMail: reader.mail() };
}

function readExpunge(text: string, start: number): ExpungeOperation {
  const reader = new OperationReader('expunge', text, start, 3);
  return { kind: 'expunge', user: reader.user(), mailbox: reader.mailbox(), removeMails: reader.elements() };
}

function readStore(text: string, start: number): StoreOperation {
  const reader = new OperationReader('store', text, start, 4);
  return {
    kind: 'store',
    user: reader.user(),
    mailbox: reader.mailbox(),
    removeMails: reader.elements(),
    addMail: reader.mail(),
  };
}

function readCopy(text: string, start: number): CopyOperation {
  const reader = new OperationReader('copy', text, start, 3);
  return { kind: 'copy', user: reader.user(), mailbox: reader.mailbox(), addMails: reader.mails() };
}
