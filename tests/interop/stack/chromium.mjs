// Debian's (or any installed) Chromium, driven by playwright-core.

import { chromium } from 'playwright-core';

import { findProgram, servePage } from './web.mjs';

// A browser under test talks to nobody but us.
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const PATIENCE_MS = 90_000; // to open: the machine may be busy

const program = () => findProgram('CHROMIUM_BIN', ['chromium', 'chromium-browser', 'google-chrome']);

export const title = 'Chromium';
export const lacks = {
  '8 MiB': 'it never sends more than 262,144 bytes',
};
export const missing = () => (program() ? undefined : 'no Chromium is installed; CHROMIUM_BIN names one that is elsewhere');

// shown: host addresses are not hidden behind .local names.
export async function launch({ shown = false } = {}) {
  const page = await servePage();
  const server = await chromium.launchServer({
    executablePath: program(),
    headless: true,
    timeout: PATIENCE_MS,
    chromiumSandbox: false, // it needs a kernel that lets it make namespaces, and root
    args: [...FLAGS, ...(shown ? ['--disable-features=WebRtcHideLocalIpsWithMdns'] : [])],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  return {
    version: browser.version(),

    async close() {
      await server.close();
      await page.close();
    },

    // Opens a page. Pages share nothing.
    async open({ report, trouble }) {
      const context = await browser.newContext();
      const opened = await context.newPage();
      opened.on('pageerror', (error) => trouble(String(error)));
      opened.on('console', (message) => trouble(message.text()));
      await opened.exposeBinding('report', (_source, event) => report(event));
      await opened.goto(page.url, { timeout: PATIENCE_MS });
      return {
        call: (...call) => opened.evaluate((given) => globalThis.call(...given), call),
        kill: () => server.kill(),
        close: () => context.close(),
      };
    },
  };
}
