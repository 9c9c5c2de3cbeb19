// Many native parties in one process: tests/interop/many.c.

import { fileURLToPath } from 'node:url';

import { startLines } from '../lines.mjs';
import { Party } from './party.mjs';

const SIGNALS = new Set(['offer', 'answer', 'candidate']);

export function manyProgram() {
  const built = fileURLToPath(new URL('../../../build/test/tests/interop/interop_many', import.meta.url));
  return process.env.HOLDFAST_MANY ?? built;
}

class One extends Party {
  #write;

  constructor(index, write) {
    super(`native peer ${index}`);
    this.#write = (line) => write({ peer: index, ...line });
  }

  signal(signal) {
    this.note('<', signal);
    this.#write(signal);
  }

  // Waits until all messages of the exchange have come. Yields { messages, inOrder }.
  async counted(patience) {
    const { messages, inOrder } = await this.take('all messages', ({ type }) => type === 'counted', patience);
    return { messages, inOrder };
  }
}

export class Many {
  #process;
  parties;

  // `count` peers that each send `messages` numbers and expect the same. See many.c.
  constructor(count, role, messages) {
    const write = (line) => this.#process.write(JSON.stringify(line));
    this.parties = Array.from({ length: count }, (_, index) => new One(index, write));
    this.#process = startLines([manyProgram(), String(count), role, String(messages)], {
      onLine: (line) => this.#hear(JSON.parse(line)),
      onTrouble: (line) => this.parties.forEach((party) => party.note('stderr', line)),
      onEnd: (_status, _signal, why) => this.parties.forEach((party) => party.lose(why)),
    });
  }

  #hear({ peer, ...told }) {
    if (SIGNALS.has(told.type) || told.to === 'peer') this.parties[peer].hearSignal(told);
    else this.parties[peer].hear(told);
  }

  // Ends the process as its input ends: every remote is told.
  endInput() {
    this.#process.endInput();
  }

  dispose() {
    return this.#process.kill();
  }
}
