/**
 * Mailboxes: users create, delete and rename mailboxes, append, copy, flag and expunge mails, at any node, as in a distributed
 * IMAP server.
 *
 * Payloads are the operations of pluto v0.4 as text, all seven kinds of them, and the state is the core's `Mailboxes`. Its
 * tags are made of the node and the number of the operation in its plan, so nobody ever uses one again. Removes name the
 * tags their node had seen, so concurrent operations commute: two nodes that were delivered the same messages, in any causal
 * order, have equal states. A node that misses a cause does not: the remove finds nothing, the addition comes later and
 * stays. So a mistake in the order of delivery shows in the state, which is why this workload is the default.
 */
import {
  AntecedentError,
  Mailboxes,
  formatDot,
  formatOp,
  parseOp,
  toAppend,
  toCopy,
  toCreate,
  toDelete,
  toExpunge,
  toRename,
  toStore,
  type Delivery,
  type Operation,
} from '../../core/index.js';
import type { Milliseconds } from '../duration.js';
import { operationsMax, type NumberedOperation, type OperationBody, type PlannedOperation } from '../plan.js';
import { partOfPackage, type Application, type PlanningContext, type Program, type Workload } from './workload.js';

export interface MailboxesOptions {
  /** Operations a second, over all nodes. */
  readonly perSecond: number;
  readonly for: Milliseconds;
  readonly users?: number;
  readonly mailboxesPerUser?: number;
  /** Longest mail. */
  readonly mailBytesMax?: number;
  /** Share of the mails that have an attachment: 5 to 20 KB, several pages of a disk. */
  readonly largeMails?: number;
  /** When an operation counts as accepted. `mixed` draws one for each: here, on some nodes, or on all. */
  readonly durable?: 'here' | 'all' | 'mixed';
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const filler = encoder.encode('Received: from a by b; '.repeat(200));
const dot = 0x2e;

/**
 * Longest rename or copy, in characters: they carry what is in the mailbox. Users give longer ones up, so that payloads stay about as
 * long as mails are.
 */
const carryingMax = 8 << 10;

export const mailboxesProgram: Program = {
  name: 'mailboxes',
  whenDown: 'skip',
  createApplication: partOfPackage(() => new MailboxesApplication()),
};

/** Random operations at random nodes and times. Throws `E_CONFIG` for options out of range. */
export function mailboxes(options: MailboxesOptions): Workload {
  const { perSecond, users = 3, mailboxesPerUser = 2, mailBytesMax = 120, largeMails = 0 } = options;
  if (!(perSecond > 0 && perSecond <= 100_000)) {
    throw new AntecedentError(
      'E_CONFIG',
      `mailboxes: a rate of ${perSecond} a second is not above 0 and at most 100000`,
    );
  }
  const count = (perSecond * options.for) / 1000;
  if (!(count <= operationsMax)) {
    const message = `mailboxes: ${perSecond} a second for ${options.for} ms are ${count} operations; a plan has at most ${operationsMax}`;
    throw new AntecedentError('E_CONFIG', message);
  }
  for (const [key, value] of Object.entries({ users, mailboxesPerUser, mailBytesMax })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new AntecedentError('E_CONFIG', `mailboxes: ${key} is ${value}, it must be a whole number above 0`);
  }
  if (!(largeMails >= 0 && largeMails <= 1)) {
    throw new AntecedentError('E_CONFIG', `mailboxes: largeMails is ${largeMails}, it must be a share from 0 to 1`);
  }
  return {
    ...mailboxesProgram,
    plan: (context) => planOperations(context, { ...options, users, mailboxesPerUser, mailBytesMax, largeMails }),
  };
}

type AllOptions = Required<Omit<MailboxesOptions, 'durable'>> & MailboxesOptions;

function planOperations(context: PlanningContext, options: AllOptions): PlannedOperation[] {
  const { random, nodes } = context;
  const count = Math.max(1, Math.round((options.perSecond * options.for) / 1000));
  const timesMs = Array.from({ length: count }, () => random.between(0, Math.round(options.for * 1000)) / 1000);
  timesMs.sort((a, b) => a - b);
  return timesMs.map((atMs, index) => {
    const user = `user${random.below(options.users)}`;
    const mailbox = `box${random.below(options.mailboxesPerUser)}`;
    const body = planBody(context, user, mailbox, `m${index}`, options);
    const durable = planDurability(context, options.durable ?? 'here');
    return { atMs, node: random.pick(nodes), ...(durable === 'here' ? {} : { durable }), ...body };
  });
}

/** Twelve of twenty operations append, so that there is something for the others. */
function planBody(
  { random }: PlanningContext,
  user: string,
  mailbox: string,
  mail: string,
  { mailboxesPerUser, mailBytesMax, largeMails }: AllOptions,
): OperationBody {
  const draw = random.below(20);
  if (draw < 12) {
    const isLarge = largeMails > 0 && random.chance(largeMails);
    const bytes = isLarge ? random.between(5 << 10, 20 << 10) : random.below(mailBytesMax);
    return { kind: 'append', user, mailbox, mail, bytes };
  }
  if (draw < 14) return { kind: 'create', user, mailbox };
  if (draw === 14) return { kind: 'delete', user, mailbox };
  // One more than users create, so that some mailboxes come and go.
  if (draw === 15) return { kind: 'rename', user, mailbox, to: `box${random.below(mailboxesPerUser + 1)}` };
  const pick = random.below(1000);
  if (draw === 16) return { kind: 'copy', user, mailbox, pick, to: `box${random.below(mailboxesPerUser + 1)}` };
  if (draw === 17) return { kind: 'store', user, mailbox, pick, mail };
  return { kind: 'expunge', user, mailbox, pick };
}

function planDurability(
  { random, nodes }: PlanningContext,
  durable: 'here' | 'all' | 'mixed',
): 'here' | 'all' | number {
  if (durable !== 'mixed') return durable;
  const draw = random.below(4);
  if (draw < 2) return 'here';
  return draw === 2 ? 'all' : random.between(1, nodes.length);
}

class MailboxesApplication implements Application {
  readonly saving = { save: (): Uint8Array => this.#save(), load: (state: Uint8Array): void => this.#load(state) };
  #mailboxes = new Mailboxes();

  perform(operation: NumberedOperation): Uint8Array | undefined {
    const change = this.#changeOf(operation, `${operation.node}:${operation.number}`);
    if (change === undefined) return undefined;
    const payload = formatOp(change);
    const isTooLong = (change.kind === 'rename' || change.kind === 'copy') && payload.length > carryingMax;
    return isTooLong ? undefined : encoder.encode(payload);
  }

  deliver(delivery: Delivery): void {
    this.#mailboxes.apply(readOperation(delivery));
  }

  stateDigest(): number {
    return this.#mailboxes.digest;
  }

  #changeOf(operation: NumberedOperation, tag: string): Operation | undefined {
    const state = this.#mailboxes;
    switch (operation.kind) {
      case 'create':
        return toCreate(operation.user, operation.mailbox, tag);
      case 'append':
        return toAppend(operation.user, operation.mailbox, operation.mail, mailOf(operation.bytes), tag);
      case 'delete':
        return toDelete(state, operation.user, operation.mailbox);
      case 'rename':
        return toRename(state, operation.user, operation.mailbox, operation.to, tag);
      case 'expunge':
        return toExpunge(state, operation.user, operation.mailbox, this.#pick(operation));
      case 'store': {
        const [name] = this.#pick(operation);
        if (name === undefined) return undefined;
        return toStore(state, operation.user, operation.mailbox, name, operation.mail, tag);
      }
      case 'copy':
        return toCopy(state, operation.user, operation.mailbox, this.#pick(operation), operation.to, tag);
      default:
        return undefined;
    }
  }

  /** The name of the mail that a user means; none where there is no mail. */
  #pick({ user, mailbox, pick }: Extract<OperationBody, { readonly pick: number }>): readonly string[] {
    const mails = this.#mailboxes.mails(user, mailbox);
    const mail = mails[pick % mails.length];
    return mail === undefined ? [] : [mail.value];
  }

  #save(): Uint8Array {
    return encoder.encode([...this.#mailboxes.operations()].map(formatOp).join('\n'));
  }

  #load(state: Uint8Array): void {
    this.#mailboxes = new Mailboxes();
    if (state.length === 0) return;
    for (const line of decoder.decode(state).split('\n')) this.#mailboxes.apply(parseOp(line));
  }
}

function readOperation(delivery: Delivery): Operation {
  try {
    return parseOp(decoder.decode(delivery.payload));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AntecedentError('E_PAYLOAD', `${formatDot(delivery)} is no operation on mailboxes: ${reason}`, { cause });
  }
}

/** A mail of so many bytes. */
function mailOf(bytes: number): Uint8Array {
  if (bytes <= filler.length) return filler.subarray(0, bytes);
  const mail = new Uint8Array(bytes).fill(dot, filler.length);
  mail.set(filler);
  return mail;
}
