/**
 * The operations that pluto v0.4 replicates: what users of a distributed IMAP server do to their mailboxes.
 *
 * They are effects, not wishes: a removal names the elements that its author had seen, an addition brings a tag that nobody
 * ever uses again. So they can be applied anywhere, in any causal order (see `../crdt/mailboxes.ts`).
 */

/** Longest name of a mailbox or mail, in bytes of UTF-8, and longest user and tag in characters: as long as a path may be. */
export const nameMax = 4095;

/** Elements in one list. */
export const elementsMax = 16_384;

/** Characters of an operation. Beyond it reading would take long enough to be noticed. */
export const operationCharactersMax = 4_194_304;

/** A value in an observed-remove set: the name of a mailbox or mail, and the tag of one addition of it. */
export interface Element {
  readonly value: string;
  readonly tag: string;
}

/** A mail to add. */
export interface MailElement extends Element {
  readonly contents: Uint8Array;
}

interface OnMailbox {
  readonly user: string;
  readonly mailbox: string;
}

export interface CreateOperation extends OnMailbox {
  readonly kind: 'create';
  readonly addMailbox: Element;
}

export interface DeleteOperation extends OnMailbox {
  readonly kind: 'delete';
  /** The mailbox under every tag that was seen. */
  readonly removeMailbox: readonly Element[];
}

/** `mailbox` is the old name, the value of `addMailbox` the new one. */
export interface RenameOperation extends OnMailbox {
  readonly kind: 'rename';
  readonly removeMailbox: readonly Element[];
  readonly addMailbox: Element;
  /** The mails that were seen, for the new mailbox. */
  readonly addMails: readonly MailElement[];
}

export interface AppendOperation extends OnMailbox {
  readonly kind: 'append';
  readonly addMail: MailElement;
}

export interface ExpungeOperation extends OnMailbox {
  readonly kind: 'expunge';
  readonly removeMails: readonly Element[];
}

/** A mail gets another name, as its flags are part of that. */
export interface StoreOperation extends OnMailbox {
  readonly kind: 'store';
  readonly removeMails: readonly Element[];
  readonly addMail: MailElement;
}

/** `mailbox` is where the mails are put. */
export interface CopyOperation extends OnMailbox {
  readonly kind: 'copy';
  readonly addMails: readonly MailElement[];
}

export type Operation =
  | CreateOperation
  | DeleteOperation
  | RenameOperation
  | AppendOperation
  | ExpungeOperation
  | StoreOperation
  | CopyOperation;

export type OperationKind = Operation['kind'];
