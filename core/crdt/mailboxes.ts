/**
 * The mailboxes of many users, as every replica of them sees them: what the operations of `../pluto/operation.ts` act on.
 *
 * All of it is one observed-remove set: of mailboxes, and of mails in them. Rules:
 * - Every addition has a tag that nobody ever uses again; a removal names the tags that its author had seen. So **what is
 *   added wins** against every removal that had not seen it, and removals never get into each other's way.
 * - A mailbox is there as long as it was created under some tag that is left, or holds a mail.
 * - create and append add; expunge removes; store, at one go, removes a mail and adds it under another name; copy adds
 *   mails that are somewhere else too; delete removes the tags of the mailbox and those of the mails seen in it; rename
 *   does that and adds the mails under new tags to the new mailbox. What comes into a mailbox while it is deleted or
 *   renamed elsewhere stays where it was put, and so does that mailbox.
 * - Operations are applied in causal order. Then all that are concurrent commute: replicas that applied the same ones are
 *   equal. A removal applied before an addition that it had seen finds nothing, and the replica differs for ever.
 *
 * `mailbox-changes.ts` makes operations of what users want. Contents belong to whoever gave the operation, who leaves them
 * as they are.
 */
import { unreachable } from '../errors.js';
import { compareNames } from '../names.js';
import type { AppendOperation, CreateOperation, Element, MailElement, Operation } from '../pluto/operation.js';
import { ORSet } from './or-set.js';

interface Box {
  readonly user: string;
  readonly mailbox: string;
  /** What the set calls it. */
  readonly key: string;
  /** By tag, in the order of their arrival. */
  readonly mails: Map<string, MailElement>;
}

export class Mailboxes {
  readonly #set = new ORSet();
  /** Those that are there. */
  readonly #boxes = new Map<string, Box>();

  /** A whole number below 2⁵³ that changes with the state; equal states have equal ones. */
  get digest(): number {
    return this.#set.digest;
  }

  has(user: string, mailbox: string): boolean {
    return this.#boxes.has(keyOf(user, mailbox));
  }

  /** Names of the mailboxes of a user, in byte order. */
  mailboxesOf(user: string): readonly string[] {
    const names = [...this.#boxes.values()].filter((box) => box.user === user).map(({ mailbox }) => mailbox);
    return names.sort(compareNames);
  }

  /** The tags under which a mailbox was created, in the order of their arrival. */
  tagsOf(user: string, mailbox: string): readonly string[] {
    return this.#set.tagsOf(keyOf(user, mailbox));
  }

  /** The mails in a mailbox, in the order of their arrival here. One name may be there under several tags. */
  mails(user: string, mailbox: string): readonly MailElement[] {
    const box = this.#boxes.get(keyOf(user, mailbox));
    return box === undefined ? [] : [...box.mails.values()];
  }

  /**
   * Additions that make this state out of nothing, in an order that depends on the state alone: its form for storing, and for
   * comparing.
   */
  *operations(): Generator<CreateOperation | AppendOperation> {
    const boxes = [...this.#boxes.values()].sort((a, b) => compareNames(a.key, b.key));
    for (const { user, mailbox, key, mails } of boxes) {
      for (const tag of [...this.#set.tagsOf(key)].sort(compareNames)) {
        yield { kind: 'create', user, mailbox, addMailbox: { value: mailbox, tag } };
      }
      for (const addMail of [...mails.values()].sort((a, b) => compareNames(a.tag, b.tag))) {
        yield { kind: 'append', user, mailbox, addMail };
      }
    }
  }

  apply(operation: Operation): void {
    const { kind, user, mailbox } = operation;
    switch (kind) {
      case 'create':
        this.#addMailbox(this.#box(user, operation.addMailbox.value), operation.addMailbox.tag);
        return;
      case 'delete':
        this.#removeMailbox(user, mailbox, operation.removeMailbox);
        return;
      case 'rename': {
        this.#removeMailbox(user, mailbox, operation.removeMailbox);
        const renamed = this.#box(user, operation.addMailbox.value);
        this.#addMailbox(renamed, operation.addMailbox.tag);
        for (const mail of operation.addMails) this.#addMail(renamed, mail);
        return;
      }
      case 'append':
        this.#addMail(this.#box(user, mailbox), operation.addMail);
        return;
      case 'expunge':
        this.#removeMails(user, mailbox, operation.removeMails);
        return;
      case 'store':
        this.#removeMails(user, mailbox, operation.removeMails);
        this.#addMail(this.#box(user, mailbox), operation.addMail);
        return;
      case 'copy': {
        const box = this.#box(user, mailbox);
        for (const mail of operation.addMails) this.#addMail(box, mail);
        return;
      }
      default:
        unreachable(operation);
    }
  }

  /** To be filled at once: a mailbox without tag and mail is not there. */
  #box(user: string, mailbox: string): Box {
    const key = keyOf(user, mailbox);
    const known = this.#boxes.get(key);
    if (known !== undefined) return known;
    const box: Box = { user, mailbox, key, mails: new Map() };
    this.#boxes.set(key, box);
    return box;
  }

  #addMailbox({ key }: Box, tag: string): void {
    this.#set.add(key, tag);
  }

  #addMail({ key, mails }: Box, mail: MailElement): void {
    if (mails.has(mail.tag)) return;
    mails.set(mail.tag, mail);
    this.#set.add(keyOfMail(key, mail.value), mail.tag);
  }

  /** Tags are enough to tell mailboxes from mails, as none is used twice. */
  #removeMailbox(user: string, mailbox: string, observed: readonly Element[]): void {
    const box = this.#boxes.get(keyOf(user, mailbox));
    if (box === undefined) return;
    this.#set.remove(
      box.key,
      observed.map(({ tag }) => tag),
    );
    this.#removeMails(user, mailbox, observed);
  }

  #removeMails(user: string, mailbox: string, observed: readonly Element[]): void {
    const box = this.#boxes.get(keyOf(user, mailbox));
    if (box === undefined) return;
    const { key, mails } = box;
    for (const { tag } of observed) {
      const mail = mails.get(tag);
      if (mail === undefined) continue;
      mails.delete(tag);
      this.#set.remove(keyOfMail(key, mail.value), [tag]);
    }
    if (mails.size === 0 && !this.#set.has(key)) this.#boxes.delete(key);
  }
}

/** Users hold no "|", so this names a mailbox and nothing else. */
function keyOf(user: string, mailbox: string): string {
  return `${user}|${mailbox}`;
}

/** No mailbox has a key that begins with "|". */
function keyOfMail(key: string, mail: string): string {
  return `|${key.length}|${key}|${mail}`;
}
