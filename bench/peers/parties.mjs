// The stacks: each is started, measured by `figures`, and ended.

import { execFileSync, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { chromium as browsers } from 'playwright-core';

import { FLAGS, servePage } from './browser.mjs';
import { cpu, memory } from './process.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const MB = 1e6;
const MIB = 1 << 20;
const TIME_MS = 300_000; // one that hangs must not hold up the others

export const SIZES = {
  full: { setups: 100, volume64: 64 * MIB, volume1: 32 * MIB, pings: 100000, limit: 3000, idle: 50 },
  quick: { setups: 3, volume64: 2 * MIB, volume1: MIB / 2, pings: 100000, limit: 300, idle: 3 },
};

function quantile(values, fraction) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))];
}

function within(ms, task) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('it takes too long')), ms)));
  return Promise.race([task, late]).finally(() => clearTimeout(timer));
}

// All the figures of a stack that speaks the W3C's API. `call(method, ...given)` runs a method of tasks.js over there.
async function figures(call, pid, size) {
  const measured = {};
  const spent = async (task) => {
    const before = cpu(pid);
    const value = await task();
    return [value, cpu(pid) - before];
  };

  await call('setup', 1); // what is loaded on first use
  const [setups, setupCpu] = await spent(() => call('setup', size.setups));
  measured.setup50 = quantile(setups, 0.5);
  measured.setup95 = quantile(setups, 0.95);
  measured.setupCpu = (setupCpu * 1000) / size.setups;

  await call('keep', 1);
  for (const [name, bytes, volume] of [['64', 65536, size.volume64], ['1', 1024, size.volume1]]) {
    const [seconds, floodCpu] = await spent(() => call('flood', bytes, volume));
    measured[`rate${name}`] = volume / MB / seconds;
    measured[`rateCpu${name}`] = floodCpu / (volume / 1e9);
  }
  const pings = await call('ping', size.pings, size.limit);
  measured.ping50 = quantile(pings, 0.5) * 1000;
  measured.ping99 = quantile(pings, 0.99) * 1000;
  const beside = await call('pingBesideBulk', size.pings, size.limit);
  measured.beside50 = quantile(beside.times, 0.5);
  measured.beside99 = quantile(beside.times, 0.99);
  measured.bulk = beside.rate / MB;
  await call('clear');

  await call('keep', 2); // what all of them share
  const before = memory(pid);
  await call('keep', size.idle);
  measured.idle = (memory(pid) - before) / (2 * size.idle);
  await call('clear');
  return measured;
}

// --- Holdfast: bench/peer.c ------------------------------------------------------------------------------------------

const HOLDFAST = {
  setup50: 'setup with certificates, median',
  setup95: 'setup with certificates, 95 %',
  setupCpu: 'setup with certificates, processor',
  rate64: 'messages, 64 KiB',
  rateCpu64: 'messages, 64 KiB, processor',
  rate1: 'messages, 1 KiB',
  rateCpu1: 'messages, 1 KiB, processor',
  ping50: 'round trip, median',
  ping99: 'round trip, 99 %',
  beside50: 'round trip beside bulk, median',
  beside99: 'round trip beside bulk, 99 %',
  bulk: 'bulk beside round trips',
  idle: 'idle peer, memory',
};

const holdfast = {
  name: 'Holdfast',
  async measure(program, quick) {
    const options = ['--json', '--repeat', '1', ...(quick ? ['--quick'] : [])];
    const rows = ['with certificates', 'round trip', 'messages, ', 'idle'].flatMap((only) =>
      JSON.parse(execFileSync(program, [...options, '--only', only], { encoding: 'utf8', timeout: TIME_MS })),
    );
    const median = (name) => rows.find((row) => row.name === name).median;
    return Object.fromEntries(Object.entries(HOLDFAST).map(([figure, name]) => [figure, median(name)]));
  },
};

// --- libwebrtc in Node.js ----------------------------------------------------------------------------------------------

// Calls into a child process, which answers in any order; `lost` ends them when it does.
function caller(child) {
  const waiting = new Map();
  let asked = 0;
  const lost = new Promise((_, reject) => child.once('exit', (status) => reject(new Error(`it ended with ${status}`))));
  lost.catch(() => {});
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(value);
  });
  return (method, ...given) => {
    const answer = new Promise((resolve, reject) => waiting.set(++asked, { resolve, reject }));
    child.send({ id: asked, method, given });
    return Promise.race([lost, answer]);
  };
}

const wrtc = {
  name: 'wrtc',
  async measure(_program, quick) {
    const child = fork(here('child.mjs'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' });
    try {
      return await within(TIME_MS, figures(caller(child), child.pid, quick ? SIZES.quick : SIZES.full));
    } finally {
      child.kill('SIGKILL');
    }
  },
};

// --- Chromium ------------------------------------------------------------------------------------------------------------

function chromium(executable) {
  const version = execFileSync(executable, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(' ')[1];
  return {
    name: `Chromium ${version.split('.')[0]}`,
    async measure(_program, quick) {
      const page = await servePage('tasks.js');
      const host = await browsers.launchServer({
        executablePath: executable,
        chromiumSandbox: false,
        args: FLAGS,
      });
      try {
        const browser = await browsers.connect(host.wsEndpoint());
        const opened = await (await browser.newContext()).newPage();
        await opened.goto(page.uri);
        await opened.evaluate(async () => {
          const { tasks } = await import('/tasks.js');
          globalThis.party = tasks(RTCPeerConnection);
        });
        const call = (method, ...given) =>
          opened.evaluate(({ method, given }) => globalThis.party[method](...given), { method, given });
        return await within(TIME_MS, figures(call, host.process().pid, quick ? SIZES.quick : SIZES.full));
      } finally {
        await host.close();
        page.close();
      }
    },
  };
}

// Those that are here; Holdfast first, for the others are compared with it.
export function parties(executable) {
  const browser = executable ? [chromium(executable)] : [];
  return [holdfast, ...browser, wrtc];
}
