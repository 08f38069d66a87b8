/** The page in a real browser: what it shows and what it does, from a file and without a network. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { htmlReport, type Story } from '../../../scenarios/index.js';
import { browserPath, launchBrowser } from '../../support/browser.js';
import { temporaryDirectory } from '../../cli/temporary-directory.js';
import { HistoryBuilder } from '../oracles/history-builder.js';
import { hostileStory, hostileText, overtaking, storyOf, storyOfScenario } from './stories.js';

const viewport = { width: 1280, height: 800 };

interface OpenPage {
  readonly page: Page;
  /** What it said, threw or wanted from elsewhere: nothing of that is right. */
  readonly complaints: readonly string[];
}

describe.skipIf(browserPath === undefined)('in a browser (needs chromium on the PATH)', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser.close();
  });

  async function open(story: Story): Promise<OpenPage> {
    const path = join(temporaryDirectory(), 'report.html');
    writeFileSync(path, htmlReport(story));
    const page = await browser.newPage({ viewport, offline: true });
    onTestFinished(() => page.close());
    const complaints: string[] = [];
    const address = pathToFileURL(path).href;
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    page.on('request', (request) => {
      if (request.url() !== address && !request.url().startsWith('data:')) complaints.push(`request: ${request.url()}`);
    });
    await page.goto(address);
    return { page, complaints };
  }

  /** Moves the pointer to the middle of the last element of that kind. */
  async function pointAt(page: Page, selector: string): Promise<void> {
    const box = await page.locator(selector).last().boundingBox();
    if (box === null) throw new Error(`there is no ${selector}`);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  }

  /** Waits for an expression to be true. The page's own policy keeps Playwright from waiting for it in the page. */
  async function until(page: Page, expression: string): Promise<void> {
    await expect.poll(() => page.evaluate(expression), { timeout: 120_000 }).toBe(true);
  }

  const count = (page: Page, selector: string): Promise<number> => page.locator(selector).count();
  const textOf = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText();

  test('the violated property and message are in the first screenful, in words and in the diagram', async () => {
    const { page, complaints } = await open(storyOf(overtaking));
    const shown = [
      'h1',
      '.sentence',
      '.messages li',
      '.name',
      '.lack-label',
      '.mark.concerned.broadcast',
      '.verdict-line',
    ];
    for (const selector of shown) {
      const box = await page.locator(selector).last().boundingBox();
      expect(box, selector).not.toBeNull();
      expect((box?.y ?? Infinity) + (box?.height ?? 0), selector).toBeLessThanOrEqual(viewport.height);
    }
    expect(await textOf(page, 'h1')).toContain('causal-order');
    expect(await page.locator('.lack-label').allTextContents()).toEqual(['never given a:1']);
    expect(complaints).toEqual([]);
  });

  test('pointing at an event shows what it follows from and what follows from it', async () => {
    const { page, complaints } = await open(storyOf(overtaking));
    await page.locator('#go-all').click();
    // The broadcast of b:1: it follows from two events on its line, and from two on that of a.
    await pointAt(page, '.mark.concerned.broadcast');
    expect(await page.locator('#tooltip div').allTextContents()).toEqual([
      '0.007 s  b: broadcast b:1',
      'b:1 (3 bytes)',
      'follows from 4 events · 2 follow from it',
    ]);
    expect([
      await count(page, '.mark.past'),
      await count(page, '.mark.self'),
      await count(page, '.mark.future'),
    ]).toEqual([4, 1, 2]);
    expect([await count(page, '.arrow.past'), await count(page, '.arrow.future')]).toEqual([1, 1]);
    await page.mouse.move(640, 5);
    expect(await count(page, '.mark.past')).toBe(0);
    expect(await page.locator('#tooltip').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  test('a click keeps an event, Escape lets go of it', async () => {
    const { page } = await open(storyOf(overtaking));
    await pointAt(page, '.mark.concerned.broadcast');
    await page.mouse.down();
    await page.mouse.up();
    await page.mouse.move(640, 5);
    expect(await count(page, '.mark.self')).toBe(1);
    expect(await textOf(page, '#status')).toContain('b: broadcast b:1: follows from 4 events, 2 follow from it');
    await page.locator('#diagram').press('Escape');
    expect(await count(page, '.mark.self')).toBe(0);
  });

  test('nodes can be left out, and all but those of the violation', async () => {
    const { page, complaints } = await open(storyOfScenario('partition-heal'));
    const names = (): Promise<readonly string[]> =>
      page.evaluate("[...document.querySelectorAll('.node-label')].map((label) => label.firstChild.textContent)");
    const all = await count(page, '.mark');
    expect(await names()).toEqual(['a', 'b', 'c', 'd', 'e']);
    await page.getByLabel('c', { exact: true }).uncheck();
    await until(page, "document.querySelectorAll('.node-label').length === 4");
    expect(await names()).toEqual(['a', 'b', 'd', 'e']);
    expect(await count(page, '.mark')).toBeLessThan(all);
    expect(await page.getByRole('button', { name: 'of the violation' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'all' }).click();
    await until(page, "document.querySelectorAll('.node-label').length === 5");
    expect(await count(page, '.mark')).toBe(all);
    expect(complaints).toEqual([]);
  });

  test('time can be sought, zoomed and moved, by buttons, wheel and keys', async () => {
    const { page, complaints } = await open(storyOfScenario('crash-restart'));
    const range = async (): Promise<readonly number[]> => {
      await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
      return (await textOf(page, '#status'))
        .split(' s')
        .slice(0, 2)
        .map((text) => Number(text.replace(/^.* /, '')));
    };
    const size = ([from = 0, to = 0]: readonly number[]): number => to - from;
    await page.locator('#go-all').click();
    const whole = await range();
    await page.locator('#zoom-in').click();
    await page.locator('#zoom-in').click();
    const closer = await range();
    expect(size(closer)).toBeLessThan(size(whole) / 3);
    await page.locator('#seek').fill('1.5');
    await page.locator('#seek').press('Enter');
    const [from = 0, to = 0] = await range();
    expect(from).toBeLessThan(1.5);
    expect(to).toBeGreaterThan(1.5);
    expect((from + to) / 2).toBeCloseTo(1.5, 2);
    await page.locator('#diagram').press('ArrowRight');
    expect((await range())[0]).toBeGreaterThan(from);
    await pointAt(page, '#diagram');
    const before = await textOf(page, '#status');
    await page.mouse.wheel(0, -300);
    await until(page, `document.getElementById('status').innerText !== ${JSON.stringify(before)}`);
    expect(size(await range())).toBeLessThan(to - from);
    await page.locator('#diagram').press('Home');
    expect(await range()).toEqual(whole);
    await page.locator('#overview').click({ position: { x: 1100, y: 20 } });
    expect(complaints).toEqual([]);
  });

  test('spread by order, what happens at one moment stands apart', async () => {
    const builder = new HistoryBuilder('a b');
    for (let seq = 1; seq <= 8; seq++) builder.broadcast(`a:${seq}`).deliver('b', `a:${seq}`);
    const events = builder.events.map((event) => ({ ...event, atMs: 5 }));
    const { page } = await open({ ...storyOf(builder), history: events, endMs: 1000 });
    const places = (): Promise<number> =>
      page.evaluate(
        "new Set([...document.querySelectorAll('.mark')].map((mark) => mark.getBoundingClientRect().x)).size",
      );
    await page.locator('#go-all').click();
    expect(await places()).toBeLessThan(6);
    await page.locator('#axis').selectOption('order');
    await until(page, "document.querySelectorAll('.tick').length > 5");
    expect(await places()).toBeGreaterThan(15);
  });

  test('a message can be looked for, and its line walked along', async () => {
    const { page } = await open(storyOf(overtaking));
    await page.locator('#find').fill('b:1');
    await page.locator('#find').press('Enter');
    await page.waitForSelector('.mark.self');
    expect(await textOf(page, '#status')).toContain('b: broadcast b:1');
    await page.locator('#diagram').press('n');
    expect(await textOf(page, '#status')).toContain('b: given b:1 at position 2');
    await page.locator('#find').fill('z:9');
    await page.locator('#find').press('Enter');
    expect(await page.evaluate("document.getElementById('find').validationMessage")).toContain('z:9');
  });

  test('with 5,000 events it draws what can be seen, and what the violation is about', async () => {
    const builder = new HistoryBuilder('a b c d e');
    for (let seq = 1; seq <= 830; seq++) {
      builder.broadcast(`a:${seq}`);
      for (const node of ['a', 'b', 'c', 'd', 'e']) builder.deliver(node, `a:${seq}`);
    }
    builder.broadcast('b:1').broadcast('b:2').deliver('c', 'b:2');
    const { page, complaints } = await open(storyOf(builder));
    expect(builder.events.length).toBeGreaterThan(4_980);
    expect(await count(page, '.mark.concerned')).toBe(3);
    await page.locator('#go-all').click();
    await until(page, "/49\\d\\d events in view/.test(document.getElementById('status').textContent)");
    expect(await count(page, '.mark.concerned')).toBe(3);
    expect(await count(page, '.mark')).toBeLessThan(4_000);
    expect(await count(page, '.mark')).toBeGreaterThan(1_000);
    await pointAt(page, '.mark.concerned.deliver');
    expect(await page.locator('#tooltip').innerText()).toContain('c: given b:2');
    await page.locator('#go-violation').click();
    await until(page, "document.querySelectorAll('.mark').length < 100");
    expect(await page.locator('.lack-label').allTextContents()).toEqual(['never given b:1']);
    expect(complaints).toEqual([]);
  });

  test('what others wrote is shown as text and does nothing', async () => {
    const { page, complaints } = await open(hostileStory());
    expect(await textOf(page, '.sentence')).toContain('</script><script>globalThis.pwned=1</script>');
    await pointAt(page, '.mark.concerned.deliver');
    expect(await page.locator('#tooltip').innerText()).toContain('</script>');
    await pointAt(page, '.mark.alarm');
    expect(await page.locator('#tooltip').innerText()).toContain(hostileText.slice(0, 20));
    expect(await page.evaluate("'pwned' in globalThis")).toBe(false);
    expect([await count(page, 'img'), await count(page, 'script')]).toEqual([0, 2]);
    expect(complaints).toEqual([]);
  });

  test('a script that came in nevertheless would not run', async () => {
    const path = join(temporaryDirectory(), 'report.html');
    writeFileSync(
      path,
      htmlReport(storyOf(overtaking)).replace('<main>', '<script>globalThis.pwned = 1</script><main>'),
    );
    const page = await browser.newPage({ offline: true });
    onTestFinished(() => page.close());
    await page.goto(pathToFileURL(path).href);
    expect(await count(page, '.mark')).toBeGreaterThan(0);
    expect(await page.evaluate("'pwned' in globalThis")).toBe(false);
  });

  test.each(['swarm', 'twin-names'])('tells a run of %s', async (scenario) => {
    const { page, complaints } = await open(storyOfScenario(scenario));
    await page.locator('#go-all').click();
    await page.locator('#only-concerned').check();
    await page.locator('#receipts').check();
    expect(await count(page, '.mark')).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });
});
