import { expect, test } from 'vitest';
import fc from 'fast-check';
import { VectorClock, nodeName, parseOp, type Delivery } from '../../../core/index.js';
import {
  mailboxes,
  makePlan,
  scenario,
  seconds,
  type Application,
  type NumberedOperation,
  type OperationBody,
} from '../../../scenarios/index.js';

const workload = mailboxes({ perSecond: 1, for: seconds(1) });
const names = ['a', 'b'].map((name) => nodeName(name));

function deliveryOf(node: number, seq: number, payload: Uint8Array): Delivery {
  return { origin: nodeName('ab'.charAt(node)), incarnation: 1, seq, payload, position: 0, clock: VectorClock.zero };
}

let performed = 0;

function operationOf(body: OperationBody): NumberedOperation {
  performed += 1;
  return { atMs: 0, node: nodeName('a'), number: performed, ...body };
}

const append = (mail: string, bytes = 10): OperationBody => {
  return { kind: 'append', user: 'u', mailbox: 'm', mail, bytes };
};

function perform(application: Application, body: OperationBody): Uint8Array {
  const payload = application.perform(operationOf(body));
  if (payload === undefined) throw new Error(`${body.kind} did not apply`);
  return payload;
}

test('an operation changes nothing before it is delivered', () => {
  const application = workload.createApplication(nodeName('a'));
  const before = application.stateDigest();
  const payload = perform(application, append('1'));
  expect(application.stateDigest()).toBe(before);
  application.deliver(deliveryOf(0, 1, payload));
  expect(application.stateDigest()).not.toBe(before);
});

test('expunging takes away what was seen, and then there is nothing left to expunge', () => {
  const application = workload.createApplication(nodeName('a'));
  const empty = application.stateDigest();
  const expunge: OperationBody = { kind: 'expunge', user: 'u', mailbox: 'm', pick: 7 };
  expect(application.perform(operationOf(expunge))).toBeUndefined();
  application.deliver(deliveryOf(0, 1, perform(application, append('1'))));
  application.deliver(deliveryOf(0, 2, perform(application, expunge)));
  expect(application.stateDigest()).toBe(empty);
  expect(application.perform(operationOf(expunge))).toBeUndefined();
});

test('deleting a mailbox keeps a mail that was appended meanwhile', () => {
  const left = workload.createApplication(nodeName('a'));
  const right = workload.createApplication(nodeName('b'));
  const first = deliveryOf(0, 1, perform(left, append('1')));
  left.deliver(first);
  right.deliver(first);
  const remove = deliveryOf(0, 2, perform(left, { kind: 'delete', user: 'u', mailbox: 'm' }));
  const meanwhile = deliveryOf(1, 1, perform(right, append('2')));
  left.deliver(remove);
  left.deliver(meanwhile);
  right.deliver(meanwhile);
  right.deliver(remove);
  expect(left.stateDigest()).toBe(right.stateDigest());
  const onlyMeanwhile = workload.createApplication(nodeName('a'));
  onlyMeanwhile.deliver(meanwhile);
  expect(left.stateDigest()).toBe(onlyMeanwhile.stateDigest());
});

test.each<[kind: string, body: OperationBody]>([
  ['create', { kind: 'create', user: 'u', mailbox: 'm' }],
  ['delete', { kind: 'delete', user: 'u', mailbox: 'm' }],
  ['rename', { kind: 'rename', user: 'u', mailbox: 'm', to: 'n' }],
  ['append', append('2')],
  ['expunge', { kind: 'expunge', user: 'u', mailbox: 'm', pick: 1 }],
  ['store', { kind: 'store', user: 'u', mailbox: 'm', pick: 1, mail: '1:2,S' }],
  ['copy', { kind: 'copy', user: 'u', mailbox: 'm', pick: 1, to: 'n' }],
])('broadcasts %s as an operation of pluto, which changes the state', (kind, body) => {
  const application = workload.createApplication(nodeName('a'));
  application.deliver(deliveryOf(0, 1, perform(application, append('1'))));
  const before = application.stateDigest();
  const payload = perform(application, body);
  expect(parseOp(new TextDecoder().decode(payload))).toMatchObject({ kind, user: 'u' });
  application.deliver(deliveryOf(0, 2, payload));
  expect(application.stateDigest()).not.toBe(before);
});

test('operations that are alike but for their number add under different tags', () => {
  const application = workload.createApplication(nodeName('a'));
  const [first, second] = [1, 2].map((number) => application.perform({ ...operationOf(append('1')), number }));
  expect(first).not.toEqual(second);
});

test('a rename or copy of many bytes is given up, so that payloads stay about as long as mails are', () => {
  const application = workload.createApplication(nodeName('a'));
  application.deliver(deliveryOf(0, 1, perform(application, append('1', 7_000))));
  const rename: OperationBody = { kind: 'rename', user: 'u', mailbox: 'm', to: 'n' };
  expect(application.perform(operationOf(rename))).toBeUndefined();
  expect(application.perform(operationOf({ ...rename, kind: 'copy', pick: 0 }))).toBeUndefined();
});

