// The native party: a `holdfast peer` process, spoken to in lines of JSON.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { Party } from './party.mjs';

const SIGNALS = new Set(['offer', 'answer', 'candidate']);

export function program() {
  return process.env.HOLDFAST_BIN ?? fileURLToPath(new URL('../../../build/release/tools/holdfast', import.meta.url));
}

export class Native extends Party {
  #process;
  #gone;

  constructor(...options) {
    super('the native peer');
    this.note('$', `holdfast peer ${options.join(' ')}`);
    this.#process = spawn(program(), ['peer', ...options], { stdio: 'pipe' });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#hearLine(line));
    createInterface({ input: this.#process.stderr }).on('line', (line) => this.note('stderr', line));
    this.#process.stdin.on('error', (error) => this.note('!', `its input: ${error.message}`));
    this.#gone = new Promise((resolve) => {
      this.#process.on('error', (error) => this.lose(`could not be started: ${error.message}`));
      this.#process.on('close', (status, signal) => {
        this.hear({ type: 'exit', status, signal });
        this.lose(`it ended with ${signal ? `signal ${signal}` : `status ${status}`}`);
        resolve();
      });
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

  #write(line) {
    this.note('<', line);
    if (this.#process.stdin.writable) this.#process.stdin.write(`${JSON.stringify(line)}\n`);
  }

  signal(signal) {
    this.#write(signal);
  }

  command(type, fields = {}) {
    this.#write({ type, ...fields });
  }

  endInput() {
    this.note('<', 'end of input');
    this.#process.stdin.end();
  }

  // Waits for the end of the process. Yields its status, and the signal that killed it or null.
  exit() {
    return this.take('its end', (event) => event.type === 'exit');
  }

  // Ends a process that is still there.
  async dispose() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#gone;
  }
}
