// The browser's party: a page that holds one RTCPeerConnection, told what to do by page.js.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

import { Party } from './party.mjs';

const FILES = {
  '/': { type: 'text/html', file: new URL('./page.html', import.meta.url) },
  '/page.js': { type: 'text/javascript', file: new URL('./page.js', import.meta.url) },
};

// Serves the page on 127.0.0.1. Yields its address and a way to stop.
export async function serve() {
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

export class Page extends Party {
  #page;

  static async open(browser, url, name = 'the page') {
    const party = new Page(name);
    party.#page = await browser.open(
      url,
      (event) => (event.type === 'signal' ? party.hearSignal(event.signal) : party.hear(event)),
      (trouble) => party.note('console', trouble),
    );
    return party;
  }

  #call(method, ...given) {
    this.note('<', { [method]: given });
    return this.#page.evaluate(({ method, given }) => globalThis.peer[method](...given), { method, given });
  }

  // Starts a connection. See `start` in page.js for the options.
  start(options = {}) {
    return this.#call('start', options);
  }

  signal(signal) {
    // A page has no manager: it takes what any RTCPeerConnection takes.
    if (signal.to === 'peer') return;
    this.#call('signal', signal).catch((error) => this.note('!', `signal refused: ${error.message}`));
  }

  sendText(channel, text) {
    return this.#call('sendText', channel, text);
  }

  // Sends `size` made-up bytes and waits for the same bytes to come back. Yields what is different: null, or a sentence.
  differenceInEcho(channel, size) {
    return this.#call('differenceInEcho', channel, size);
  }

  // Sends `count` messages of `size` bytes, keeping its own buffer low; returns when all are handed over.
  sendMany(channel, { size, count }) {
    return this.#call('sendMany', channel, size, count);
  }

  // Gets ready for `count` messages; `receivedMany` waits for them and yields { bytes, messages }: fewer, if time is up.
  expectMany(channel, { count }) {
    return this.#call('expectMany', channel, count);
  }

  receivedMany(channel) {
    return this.#call('receivedMany', channel);
  }

  closeChannel(channel) {
    return this.#call('closeChannel', channel);
  }

  closeConnection() {
    return this.#call('closeConnection');
  }

  // The transport's and the selected pair's statistics, in one object.
  transport() {
    return this.#call('transport');
  }

  async dispose() {
    await this.#page.close();
    this.lose('it was closed');
  }
}
