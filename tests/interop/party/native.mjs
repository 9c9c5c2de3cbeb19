// The native party: a `holdfast peer` process, spoken to in lines of JSON.

import { fileURLToPath } from 'node:url';

import { startLines } from '../lines.mjs';
import { Party } from './party.mjs';

const SIGNALS = new Set(['offer', 'answer', 'candidate']);

export function program() {
  return process.env.HOLDFAST_BIN ?? fileURLToPath(new URL('../../../build/release/tools/holdfast', import.meta.url));
}

export class Native extends Party {
  #process;

  constructor(...options) {
    super('the native peer');
    this.note('$', `holdfast peer ${options.join(' ')}`);
    this.#process = startLines([program(), 'peer', ...options], {
      onLine: (line) => this.#hearLine(line),
      onTrouble: (line) => this.note('stderr', line),
      onEnd: (status, signal, why) => {
        this.hear({ type: 'exit', status, signal });
        this.lose(why);
      },
    });
  }

  #hearLine(line) {
    let told;
    try {
      told = JSON.parse(line);
    } catch {
      this.lose(`it wrote a line that is not JSON: ${line.slice(0, 200)}`);
      return;
    }
    if (SIGNALS.has(told.type) || told.to === 'peer') this.hearSignal(told);
    else this.hear(told);
  }

  // Writes a line that need not be JSON.
  line(text) {
    this.note('<', text);
    this.#process.write(text);
  }

  signal(signal) {
    this.line(JSON.stringify(signal));
  }

  command(type, fields = {}) {
    this.line(JSON.stringify({ type, ...fields }));
  }

  async stats() {
    this.command('stats');
    return this.take('statistics', (event) => event.type === 'stats');
  }

  error(code) {
    return this.take(`the error ${code}`, (event) => event.type === 'error' && event.code === code);
  }

  endInput() {
    this.note('<', 'end of input');
    this.#process.endInput();
  }

  // Ends the process without a farewell to anybody.
  kill() {
    return this.#process.kill();
  }

  // Waits for the end of the process. Yields its status, and the signal that killed it or null.
  async exit(patience) {
    const { status, signal } = await this.take('its end', (event) => event.type === 'exit', patience);
    return { status, signal };
  }

  dispose() {
    return this.kill();
  }
}
