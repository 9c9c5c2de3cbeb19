// Runs the interoperability tests, in a network namespace of their own where this machine lets us make one.
//
//   node run.mjs [--only PATTERN] [--table FILE]
//
//   --only PATTERN   scenarios whose full name matches, such as 'Firefox.*closes' or 'they offer'
//   --table FILE     write what passed and failed as a Markdown table
//
// Exit status 0: all passed. A stack that is not installed is skipped, where CI is set it is a failure.
// HOLDFAST_BIN is the peer program (build/release/tools/holdfast by default).

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { program } from './party/native.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

// As root, by way of a user namespace, or not at all; where it can be, with process numbers of its own, too: whatever a
// killed browser leaves behind is gone with the tests.
const OWN_PROCESSES = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const NAMESPACES = [
  ['unshare', '--net', ...OWN_PROCESSES],
  ['unshare', '--map-root-user', '--net', ...OWN_PROCESSES],
  ['unshare', '--net'],
  ['unshare', '--map-root-user', '--net'],
];

function isolated() {
  const script = `${here}network.sh`;
  const works = (prefix) => spawnSync(prefix[0], [...prefix.slice(1), script, 'true']).status === 0;
  const prefix = process.platform === 'linux' ? NAMESPACES.find(works) : undefined;
  return prefix && [...prefix, script];
}

function refuse(why) {
  console.log(`Bail out! ${why}`);
  process.exit(1);
}

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, table: { type: 'string' } },
});
if (!existsSync(program())) refuse(`no peer program at ${program()}; build it or set HOLDFAST_BIN`);

const prefix = isolated();
console.log(`# network: ${prefix ? 'a namespace with 10.99.0.1 and fd99::1' : "the machine's own; no namespace could be made"}`);

const settings = {
  only: values.only,
  table: values.table && resolve(values.table),
  ci: ['true', '1'].includes(process.env.CI),
};
const command = [...(prefix ?? []), process.execPath, `${here}suite.mjs`, JSON.stringify(settings)];
const { status, error } = spawnSync(command[0], command.slice(1), { stdio: 'inherit' });
if (error) refuse(error.message);
process.exit(status ?? 1);
