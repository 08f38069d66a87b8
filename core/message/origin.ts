/**
 * Origins and dots: the names of logs and of messages.
 *
 * An origin is one life of a member: its name and an incarnation. Each origin numbers its messages 1, 2, 3, ... without
 * gaps; a dot names one of them. A member that may have forgotten messages opens a new incarnation, so no dot is ever
 * used for two messages.
 */
import type { NodeName } from '../names.js';

export interface Origin {
  readonly name: NodeName;
  /** 1, 2, 3, ...: counts the lives of the member. */
  readonly incarnation: number;
}

/** Incarnations of one member that may occur in clocks. A member opens a new one only when it may have forgotten something. */
export const incarnationsMax = 64;

/** Members of one cluster: what every clock, and every table of a node, is dimensioned for. */
export const membersMax = 256;

/** Highest seq: the one behind it, which states and cursors hold, must still be exact. */
export const seqMax: number = Number.MAX_SAFE_INTEGER - 1;

/** The identity of a message. */
export interface Dot {
  readonly origin: NodeName;
  readonly incarnation: number;
  readonly seq: number;
}

/**
 * An origin as a map key and as a name in clocks: `a` for the first incarnation, `a~2` for the second. Names hold no
 * `~`, so keys are unambiguous.
 */
export function originKey(name: NodeName, incarnation: number): string {
  return incarnation === 1 ? name : `${name}~${incarnation}`;
}

/** A dot for people: `b:7`, `b~2:7`. */
export function formatDot(dot: Dot): string {
  return `${originKey(dot.origin, dot.incarnation)}:${dot.seq}`;
}
