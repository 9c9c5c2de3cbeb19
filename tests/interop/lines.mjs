// A process that is spoken to in lines of text.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

// Starts the command. onLine(text) gets each line that it writes, onTrouble(text) what goes to stderr, and
// onEnd(status, signal, why) is called once, when nothing more will come.
export function startLines([program, ...options], { onLine, onTrouble, onEnd }) {
  const child = spawn(program, options, { stdio: 'pipe' });
  createInterface({ input: child.stdout }).on('line', onLine);
  createInterface({ input: child.stderr }).on('line', onTrouble);
  child.stdin.on('error', (error) => onTrouble(`its input: ${error.message}`));
  child.on('error', (error) => onTrouble(`could not be started: ${error.message}`));
  const gone = new Promise((resolve) => {
    child.on('close', (status, signal) => {
      onEnd(status, signal, `it ended with ${signal ?? `status ${status}`}`);
      resolve();
    });
  });
  return {
    write: (text) => child.stdin.writable && child.stdin.write(`${text}\n`),
    endInput: () => child.stdin.end(),

    // Ends it without a farewell to anybody, where it is still there.
    kill() {
      child.kill('SIGKILL');
      return gone;
    },
  };
}
