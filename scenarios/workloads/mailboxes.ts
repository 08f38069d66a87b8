/**
 * Mailboxes: users create and delete mailboxes, append mails and expunge them, at any node, as in a distributed IMAP
 * server.
 *
 * All of it is one OR-Set of paths: `user/mailbox` for a mailbox, `user/mailbox/mail` for a mail. The tag of an
 * addition is the dot of the message that brought it, which nobody ever uses again. Removes name the tags their node
 * had seen, so concurrent operations commute: two nodes that were delivered the same messages, in any causal order,
 * have equal states. A node that misses a cause does not: the remove finds nothing, the addition comes later and stays.
 * So a mistake in the order of delivery shows in the state, which is why this workload is the default.
 *
 * Payloads are text, fields separated by `|`, pairs by `;`:
 * `create|user|mailbox`, `append|user|mailbox|mail|text`, and for both removes `remove|path,tag;path,tag;...`.
 */
import { AntecedentError, ORSet, formatDot, type Delivery } from '../../core/index.js';
import type { Milliseconds } from '../duration.js';
import { operationsMax, type OperationBody, type PlannedOperation } from '../plan.js';
import type { Application, PlanningContext, Program, Workload } from './workload.js';

export interface MailboxesOptions {
  /** Operations a second, over all nodes. */
  readonly perSecond: number;
  readonly for: Milliseconds;
  readonly users?: number;
  readonly mailboxesPerUser?: number;
  /** Longest text of a mail. */
  readonly mailBytesMax?: number;
  /** Share of the mails that have an attachment: 5 to 20 KB, several pages of a disk. */
  readonly largeMails?: number;
  /** When an operation counts as accepted. `mixed` draws one for each: here, on some nodes, or on all. */
  readonly durable?: 'here' | 'all' | 'mixed';
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const filler = encoder.encode('Received: from a by b; '.repeat(200));
const scratch = new Uint8Array(1024);
const bar = 0x7c;
const dot = 0x2e;
const firstLetterOfAppend = 0x61;

export const mailboxesProgram: Program = {
  name: 'mailboxes',
  whenDown: 'skip',
  createApplication: () => new MailboxesApplication(),
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

/** Six of ten operations append, so that there is something to expunge and delete. */
function planBody(
  { random }: PlanningContext,
  user: string,
  mailbox: string,
  mail: string,
  { mailBytesMax, largeMails }: AllOptions,
): OperationBody {
  const draw = random.below(10);
  if (draw < 6) {
    const isLarge = largeMails > 0 && random.chance(largeMails);
    const bytes = isLarge ? random.between(5 << 10, 20 << 10) : random.below(mailBytesMax);
    return { kind: 'append', user, mailbox, mail, bytes };
  }
  if (draw < 8) return { kind: 'expunge', user, mailbox, pick: random.below(1000) };
  return { kind: draw === 8 ? 'create' : 'delete', user, mailbox };
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
  #paths = new ORSet();
  /**
   * Paths below each mailbox, in the order in which this node first saw them: so that a remove need not look at all.
   */
  readonly #mails = new Map<string, Set<string>>();

  perform(operation: PlannedOperation): Uint8Array | undefined {
    switch (operation.kind) {
      case 'create':
        return encoder.encode(`create|${operation.user}|${operation.mailbox}`);
      case 'append':
        return withText(`append|${operation.user}|${operation.mailbox}|${operation.mail}|`, operation.bytes);
      case 'expunge':
        return this.#remove(this.#pickMail(`${operation.user}/${operation.mailbox}`, operation.pick));
      case 'delete': {
        const mailbox = `${operation.user}/${operation.mailbox}`;
        return this.#remove([mailbox, ...(this.#mails.get(mailbox) ?? [])]);
      }
      default:
        return undefined;
    }
  }

  deliver(delivery: Delivery): void {
    const text = decoder.decode(withoutText(delivery.payload));
    // Cut by hand, as this runs for every delivery: `split` costs as much as all the rest.
    const kindEnd = endOfField(text, '|', 0);
    const userEnd = endOfField(text, '|', kindEnd + 1);
    const mailboxEnd = endOfField(text, '|', userEnd + 1);
    const kind = text.slice(0, kindEnd);
    if (kind === 'remove') {
      this.#applyRemove(text.slice(kindEnd + 1, userEnd));
      return;
    }
    const mailbox = `${text.slice(kindEnd + 1, userEnd)}/${text.slice(userEnd + 1, mailboxEnd)}`;
    if (kind === 'create') this.#paths.add(mailbox, formatDot(delivery));
    else if (kind === 'append') {
      const mail = text.slice(mailboxEnd + 1, endOfField(text, '|', mailboxEnd + 1));
      this.#applyAppend(mailbox, `${mailbox}/${mail}`, formatDot(delivery));
    } else {
      throw new AntecedentError(
        'E_PAYLOAD',
        `${formatDot(delivery)} is no operation on mailboxes: it begins ${JSON.stringify(kind)}`,
      );
    }
  }

  #save(): Uint8Array {
    const lines = [...this.#paths.entries()].flatMap(([path, tags]) => tags.map((tag) => `${path},${tag}`));
    return encoder.encode(lines.join(';'));
  }

  #load(state: Uint8Array): void {
    this.#paths = new ORSet();
    this.#mails.clear();
    if (state.length === 0) return;
    for (const pair of decoder.decode(state).split(';')) {
      const pathEnd = endOfField(pair, ',', 0);
      const path = pair.slice(0, pathEnd);
      const tag = pair.slice(pathEnd + 1);
      const mailboxEnd = path.indexOf('/', path.indexOf('/') + 1);
      if (mailboxEnd < 0) this.#paths.add(path, tag);
      else this.#applyAppend(path.slice(0, mailboxEnd), path, tag);
    }
  }

  stateDigest(): number {
    return this.#paths.digest;
  }

  #applyAppend(mailbox: string, mail: string, tag: string): void {
    this.#paths.add(mail, tag);
    const mails = this.#mails.get(mailbox);
    if (mails === undefined) this.#mails.set(mailbox, new Set([mail]));
    else mails.add(mail);
  }

