/** What can be asked of a daemon on its control socket. Whatever changes something is in the log, with its outcome. */
import { AntecedentError, type Logger } from '../core/index.js';
import type { AntecedentNode } from './antecedent-node.js';
import type { ControlRequest } from './control-protocol.js';
import type { ControlHandler } from './control-server.js';
import { statusDocument } from './running-status.js';

export type OperableNode = Pick<AntecedentNode, 'status' | 'addMember' | 'removeMember' | 'skip' | 'retry'>;

export function controlHandler(node: OperableNode, logger: Logger): ControlHandler {
  return async (request) => {
    if (request.request === 'status') return statusDocument(node.status());
    try {
      const result = await carryOut(node, request);
      logger.log('warn', 'operator-request', { ...request, outcome: 'done' });
      return result;
    } catch (error) {
      const outcome = error instanceof AntecedentError ? error.code : String(error);
      logger.log('warn', 'operator-request', { ...request, outcome });
      throw error;
    }
  };
}

async function carryOut(node: OperableNode, request: Exclude<ControlRequest, { request: 'status' }>): Promise<unknown> {
  switch (request.request) {
    case 'member-add':
      await node.addMember(request.name, request.address);
      return null;
    case 'member-remove':
      await node.removeMember(request.name);
      return null;
    case 'delivery-skip':
      await node.skip(request.position, request.reason);
      return null;
    case 'delivery-retry':
      node.retry();
      return null;
  }
}
