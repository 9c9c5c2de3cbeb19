// One side of a latency measurement with another stack, in a process of its own: side.js tells what the lines say.
//
//   node latency.mjs offer|answer wrtc|werift|chromium

import { createInterface } from 'node:readline';

import { FLAGS, executable, servePage } from './browser.mjs';
import { side } from './side.js';

const [role, stack] = process.argv.slice(2);
const tell = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);

// Of the monotonic clock, which all processes of a machine share.
const clock = () => Number(process.hrtime.bigint() / 1000n) / 1000;

async function startPackage(name) {
  const loaded = await import(name);
  return side((loaded.default ?? loaded).RTCPeerConnection, {}, clock, tell);
}

// Its clock begins anew in each page; where it began is told by the wall clock, once, so that both sides agree on it.
async function startChromium() {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: executable(),
    chromiumSandbox: false,
    args: [...FLAGS, '--disable-background-timer-throttling', '--disable-features=WebRtcHideLocalIpsWithMdns'],
  });
  const page = await browser.newPage();
  await page.exposeFunction('tell', tell);
  await page.goto((await servePage('side.js')).uri);
  await page.evaluate(async () => {
    const { side } = await import('/side.js');
    const clock = () => performance.timeOrigin + performance.now();
    globalThis.party = side(RTCPeerConnection, {}, clock, globalThis.tell);
  });
  return {
    start: (first) => page.evaluate((given) => globalThis.party.start(given), first),
    obey: (line) => page.evaluate((given) => globalThis.party.obey(given), line),
  };
}

function fail(error) {
  console.error(error.stack);
  process.exit(1);
}

const party = stack === 'chromium' ? await startChromium() : await startPackage({ wrtc: '@roamhq/wrtc', werift: 'werift' }[stack]);
const input = createInterface({ input: process.stdin });
input.on('close', () => process.exit());
input.on('line', (line) => party.obey(JSON.parse(line)).catch(fail));
party.start(role === 'offer').catch(fail);
