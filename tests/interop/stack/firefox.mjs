// Debian's (or any installed) Firefox, driven by puppeteer-core over WebDriver BiDi.

import puppeteer from 'puppeteer-core';

import { findProgram, servePage } from './web.mjs';

const PATIENCE_MS = 90_000; // to open, and to answer: the machine may be busy

const program = () => findProgram('FIREFOX_BIN', ['firefox-esr', 'firefox']);

export const title = 'Firefox';
export const lacks = {};
export const missing = () => (program() ? undefined : 'no Firefox is installed; FIREFOX_BIN names one that is elsewhere');

// shown: host addresses are not hidden behind .local names.
export async function launch({ shown = false } = {}) {
  const page = await servePage();
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: program(),
    headless: true,
    extraPrefsFirefox: { 'media.peerconnection.ice.obfuscate_host_addresses': !shown },
    timeout: PATIENCE_MS,
    protocolTimeout: PATIENCE_MS,
  });
  // One tab after the other: Firefox may lose one that opens while another closes.
  let last = Promise.resolve();
  const inTurn = (work) => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  const openTab = async () => {
    const context = await browser.createBrowserContext();
    return { context, opened: await context.newPage() };
  };
  return {
    version: (await browser.version()).replace(/^firefox\//i, ''),

    async close() {
      await browser.close();
      await page.close();
    },

    // Opens a page. Pages share nothing.
    async open({ report, trouble }) {
      const { context, opened } = await inTurn(openTab);
      opened.setDefaultNavigationTimeout(PATIENCE_MS);
      opened.on('pageerror', (error) => trouble(String(error)));
      opened.on('console', (message) => trouble(message.text()));
      await opened.exposeFunction('report', report);
      await opened.goto(page.url);
      return {
        call: (...call) => opened.evaluate((given) => globalThis.call(...given), call),
        kill: () => process.kill(-browser.process().pid, 'SIGKILL'), // its processes at once: the others would say goodbye
        close: () => inTurn(() => context.close()),
      };
    },
  };
}
