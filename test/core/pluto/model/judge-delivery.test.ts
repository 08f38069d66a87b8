import { describe, expect, test } from 'vitest';
import { judgeDelivery } from '../../../../core/pluto/model/receiver.js';
import { parseMessage } from '../../../../core/pluto/model/text.js';

/** What a node that has come to `a:3;b:5` makes of a message. */
const judge = (line: string) => judgeDelivery(parseMessage(line), new Map([['a', 3], ['b', 5]])); // prettier-ignore

describe('the entry of the sender', () => {
  test.each([
    ['the next one is applied', 'a|a:4|', 'apply'],
    ['the same one is dropped as a duplicate', 'a|a:3|', 'drop'],
    ['an older one waits, and will for ever', 'a|a:2|', 'wait'],
    ['one behind a gap waits', 'a|a:5|', 'wait'],
    ['a negative one waits', 'a|a:-1|', 'wait'],
    ['none counts as 0', 'a|b:1|', 'wait'],
    ['the first one of a stranger is applied', 'c|c:1|', 'apply'],
    ['and none of a stranger is dropped', 'c|a:1|', 'drop'],
  ])('%s', (_, line, verdict) => {
    expect(judge(line)).toBe(verdict);
  });
});

describe('the other entries', () => {
  test.each([
    ['all that are here already do not matter', 'a|a:4;b:5|', 'apply'],
    ['nor do older ones', 'a|a:4;b:0|', 'apply'],
    ['one that is ahead makes the message wait', 'a|b:6;a:4|', 'wait'],
    ['of a stranger too', 'a|a:4;c:1|', 'wait'],
    ['and a duplicate as well', 'a|a:3;b:6|', 'wait'],
  ])('%s', (_, line, verdict) => {
    expect(judge(line)).toBe(verdict);
  });
});
