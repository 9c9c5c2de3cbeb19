// Stacks that are npm packages. Each place is a process of host.mjs.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { openProcess } from './process.mjs';

const here = fileURLToPath(new URL('./host.mjs', import.meta.url));
const require = createRequire(import.meta.url);

// Why the package can't be used; undefined: it can.
export function missingPackage(name) {
  try {
    require.resolve(name);
    return undefined;
  } catch (error) {
    return `the npm package ${name} is not installed: ${error.code}`;
  }
}

export function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}

// A place whose connections get this RTCConfiguration.
export function openPackage(name, configuration, listener) {
  return openProcess([process.execPath, here, name, JSON.stringify(configuration)], listener);
}
