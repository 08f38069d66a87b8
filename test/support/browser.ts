/** A browser for tests of pages, where the machine has one. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** Where the browser is; undefined when there is none on the PATH. */
export const browserPath: string | undefined = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((directory) => names.map((name) => join(directory, name)))
  .find(isExecutable);

/** Without a window. Rejects when there is none. */
export async function launchBrowser(): Promise<Browser> {
  if (browserPath === undefined) throw new Error(`none of ${names.join(', ')} is on the PATH`);
  // Tests often run as root in a container, where the sandbox of the browser cannot be set up.
  return await chromium.launch({ executablePath: browserPath, headless: true, args: ['--no-sandbox'] });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
