// What browsers have in common: a program to be found, and a page to be served.

import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { delimiter, join } from 'node:path';

const FILES = {
  '/': { type: 'text/html', file: new URL('./page.html', import.meta.url) },
  '/endpoint.js': { type: 'text/javascript', file: new URL('./endpoint.js', import.meta.url) },
};

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// The path of a program that has one of these names, or that the environment's variable names; undefined: there is none.
export function findProgram(variable, names) {
  if (process.env[variable]) return process.env[variable];
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

// Serves the page on 127.0.0.1. Yields its address and a way to stop.
export async function servePage() {
  const server = createServer(async (request, response) => {
    const found = FILES[request.url];
    if (!found) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': `${found.type}; charset=utf-8` }).end(await readFile(found.file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
