/** A broadcast that may be refused for a reason that a fault can bring, and for no other one. */
import { AntecedentError, type Dot, type ErrorCode, type Node, type Receipt, type Result } from '../core/index.js';
import type { PlannedOperation } from './plan.js';

/**
 * Why a node may refuse a broadcast: it has no room, its disk is full or fails, it knows that its log went back or that it was
 * removed, or it has stopped and its process is about to end.
 */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_BACKPRESSURE',
  'E_CATCHING_UP',
  'E_DISK_FULL',
  'E_STORAGE',
  'E_ROLLED_BACK',
  'E_CHAIN',
  'E_REMOVED',
  'E_CLOSED',
]);

/** Undefined when the node refuses for a reason that a fault can bring; anything else it throws is an error of the run. */
export function tryBroadcast(
  node: Node,
  payload: Uint8Array,
  operation: PlannedOperation,
  accepted: (result: Result<Receipt>) => void,
): Dot | undefined {
  try {
    return node.broadcast(payload, operation.durable ?? 'here', accepted);
  } catch (error) {
    if (!(error instanceof AntecedentError)) throw error;
    // Somebody was removed, and as many members as it asks for there are not any more.
    const isTooMuch = error.code === 'E_CONFIG' && typeof operation.durable === 'number';
    if (isTooMuch || refusals.has(error.code)) return undefined;
    throw error;
  }
}
