/**
 * Operations as text: the other way of every parser of `parse-operation.ts`.
 *
 * Nothing is written that a parser would refuse: what the format cannot carry is `E_PLUTO`, and so a rename or a copy of no
 * mails. Whoever renames an empty mailbox creates the new one and deletes the old.
 */
import { unreachable, type AntecedentError } from '../errors.js';
import { encodeAsciiBase64, encodeBase64 } from './base64.js';
import {
  elementsMax,
  nameMax,
  operationCharactersMax,
  type AppendOperation,
  type CopyOperation,
  type CreateOperation,
  type DeleteOperation,
  type Element,
  type ExpungeOperation,
  type MailElement,
  type Operation,
  type RenameOperation,
  type StoreOperation,
} from './operation.js';
import { plainProblem, type PlainPart } from './plain-text.js';
import { quote, refusal } from './refusal.js';
import { encodeUtf8 } from './utf8.js';

/** Names up to this length are encoded at once, longer ones by way of their bytes. */
const shortNameMax = 64;

/** A whole payload, `create|user|...`. Throws `E_PLUTO`. */
export function formatOp(operation: Operation): string {
  return `${operation.kind}|${formatRest(operation)}`;
}

function formatRest(operation: Operation): string {
  switch (operation.kind) {
    case 'create':
      return formatCreate(operation);
    case 'delete':
      return formatDelete(operation);
    case 'rename':
      return formatRename(operation);
    case 'append':
      return formatAppend(operation);
    case 'expunge':
      return formatExpunge(operation);
    case 'store':
      return formatStore(operation);
    case 'copy':
      return formatCopy(operation);
    default:
      return unreachable(operation);
  }
}

/** What follows `create|`. Throws `E_PLUTO`. */
export function formatCreate(operation: CreateOperation): string {
  return join(operation, [pair(operation, operation.addMailbox)]);
}

/** What follows `delete|`. Throws `E_PLUTO`. */
export function formatDelete(operation: DeleteOperation): string {
  return join(operation, [list(operation, operation.removeMailbox, pair)]);
}

/** What follows `rename|`. Throws `E_PLUTO`. */
export function formatRename(operation: RenameOperation): string {
  const { removeMailbox, addMailbox, addMails } = operation;
  return join(operation, [
    list(operation, removeMailbox, pair),
    pair(operation, addMailbox),
    list(operation, addMails, triple),
  ]);
}

/** What follows `append|`. Throws `E_PLUTO`. */
export function formatAppend(operation: AppendOperation): string {
  return join(operation, [triple(operation, operation.addMail)]);
}

/** What follows `expunge|`. Throws `E_PLUTO`. */
export function formatExpunge(operation: ExpungeOperation): string {
  return join(operation, [list(operation, operation.removeMails, pair)]);
}

/** What follows `store|`. Throws `E_PLUTO`. */
export function formatStore(operation: StoreOperation): string {
  return join(operation, [list(operation, operation.removeMails, pair), triple(operation, operation.addMail)]);
}

/** What follows `copy|`. Throws `E_PLUTO`. */
export function formatCopy(operation: CopyOperation): string {
  return join(operation, [list(operation, operation.addMails, triple)]);
}

/** User, mailbox, and what is done there. */
function join(operation: Operation, rest: readonly string[]): string {
  const { user, mailbox } = operation;
  checkPlain(operation, 'user', user);
  const text = [user, encodeName(operation, 'the mailbox', mailbox), ...rest].join('|');
  if (text.length <= operationCharactersMax) return text;
  throw invalid(operation, `${text.length} characters are more than ${operationCharactersMax}`);
}

function list<Item extends Element>(
  operation: Operation,
  items: readonly Item[],
  format: (operation: Operation, item: Item) => string,
): string {
  if (items.length === 0) throw invalid(operation, 'a list without elements');
  if (items.length > elementsMax) throw invalid(operation, `more than ${elementsMax} elements`);
  const tags = new Set<string>();
  return items
    .map((item) => {
      if (tags.has(item.tag)) throw invalid(operation, `two elements have the tag ${quote(item.tag)}`);
      tags.add(item.tag);
      return format(operation, item);
    })
    .join(';');
}

function pair(operation: Operation, { value, tag }: Element): string {
  checkPlain(operation, 'tag', tag);
  return `${encodeName(operation, 'the value', value)};${tag}`;
}

function triple(operation: Operation, mail: MailElement): string {
  return `${pair(operation, mail)};${encodeBase64(mail.contents)}`;
}

function encodeName(operation: Operation, what: string, name: string): string {
  if (name === '') throw invalid(operation, `${what} is empty`);
  if (name.length <= shortNameMax) {
    const short = encodeAsciiBase64(name);
    if (short !== undefined) return short;
  }
  // No character takes less than a byte, so that much need not be encoded to be too long.
  const bytes = name.length > nameMax ? undefined : encodeUtf8(name);
  if (name.length > nameMax || (bytes !== undefined && bytes.length > nameMax)) {
    throw invalid(operation, `${what} is longer than ${nameMax} bytes: ${quote(name)}`);
  }
  if (bytes === undefined) throw invalid(operation, `${what} holds half a surrogate pair: ${quote(name)}`);
  return encodeBase64(bytes);
}

function checkPlain(operation: Operation, part: PlainPart, text: string): void {
  const problem = plainProblem(part, text);
  if (problem !== undefined) throw invalid(operation, `${problem}: ${quote(text)}`);
}

function invalid({ kind }: Operation, problem: string): AntecedentError {
  return refusal(`invalid ${kind} operation: ${problem}`);
}
