/** Tells the operator's log, the application and the transport what a replica reports. Nothing depends on it. */
import type { NodeHandlers } from './node-options.js';
import type { MemberChange } from './message/frame.js';
import type { NodeName } from './names.js';
import type { Ports } from './ports.js';
import type { ReplicaEvent } from './replica/ready.js';

export class Reporter {
  readonly #name: NodeName;
  readonly #ports: Pick<Ports, 'lines' | 'links' | 'logger'>;
  readonly #handlers: Pick<NodeHandlers, 'onPeer' | 'onAlarm' | 'onStable' | 'onMembers'>;
  /** Why the last dial failed, by peer. */
  readonly #dialFailures = new Map<NodeName, string>();

  constructor(
    name: NodeName,
    ports: Pick<Ports, 'lines' | 'links' | 'logger'>,
    handlers: Pick<NodeHandlers, 'onPeer' | 'onAlarm' | 'onStable' | 'onMembers'>,
  ) {
    this.#name = name;
    this.#ports = ports;
    this.#handlers = handlers;
  }

  report(event: ReplicaEvent): void {
    const { logger } = this.#ports;
    switch (event.type) {
      case 'peer-up':
        this.#dialFailures.delete(event.peer);
        logger.log('info', 'peer-up', { peer: event.peer });
        return this.#handlers.onPeer(event.peer, 'up', '');
      case 'peer-down':
        logger.log('info', 'peer-down', { peer: event.peer, reason: event.reason });
        return this.#handlers.onPeer(event.peer, 'down', event.reason);
      case 'refused':
        return logger.log('warn', 'refused', {
          peer: event.peer,
          by: event.by,
          code: event.code,
          message: event.message,
        });
      case 'fetched-refused':
        return logger.log('warn', 'fetched-refused', { peer: event.peer, code: event.code, message: event.message });
      case 'dial-failed':
        // The first failure, and whenever the reason changes: a wrong address must be seen, an absent peer must not flood.
        return logger.log(this.#isNewDialFailure(event.peer, event.reason) ? 'warn' : 'debug', 'dial-failed', {
          peer: event.peer,
          reason: event.reason,
          retryInMs: Math.round(event.retryInMs),
        });
      case 'alarm':
        logger.log('error', 'alarm', { peer: event.alarm.peer, code: event.alarm.code, message: event.alarm.message });
        return this.#handlers.onAlarm(event.alarm);
      case 'stable':
        return this.#handlers.onStable(event.clock);
      case 'members':
        return this.#reportMembers(event.members, event.changes);
    }
  }

  #isNewDialFailure(peer: NodeName, reason: string): boolean {
    const isNew = this.#dialFailures.get(peer) !== reason;
    this.#dialFailures.set(peer, reason);
    return isNew;
  }

  #reportMembers(members: readonly NodeName[], changes: readonly MemberChange[]): void {
    const { lines, links, logger } = this.#ports;
    for (const { name, address } of changes) {
      if (name === this.#name) continue;
      if (members.includes(name)) links.learn(name, address);
      else {
        links.forget(name);
        lines?.forget(name);
      }
    }
    logger.log('info', 'members', { members: members.join(' ') });
    this.#handlers.onMembers(members);
  }
}
