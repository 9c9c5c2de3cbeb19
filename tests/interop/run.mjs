// Runs the interoperability tests, in a network namespace of their own where this machine lets us make one.
//
//   node run.mjs              exit status 0: all passed, or there is no browser to test with (a failure where CI is set)
//
// HOLDFAST_BIN is the peer program (build/release/tools/holdfast by default), CHROMIUM_BIN the browser.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import * as chromium from './browser/chromium.mjs';
import { program } from './party/native.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const inCI = ['true', '1'].includes(process.env.CI);

// A namespace as root, one by way of a user namespace, or none.
const NAMESPACES = [
  ['unshare', '--net'],
  ['unshare', '--map-root-user', '--net'],
];

function isolated() {
  const script = `${here}network.sh`;
  const works = (prefix) => spawnSync(prefix[0], [...prefix.slice(1), script, 'true']).status === 0;
  const prefix = process.platform === 'linux' ? NAMESPACES.find(works) : undefined;
  return prefix && [...prefix, script];
}

// Ends without a test, in the words of TAP.
function refuse(status, why) {
  console.log(status ? `Bail out! ${why}` : `1..0 # SKIP ${why}\n# skipped 1`);
  process.exit(status);
}

if (!existsSync(program())) refuse(1, `no peer program at ${program()}; build it or set HOLDFAST_BIN`);
if (!chromium.executable()) refuse(inCI ? 1 : 0, 'no Chromium is installed; set CHROMIUM_BIN if it has an unusual name');

const prefix = isolated();
const network = prefix ? 'a namespace with 10.99.0.1 and fd99::1' : "the machine's own; no namespace could be made";
console.log(`# network: ${network}`);

const command = [...(prefix ?? []), process.execPath, '--test-reporter=tap', `${here}interop.test.mjs`];
const { status, error } = spawnSync(command[0], command.slice(1), { stdio: 'inherit' });
if (error) refuse(1, error.message);
process.exit(status ?? 1);
