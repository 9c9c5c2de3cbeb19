// Debian's (or any installed) Chromium, driven by playwright-core.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

// A browser under test talks to nobody but us.
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// The browser's path; undefined: there is none.
export function executable() {
  if (process.env.CHROMIUM_BIN) return process.env.CHROMIUM_BIN;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

export async function launch() {
  const browser = await chromium.launch({
    executablePath: executable(),
    headless: true,
    chromiumSandbox: false, // it needs a kernel that lets it make namespaces, and root
    args: FLAGS,
  });
  return {
    name: `Chromium ${browser.version()}`,
    close: () => browser.close(),

    // Opens a page at `url` that calls `report(event)` here. Pages share nothing.
    async open(url, report, onTrouble) {
      const context = await browser.newContext();
      const page = await context.newPage();
      page.on('pageerror', (error) => onTrouble(String(error)));
      page.on('console', (message) => onTrouble(message.text()));
      await page.exposeBinding('report', (_source, event) => report(event));
      await page.goto(url);
      return {
        evaluate: (fn, argument) => page.evaluate(fn, argument),
        close: () => context.close(),
      };
    },
  };
}
