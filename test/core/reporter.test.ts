import { describe, expect, test } from 'vitest';
import { nodeName, type LogLevel } from '../../core/index.js';
import type { MemberChange } from '../../core/message/frame.js';
import { Reporter } from '../../core/reporter.js';

interface Told {
  readonly logged: [LogLevel, string][];
  readonly links: string[];
  readonly members: (readonly string[])[];
  readonly peers: string[];
  readonly reporter: Reporter;
}

function told(): Told {
  const logged: [LogLevel, string][] = [];
  const links: string[] = [];
  const members: (readonly string[])[] = [];
  const peers: string[] = [];
  const reporter = new Reporter(
    nodeName('a'),
    {
      logger: { log: (level, event) => logged.push([level, event]) },
      links: {
        listen: () => undefined,
        dial: () => () => undefined,
        learn: (peer, address) => links.push(`learn ${peer} ${address}`),
        forget: (peer) => links.push(`forget ${peer}`),
        close: (done) => done(),
      },
    },
    {
      onPeer: (peer, state, reason) => peers.push(`${peer} ${state} ${reason}`),
      onAlarm: ({ code }) => peers.push(code),
      onStable: () => undefined,
      onMembers: (names) => members.push(names),
    },
  );
  return { logged, links, members, peers, reporter };
}

const b = nodeName('b');

describe('a dial that fails', () => {
  test('is a warning when the reason is new, and when it has worked in between', () => {
    const { logged, reporter } = told();
    const fail = (reason: string): void => reporter.report({ type: 'dial-failed', peer: b, reason, retryInMs: 1.5 });
    for (const reason of ['refused', 'refused', 'no such host', 'no such host']) fail(reason);
    reporter.report({ type: 'peer-up', peer: b });
    fail('no such host');
    reporter.report({ type: 'dial-failed', peer: nodeName('c'), reason: 'no such host', retryInMs: 1 });
    const levels = logged.filter(([, event]) => event === 'dial-failed').map(([level]) => level);
    expect(levels).toEqual(['warn', 'debug', 'warn', 'debug', 'warn', 'warn']);
  });
});

test('the transport learns who was added and forgets who was removed, but for ourselves', () => {
  const { links, members, reporter } = told();
  const change = (name: string, generation: number, address: string): MemberChange => {
    return { name: nodeName(name), generation, address, incarnation: 1, start: [] };
  };
  const changes = [change('a', 3, 'a:1'), change('b', 2, ''), change('d', 1, 'd:1')];
  reporter.report({ type: 'members', members: ['a', 'd'].map(nodeName), changes });
  expect(links).toEqual(['forget b', 'learn d d:1']);
  expect(members).toEqual([['a', 'd']]);
});

test('alarms are errors, and reach the application', () => {
  const { logged, peers, reporter } = told();
  reporter.report({ type: 'alarm', alarm: { code: 'E_CHAIN', peer: b, message: 'two stories' } });
  reporter.report({ type: 'peer-down', peer: b, reason: 'cut' });
  expect(logged).toEqual([
    ['error', 'alarm'],
    ['info', 'peer-down'],
  ]);
  expect(peers).toEqual(['E_CHAIN', 'b down cut']);
});
