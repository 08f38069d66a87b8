/**
 * The status of a node as the outside world sees it: what the core knows, and what only this side of the ports knows.
 *
 * `StatusDocument` is the same as JSON: what is absent is null there, so that scripts find every field. Its fields are added to, not
 * renamed. It is checked by whoever receives it, because the program that asks and the node that answers may be of different versions.
 */
import {
  AntecedentError,
  type BlockedLog,
  type Dot,
  type LogStatus,
  type MemberStatus,
  type NodeStatus,
  type StorageState,
} from '../core/index.js';

/** What is in the hands of the application. */
export interface ApplyingStatus {
  /** Undefined for the snapshot of another member. */
  readonly message: Dot | undefined;
  readonly position: number;
  /** Milliseconds since it was handed over. */
  readonly forMs: number;
  /** How often the application has failed with it, and with what the last time. */
  readonly failures: number;
  readonly lastError: string | undefined;
}

export interface RunningStatus extends NodeStatus {
  /** Where we listen. */
  readonly address: string;
  readonly storage: StorageState;
  /** When our certificate ends, in milliseconds since 1970. */
  readonly certificateNotAfterMs: number;
  /** Undefined while the application has nothing to do. */
  readonly applying: ApplyingStatus | undefined;
  readonly members: readonly RunningMemberStatus[];
}

export interface RunningMemberStatus extends MemberStatus {
  /** Where we dial it; undefined when we know no usable address. */
  readonly address: string | undefined;
}

export interface StatusDocument {
  readonly name: string;
  readonly incarnation: number;
  readonly state: string;
  readonly pid: number;
  readonly address: string;
  readonly certificateNotAfter: string;
  readonly seq: number;
  readonly position: number;
  readonly appliedPosition: number;
  readonly undeliveredBytes: number;
  readonly heldBackMessages: number;
  readonly refusal: Problem | null;
  readonly storage: { readonly state: string; readonly code: string | null; readonly message: string | null };
  readonly applying: ApplyingDocument | null;
  readonly members: readonly MemberDocument[];
  readonly logs: readonly LogDocument[];
  readonly blocked: readonly BlockedDocument[];
}

export interface Problem {
  readonly code: string;
  readonly message: string;
}

export interface DotDocument {
  readonly origin: string;
  readonly incarnation: number;
  readonly seq: number;
}

export interface ApplyingDocument {
  readonly message: DotDocument | null;
  readonly position: number;
  readonly forMs: number;
  readonly failures: number;
  readonly lastError: string | null;
}

export interface MemberDocument {
  readonly name: string;
  readonly address: string | null;
  readonly state: string;
  readonly ackedSeq: number;
  readonly lagBytes: number;
  readonly stalledMs: number;
  readonly skippedFrames: number;
  readonly isDemoted: boolean;
}

export interface LogDocument {
  readonly origin: string;
  readonly incarnation: number;
  readonly durableSeq: number;
  readonly deliveredSeq: number;
  readonly stableSeq: number;
  readonly isClosed: boolean;
}

export interface BlockedDocument {
  readonly waiting: DotDocument;
  readonly missing: DotDocument;
  readonly suppliers: readonly string[];
}

/** Fields one by one: what the core adds for itself is not promised to scripts. */
export function statusDocument(status: RunningStatus): StatusDocument {
  const { name, incarnation, state, address, seq, position, appliedPosition } = status;
  const { undeliveredBytes, heldBackMessages, refusal, storage, applying } = status;
  return {
    ...{ name, incarnation, state, pid: process.pid, address },
    certificateNotAfter: new Date(status.certificateNotAfterMs).toISOString(),
    ...{ seq, position, appliedPosition, undeliveredBytes, heldBackMessages },
    refusal: refusal === undefined ? null : { code: refusal.code, message: refusal.message },
    storage: storage.state === 'ok' ? { state: 'ok', code: null, message: null } : storage,
    applying: applying === undefined ? null : applyingDocument(applying),
    members: status.members.map(memberDocument),
    logs: status.logs.map(logDocument),
    blocked: status.blocked.map(blockedDocument),
  };
}

function dotDocument({ origin, incarnation, seq }: Dot): DotDocument {
  return { origin, incarnation, seq };
}

function applyingDocument(applying: ApplyingStatus): ApplyingDocument {
  const { position, forMs, failures, lastError } = applying;
  const message = applying.message === undefined ? null : dotDocument(applying.message);
  return { message, position, forMs: Math.round(forMs), failures, lastError: lastError ?? null };
}

function memberDocument(member: RunningMemberStatus): MemberDocument {
  const { name, address, state, ackedSeq, lagBytes, stalledMs, skippedFrames, isDemoted } = member;
  const shown = { name, address: address ?? null, state, ackedSeq, lagBytes };
  return { ...shown, stalledMs: Math.round(stalledMs), skippedFrames, isDemoted };
}

function logDocument(log: LogStatus): LogDocument {
  const { origin, incarnation, durableSeq, deliveredSeq, stableSeq, isClosed } = log;
  return { origin, incarnation, durableSeq, deliveredSeq, stableSeq, isClosed };
}

function blockedDocument({ waiting, missing, suppliers }: BlockedLog): BlockedDocument {
  return { waiting: dotDocument(waiting), missing: dotDocument(missing), suppliers: [...suppliers] };
}

/** Reads what `statusDocument` has made, in whatever version. Rejects with `E_VERSION`. */
export async function readStatusDocument(value: unknown): Promise<StatusDocument> {
  const { z } = await import('zod');
  const [text, number] = [z.string(), z.number()];
  const dot = { origin: text, incarnation: number, seq: number };
  const schema = z.object({
    ...{ name: text, incarnation: number, state: text, pid: number, address: text, certificateNotAfter: text },
    ...{ seq: number, position: number, appliedPosition: number, undeliveredBytes: number, heldBackMessages: number },
    refusal: z.object({ code: text, message: text }).nullable(),
    storage: z.object({ state: text, code: text.nullable(), message: text.nullable() }),
    applying: z

      .object({
        message: z.object(dot).nullable(),
        position: number,
        forMs: number,
        failures: number,
        lastError: text.nullable(),
      })
      .nullable(),
    members: z.array(
      z.object({
        ...{ name: text, address: text.nullable(), state: text, ackedSeq: number, lagBytes: number },
        stalledMs: number.default(0),
        skippedFrames: number.default(0),
        isDemoted: z.boolean(),
      }),
    ),
    logs: z.array(
      z.object({
        origin: text,
        incarnation: number,
        durableSeq: number,
        deliveredSeq: number,
        stableSeq: number,
        isClosed: z.boolean(),
      }),
    ),
    blocked: z.array(z.object({ waiting: z.object(dot), missing: z.object(dot), suppliers: z.array(text) })),
  });
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
  throw new AntecedentError('E_VERSION', `the node runs another version: its status is not understood (${where})`);
}