  #applyRemove(pairs: string): void {
    for (const pair of pairs.split(';')) {
      const pathEnd = endOfField(pair, ',', 0);
      const path = pair.slice(0, pathEnd);
      this.#paths.remove(path, [pair.slice(pathEnd + 1)]);
      if (this.#paths.has(path)) continue;
      this.#mails.get(path.slice(0, path.lastIndexOf('/')))?.delete(path);
    }
  }

  #pickMail(mailbox: string, pick: number): readonly string[] {
    const mails = this.#mails.get(mailbox);
    if (mails === undefined || mails.size === 0) return [];
    let left = pick % mails.size;
    for (const mail of mails) {
      if (left === 0) return [mail];
      left -= 1;
    }
    return [];
  }

  /** A remove of everything seen at `paths`; undefined when there is nothing. */
  #remove(paths: readonly string[]): Uint8Array | undefined {
    const pairs = paths.flatMap((path) => this.#paths.tagsOf(path).map((tag) => `${path},${tag}`));
    return pairs.length === 0 ? undefined : encoder.encode(`remove|${pairs.join(';')}`);
  }
}

/** `head`, then a mail of so many bytes. */
function withText(head: string, bytes: number): Uint8Array {
  const headBytes = encodeBriefly(head);
  const textStart = headBytes.length;
  const payload = new Uint8Array(textStart + bytes);
  payload.set(headBytes);
  payload.set(bytes < filler.length ? filler.subarray(0, bytes) : filler, textStart);
  return bytes <= filler.length ? payload : payload.fill(dot, textStart + filler.length);
}

/** Valid until the next call: memory of its own would cost more than the encoding. */
function encodeBriefly(text: string): Uint8Array {
  const { read, written } = encoder.encodeInto(text, scratch);
  return read === text.length ? scratch.subarray(0, written) : encoder.encode(text);
}

function endOfField(text: string, separator: '|' | ',', from: number): number {
  const end = text.indexOf(separator, from);
  return end < 0 ? text.length : end;
}

/** What an application has to decode: all but the text of a mail, most of the bytes, which changes nothing in its state. */
function withoutText(payload: Uint8Array): Uint8Array {
  if (payload[0] !== firstLetterOfAppend) return payload;
  let end = 0;
  for (let bars = 0; bars < 4 && end < payload.length; end += 1) if (payload[end] === bar) bars += 1;
  return payload.subarray(0, end);
}
