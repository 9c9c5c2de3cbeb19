// host.mjs PACKAGE CONFIGURATION: a process that runs endpoint.js on the RTCPeerConnection of an npm package, and speaks
// as process.mjs says.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { runInThisContext } from 'node:vm';

const [name, configuration] = process.argv.slice(2);
const loaded = await import(name);
const write = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

globalThis.RTCPeerConnection = (loaded.default ?? loaded).RTCPeerConnection;
globalThis.configuration = JSON.parse(configuration);
globalThis.report = (event) => write({ report: event });
process.on('uncaughtException', (error) => process.stderr.write(`${error.stack}\n`));
runInThisContext(readFileSync(new URL('./endpoint.js', import.meta.url), 'utf8'));

const input = createInterface({ input: process.stdin });
input.on('close', () => process.exit());
input.on('line', async (line) => {
  const { id, connection, method, given } = JSON.parse(line);
  try {
    write({ id, value: await globalThis.call(connection, method, given) });
  } catch (error) {
    write({ id, error: `${error.name}: ${error.message}` });
  }
});