test('a state comes back from its bytes', () => {
  const application = workload.createApplication(nodeName('a'));
  const again = workload.createApplication(nodeName('b'));
  const empty = application.stateDigest();
  for (const [index, body] of [append('1'), append('2', 9_000)].entries()) {
    application.deliver(deliveryOf(0, index + 1, perform(application, body)));
  }
  again.saving?.load(application.saving?.save() ?? new Uint8Array());
  expect(again.stateDigest()).toBe(application.stateDigest());
  expect(perform(again, { kind: 'delete', user: 'u', mailbox: 'm' })).toEqual(
    perform(application, { kind: 'delete', user: 'u', mailbox: 'm' }),
  );
  again.saving?.load(workload.createApplication(nodeName('c')).saving?.save() ?? new Uint8Array());
  expect(again.stateDigest()).toBe(empty);
});

test.each(['remove|u/m,a:1', 'append|u|m|1|text', '', 'create|u|bQ==|bQ==;'])('refuses the payload %j', (text) => {
  const application = workload.createApplication(nodeName('a'));
  const before = application.stateDigest();
  expect(() => application.deliver(deliveryOf(0, 1, new TextEncoder().encode(text)))).toThrow(
    expect.objectContaining({ code: 'E_PAYLOAD', message: expect.stringContaining('a:1 is no operation') as unknown }),
  );
  expect(application.stateDigest()).toBe(before);
});

test('a remove delivered before the addition it saw leaves another state', () => {
  const right = workload.createApplication(nodeName('b'));
  const wrong = workload.createApplication(nodeName('b'));
  const addition = deliveryOf(0, 1, perform(right, append('1')));
  right.deliver(addition);
  const remove = deliveryOf(0, 2, perform(right, { kind: 'expunge', user: 'u', mailbox: 'm', pick: 0 }));
  right.deliver(remove);
  wrong.deliver(remove);
  wrong.deliver(addition);
  expect(wrong.stateDigest()).not.toBe(right.stateDigest());
});

test('nodes that were given the same messages in different causal orders have equal states', () => {
  const plan = makePlan(
    scenario('m', { about: '', nodes: ['a', 'b'], workload: mailboxes({ perSecond: 60, for: seconds(1), users: 1 }) }),
    '1',
  );
  // Two nodes write; now and then they exchange everything. Each is given the other's news after its own.
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: plan.operations.length, maxLength: plan.operations.length }),
      (exchanges) => {
        const applications = names.map((name) => workload.createApplication(name));
        const seqs = [0, 0];
        let news: Delivery[][] = [[], []];
        const exchange = (): void => {
          news[0]?.forEach((delivery) => applications[1]?.deliver(delivery));
          news[1]?.forEach((delivery) => applications[0]?.deliver(delivery));
          news = [[], []];
          expect(applications[0]?.stateDigest()).toBe(applications[1]?.stateDigest());
        };
        plan.operations.forEach((operation, index) => {
          const node = operation.node === 'a' ? 0 : 1;
          const payload = applications[node]?.perform({ ...operation, number: index + 1 });
          if (payload !== undefined) {
            const delivery = deliveryOf(node, (seqs[node] = (seqs[node] ?? 0) + 1), payload);
            applications[node]?.deliver(delivery);
            news[node]?.push(delivery);
          }
          if (exchanges[index] === true) exchange();
        });
        exchange();
      },
    ),
    { numRuns: 50 },
  );
});

test('plans as many operations as asked for, in time, of every kind', () => {
  const plan = makePlan(
    scenario('m', { about: '', nodes: 3, workload: mailboxes({ perSecond: 50, for: seconds(4), durable: 'mixed' }) }),
    '1',
  );
  expect(plan.operations).toHaveLength(200);
  expect(plan.operations.every(({ atMs }) => atMs >= 0 && atMs <= 4000)).toBe(true);
  expect(new Set(plan.operations.map(({ kind }) => kind))).toEqual(
    new Set(['append', 'expunge', 'store', 'create', 'delete', 'rename', 'copy']),
  );
  expect(new Set(plan.operations.map(({ durable }) => durable))).toEqual(new Set([undefined, 'all', 1, 2, 3]));
});

test('some mails are large, as many as asked for', () => {
  const sizesOf = (largeMails: number): number[] => {
    const large = mailboxes({ perSecond: 100, for: seconds(4), mailBytesMax: 100, largeMails });
    const { operations } = makePlan(scenario('m', { about: '', nodes: 2, workload: large }), '1');
    return operations.flatMap((operation) => (operation.kind === 'append' ? [operation.bytes] : []));
  };
  expect(Math.max(...sizesOf(0))).toBeLessThan(100);
  expect(Math.min(...sizesOf(1))).toBeGreaterThanOrEqual(5 << 10);
  expect(Math.max(...sizesOf(1))).toBeLessThanOrEqual(20 << 10);
  const some = sizesOf(0.3);
  const share = some.filter((bytes) => bytes >= 100).length / some.length;
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.4);
});

test('refuses options that mean nothing', () => {
  expect(() => mailboxes({ perSecond: 1, for: seconds(1), largeMails: 2 })).toThrow('must be a share from 0 to 1');
  expect(() => mailboxes({ perSecond: 0, for: seconds(1) })).toThrow('is not above 0');
  expect(() => mailboxes({ perSecond: 1, for: seconds(1), users: 0 })).toThrow(
    'mailboxes: users is 0, it must be a whole number above 0',
  );
});
