/**
 * What users want with mailboxes, as operations to broadcast: the half of the replicated type that runs where something is
 * asked for, and only there. (`Mailboxes.apply` is the other half, which runs everywhere.)
 *
 * These functions look at the state and change nothing: an operation takes effect where it is delivered, at its author as
 * everywhere else. They return undefined when there is nothing to do it with. `tag` is text that nobody ever uses again,
 * such as the dot of a message or a UUID, without "|", ";" and line breaks; where an operation adds several elements, each has
 * a tag derived from it.
 *
 * The precondition of an operation is the caller's: renaming onto a mailbox that is there puts both together, and creating
 * one again adds a tag.
 */
import type {
  AppendOperation,
  CopyOperation,
  CreateOperation,
  DeleteOperation,
  Element,
  ExpungeOperation,
  MailElement,
  RenameOperation,
  StoreOperation,
} from '../pluto/operation.js';
import type { Mailboxes } from './mailboxes.js';

export function toCreate(user: string, mailbox: string, tag: string): CreateOperation {
  return { kind: 'create', user, mailbox, addMailbox: { value: mailbox, tag } };
}

/** Removes what is seen of the mailbox, its mails included. Undefined when it is not there. */
export function toDelete(state: Mailboxes, user: string, mailbox: string): DeleteOperation | undefined {
  const removeMailbox = everythingIn(state, user, mailbox);
  return removeMailbox.length === 0 ? undefined : { kind: 'delete', user, mailbox, removeMailbox };
}

/**
 * Puts all mails that are seen into the mailbox `name`, and removes the old one. Undefined when there are no mails: the
 * format of pluto has no such operation. Then create the new one and delete the old.
 */
export function toRename(
  state: Mailboxes,
  user: string,
  mailbox: string,
  name: string,
  tag: string,
): RenameOperation | undefined {
  const addMails = withTagsOf(tag, state.mails(user, mailbox));
  if (addMails.length === 0) return undefined;
  const removeMailbox = everythingIn(state, user, mailbox);
  return { kind: 'rename', user, mailbox, removeMailbox, addMailbox: { value: name, tag }, addMails };
}

/** Puts a mail into a mailbox, which is there from then on. */
export function toAppend(
  user: string,
  mailbox: string,
  name: string,
  contents: Uint8Array,
  tag: string,
): AppendOperation {
  return { kind: 'append', user, mailbox, addMail: { value: name, tag, contents } };
}

/** Removes the mails called one of `names`. Undefined when none is there. */
export function toExpunge(
  state: Mailboxes,
  user: string,
  mailbox: string,
  names: readonly string[],
): ExpungeOperation | undefined {
  const removeMails = mailsCalled(state, user, mailbox, names).map(withoutContents);
  return removeMails.length === 0 ? undefined : { kind: 'expunge', user, mailbox, removeMails };
}

/** Gives the mail called `name` another name: in v0.4 its flags are part of that. Undefined when it is not there. */
export function toStore(
  state: Mailboxes,
  user: string,
  mailbox: string,
  name: string,
  newName: string,
  tag: string,
): StoreOperation | undefined {
  const mails = mailsCalled(state, user, mailbox, [name]);
  const first = mails[0];
  if (first === undefined) return undefined;
  const addMail = { value: newName, tag, contents: first.contents };
  return { kind: 'store', user, mailbox, removeMails: mails.map(withoutContents), addMail };
}

/** Puts the mails called one of `names` into the mailbox `to` as well. Undefined when none is there. */
export function toCopy(
  state: Mailboxes,
  user: string,
  mailbox: string,
  names: readonly string[],
  to: string,
  tag: string,
): CopyOperation | undefined {
  const addMails = withTagsOf(tag, mailsCalled(state, user, mailbox, names));
  return addMails.length === 0 ? undefined : { kind: 'copy', user, mailbox: to, addMails };
}

function everythingIn(state: Mailboxes, user: string, mailbox: string): readonly Element[] {
  const created = state.tagsOf(user, mailbox).map((tag) => ({ value: mailbox, tag }));
  return [...created, ...state.mails(user, mailbox).map(withoutContents)];
}

function mailsCalled(
  state: Mailboxes,
  user: string,
  mailbox: string,
  names: readonly string[],
): readonly MailElement[] {
  const wanted = new Set(names);
  return state.mails(user, mailbox).filter(({ value }) => wanted.has(value));
}

function withoutContents({ value, tag }: MailElement): Element {
  return { value, tag };
}

function withTagsOf(tag: string, mails: readonly MailElement[]): readonly MailElement[] {
  return mails.map(({ value, contents }, index) => ({ value, tag: `${tag}.${index + 1}`, contents }));
}
