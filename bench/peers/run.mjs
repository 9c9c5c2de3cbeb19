// Measures Holdfast and other stacks in turn, round after round, and prints medians with their ratio to Holdfast's.
//
//   node run.mjs [--quick] [--json] [--repeat N] [--only NAME]
//
// HOLDFAST_BENCH is the benchmark program (build/release/bench/bench by default), CHROMIUM_BIN the browser. It runs in a
// network namespace of its own where this machine lets us make one.

import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { executable } from './browser.mjs';
import { parties } from './parties.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    repeat: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
});

const ROWS = {
  setup50: ['setup, median', 'ms'],
  setup95: ['setup, 95 %', 'ms'],
  setupCpu: ['processor for a pair', 'ms'],
  rate64: ['64 KiB messages', 'MB/s'],
  rateCpu64: ['the same, processor, both ends', 's/GB'],
  rate1: ['1 KiB messages', 'MB/s'],
  rateCpu1: ['the same, processor, both ends', 's/GB'],
  ping50: ['64 B there and back, median', 'us'],
  ping99: ['64 B there and back, 99 %', 'us'],
  beside50: ['the same beside bulk, median', 'ms'],
  beside99: ['the same beside bulk, 99 %', 'ms'],
  bulk: ['bulk meanwhile', 'MB/s'],
  idle: ['memory of an idle peer', 'KiB'],
};

// Browsers offer no candidates on loopback alone: see network.sh.
function enterNamespace() {
  const script = here('../../tests/interop/network.sh');
  for (const prefix of [['unshare', '--net'], ['unshare', '--map-root-user', '--net']]) {
    const command = [...prefix, script];
    if (spawnSync(command[0], [...command.slice(1), 'true']).status !== 0) continue;
    const again = [...command.slice(1), process.execPath, ...process.argv.slice(1)];
    const env = { ...process.env, HOLDFAST_BENCH_NAMESPACE: '1' };
    process.exit(spawnSync(command[0], again, { stdio: 'inherit', env }).status ?? 1);
  }
  console.error("no network namespace can be made; the machine's own network is used");
}

function median(values) {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

// Three digits that count.
function number(value) {
  if (value === undefined) return '-';
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

function printTable(stacks, results) {
  const table = [['', '', ...stacks.map(({ name }) => name)]];
  for (const [row, [title, unit]] of Object.entries(ROWS)) {
    const base = results.get(stacks[0])[row];
    const cells = stacks.map((stack, i) => {
      const value = results.get(stack)[row];
      return i === 0 || value === undefined ? number(value) : `${number(value)} (${number(value / base)} x)`;
    });
    table.push([title, unit, ...cells]);
  }
  const widths = table[0].map((_, i) => Math.max(...table.map((line) => line[i].length)));
  for (const line of table) console.log(line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
}

if (!process.env.HOLDFAST_BENCH_NAMESPACE) enterNamespace();

const program = process.env.HOLDFAST_BENCH ?? here('../../build/release/bench/bench');
const stacks = parties(executable()).filter(({ name }, i) => i === 0 || name.includes(options.only ?? ''));
const runs = new Map(stacks.map((stack) => [stack, []]));
let failed = false;
for (let round = 0; round < Number(options.repeat); round++) {
  for (const stack of stacks) {
    try {
      runs.get(stack).push(await stack.measure(program, options.quick));
    } catch (error) {
      failed = true;
      console.error(`failed: ${stack.name}: ${error.message}`);
    }
  }
}

const results = new Map(
  stacks.map((stack) => [
    stack,
    Object.fromEntries(Object.keys(ROWS).map((row) => [row, median(runs.get(stack).map((run) => run[row]))])),
  ]),
);
if (options.json) {
  console.log(JSON.stringify(stacks.map((stack) => ({ name: stack.name, figures: results.get(stack) })), null, 2));
} else {
  console.log(`${cpus().length} x ${cpus()[0].model}, medians of ${options.repeat} rounds; in brackets: compared with Holdfast`);
  printTable(stacks, results);
}
process.exit(failed ? 1 : 0);
