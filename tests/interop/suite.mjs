// Every scenario, with every stack, the offer coming from either side. Run by run.mjs, which sees to the network.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

import { wire } from './party/party.mjs';
import { missingRelay } from './relay.mjs';
import { CHAPTERS } from './scenarios.mjs';
import { OFFERERS, STACKS, lacking } from './stacks.mjs';
import { Stage } from './stage.mjs';
import { table } from './table.mjs';
import { Tap } from './tap.mjs';

const BOUND_MS = 150_000; // for one scenario
const JOBS = 1 + (availableParallelism?.() ?? cpus().length); // at a time: they wait as much as they work
const SLOW_JOBS = 5; // beside those

// What is to be played with this stack: every scenario that it can take part in.
function programme(stack) {
  return CHAPTERS.flatMap(({ scenarios }) => scenarios).flatMap((scenario) =>
    OFFERERS.filter((offerer) => !lacking(stack, scenario, offerer)).map((offerer) => ({
      stack,
      scenario,
      offerer,
      name: `${stack.title}: ${scenario.name} (${offerer} offer)`,
    })),
  );
}

function within(ms, promise) {
  let timer;
  const bound = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${ms} ms`)), ms);
  });
  return Promise.race([promise, bound]).finally(() => clearTimeout(timer));
}

// Two of the same stack: where even they don't find each other, nothing else means anything.
const BASELINE = {
  name: 'two of them connect to each other in this network',
  async play(stage) {
    const [alice, bob] = [await stage.remote('the one'), await stage.remote('the other')];
    await bob.call('start', { echo: true });
    await alice.call('start', { offer: true, channels: [{ label: 'chat' }] });
    wire(alice, bob);
    await Promise.all([alice.opened('chat'), bob.opened('chat')]);
    assert.equal(await alice.call('differenceInEcho', 'chat', 'text', 1000), null);
  },
};

// Plays one scenario. Yields { ok, said, error, logs, ms }.
async function play(instance, { stack, scenario, offerer }) {
  const stage = new Stage(stack, instance, offerer);
  const began = performance.now();
  let error;
  try {
    await within(scenario.bound ?? BOUND_MS, scenario.play(stage));
  } catch (thrown) {
    error = thrown;
  }
  const logs = error ? stage.logs() : [];
  await within(BOUND_MS, stage.clear()).catch((late) => (error ??= late));
  return { ok: !error, said: stage.said, error, logs, ms: performance.now() - began };
}

function print(tap, { name }, { ok, said, error, logs, ms }) {
  if (ok) tap.pass(`${name} ${(ms / 1000).toFixed(1)} s`);
  else tap.fail(name);
  said.forEach((line) => tap.comment(`  ${line}`));
  if (ok) return;
  tap.comment(`  ${error.stack ?? error}`);
  logs.forEach((line) => tap.comment(`  ${line}`));
}

// Runs the jobs, `lanes` at a time.
async function runInLanes(jobs, lanes, run) {
  const waiting = [...jobs];
  const lane = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) await run(job);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

// Those that only wait stand in nobody's way.
async function runAll(jobs, run) {
  const isSlow = ({ scenario }) => scenario.slow ?? false;
  await Promise.all([
    runInLanes(jobs.filter(isSlow), SLOW_JOBS, run),
    runInLanes(jobs.filter((job) => !isSlow(job)), JOBS, run),
  ]);
}

// Makes a stack ready. Yields its instance, undefined where it can't be used: that is told.
async function prepare(tap, stack, inCI) {
  const why = stack.missing();
  if (why) {
    if (inCI) tap.fail(`${stack.title}: ${why}`);
    else tap.skip(stack.title, why);
    return undefined;
  }
  const instance = await stack.launch();
  tap.comment(`${stack.title} ${instance.version}`);
  const job = { stack, scenario: BASELINE, name: `${stack.title}: ${BASELINE.name}` };
  const result = await play(instance, job);
  print(tap, job, result);
  if (result.ok) return instance;
  await instance.close();
  return undefined;
}

// Leaves out what needs a relay where there can be none: that is told.
function withoutRelay(tap, jobs, inCI) {
  const why = jobs.some(({ scenario }) => scenario.relay) && missingRelay();
  if (!why) return jobs;
  if (inCI) tap.fail(`a relay: ${why}`);
  else tap.skip('a relay', why);
  return jobs.filter(({ scenario }) => !scenario.relay);
}

async function main({ only, tableFile, inCI }) {
  const tap = new Tap();
  const instances = new Map();
  const results = []; // { stack, scenario, offerer, ok }
  tap.begin();
  const jobs = withoutRelay(tap, STACKS.flatMap(programme).filter(({ name }) => only.test(name)), inCI);

  for (const stack of STACKS.filter((one) => jobs.some((job) => job.stack === one))) {
    const instance = await prepare(tap, stack, inCI);
    if (instance) instances.set(stack, instance);
  }
  await runAll(
    jobs.filter(({ stack }) => instances.has(stack)),
    async (job) => {
      const result = await play(instances.get(job.stack), job);
      print(tap, job, result);
      results.push({ ...job, ...result });
    },
  );
  await Promise.allSettled([...instances.values()].map((instance) => instance.close()));
  if (tableFile) writeFileSync(tableFile, table(CHAPTERS, instances, results));
  return tap.end();
}

// The first process of a namespace has to ask for what ends others.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

const { only, table: tableFile, ci: inCI } = JSON.parse(process.argv[2]);
process.exit((await main({ only: new RegExp(only), tableFile, inCI })) ? 0 : 1);
