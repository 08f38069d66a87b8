import { expect, test } from 'vitest';
import * as pluto from '../../../transport-tls/pluto/index.js';

test('antecedent/pluto has a parser and a formatter of messages, of operations, and of each kind of them', () => {
  const kinds = ['Message', 'Op', 'Create', 'Delete', 'Rename', 'Append', 'Expunge', 'Store', 'Copy'];
  expect(Object.keys(pluto)).toEqual(
    expect.arrayContaining(kinds.flatMap((kind) => [`parse${kind}`, `format${kind}`])),
  );
});

test('a line of v0.4 is read, taken apart, put together and written with nothing but antecedent/pluto', () => {
  const line = 'worker-1|worker-1:7;storage:3|create|ada|V29yaw==|V29yaw==;0cbc';
  const message = pluto.parseMessage(line);
  const operation = pluto.parseOp(message.payload);
  expect(operation).toEqual({
    kind: 'create',
    user: 'ada',
    mailbox: 'Work',
    addMailbox: { value: 'Work', tag: '0cbc' },
  });
  expect(pluto.formatMessage({ ...message, payload: pluto.formatOp(operation) })).toBe(line);
  expect(() => pluto.parseMessage(pluto.plutoPing)).toThrow(pluto.AntecedentError);
});
