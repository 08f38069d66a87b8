import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { htmlReport } from '../../../scenarios/index.js';
import { pageData } from '../../../scenarios/report/page-data.js';
import { HistoryBuilder } from '../oracles/history-builder.js';
import { hostileStory, overtaking, storyOf } from './stories.js';

const page = htmlReport(storyOf(overtaking));

/** The contents of the elements of that name. */
function elements(html: string, name: string): readonly string[] {
  return [...html.matchAll(new RegExp(`<${name}(?: [^>]*)?>(.*?)</${name}>`, 'gs'))].map(([, content = '']) => content);
}

describe('the page', () => {
  test('says in markup what was violated, by which messages, and how to see it again', () => {
    const [header = ''] = elements(page, 'header');
    expect(header).toContain('VIOLATED');
    expect(header).toContain('causal-order');
    expect(header).toContain('c was given b:1 before a:1, which b had been given when it broadcast b:1.');
    expect(header).toContain('<b>a:1</b> broadcast by a at 0.003 s, 3 bytes: <q>a:1</q>; never given to c');
    expect(header).toContain('antecedent replay runs/partition-heal-1.json');
  });

  test('needs no other file and no network', () => {
    const addresses = [...page.matchAll(/\b(?:src|href|action|data)="([^"]*)"|url\(([^)]*)\)|@import/g)];
    expect(addresses.length).toBeGreaterThan(0);
    for (const [whole, one, other] of addresses) expect(one ?? other, whole).toMatch(/^(data:,|#.*)$/);
    const outside = [...page.matchAll(/https?:\/\/[^\s"'<)]*/g)].map(([address]) => address);
    expect(new Set(outside)).toEqual(new Set(['http://www.w3.org/2000/svg']));
  });

  test('allows its own style and script and nothing else', () => {
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
    const [style = ''] = elements(page, 'style');
    const [, script = ''] = elements(page, 'script');
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      'img-src data:',
      `style-src ${hash(style)}`,
      `script-src ${hash(script)}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
  });

  test('what others wrote becomes neither markup nor script', () => {
    const hostile = htmlReport(hostileStory());
    const names = (html: string): readonly string[] =>
      [...html.matchAll(/<\/?([a-z][\w-]*)/gi)].map(([, name = '']) => name);
    // The same elements as of a page with harmless texts, one more row in the table at most.
    expect(new Set(names(hostile))).toEqual(new Set(names(page)));
    expect(elements(hostile, 'script')).toHaveLength(2);
    expect(hostile).not.toContain('<img');
    expect(hostile).not.toContain('\u202e');
  });

  test('a run that holds has a page too', () => {
    const [header = ''] = elements(htmlReport(storyOf(new HistoryBuilder('a b').broadcast('a:1'))), 'header');
    expect(header).toContain('HELD');
    expect(header).toContain('Every property held');
  });
});

describe('its data', () => {
  test('of a long history the last events are told, and causes in front of them are none', () => {
    const all = pageData(storyOf(overtaking));
    const last = pageData(storyOf(overtaking), 4);
    expect([all.omitted, all.events.length]).toEqual([0, 10]);
    expect([last.omitted, last.events.length]).toEqual([6, 4]);
    expect(last.events.map(({ text }) => text)).toEqual(all.events.slice(6).map(({ text }) => text));
    expect(last.events.map(({ before, source }) => [before, source])).toEqual([
      [-1, -1],
      [0, -1],
      [1, 1],
      [-1, 1],
    ]);
  });

  test('a receipt is about the message that was broadcast', () => {
    const { events, messages } = pageData(storyOf(overtaking));
    expect(messages.map(({ name, payload, isConcerned }) => [name, payload, isConcerned])).toEqual([
      ['a:1', 'a:1', true],
      ['b:1', 'b:1', true],
    ]);
    expect(events.map(({ message }) => message)).toEqual([-1, -1, -1, 0, 0, 0, 0, 1, 1, 1]);
  });

  test('of a dot that was used twice both bodies are told', () => {
    const builder = new HistoryBuilder('a').broadcast('a:1', 'lost').crash('a').start('a', 0).broadcast('a:1', 'kept');
    expect(pageData(storyOf(builder)).messages.map(({ payload }) => payload)).toEqual(['lost', 'kept']);
  });
});
