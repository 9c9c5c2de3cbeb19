// What a process and all its descendants have taken, from /proc.

import { readdirSync, readFileSync } from 'node:fs';

const TICKS = 100; // a second, on every Linux

function read(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended
  }
}

function family(root) {
  const parents = new Map();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const fields = read(`/proc/${name}/stat`).replace(/^.*\) /s, '').split(' ');
    parents.set(Number(name), Number(fields[1]));
  }
  const members = [root];
  for (const member of members) members.push(...[...parents].filter(([, parent]) => parent === member).map(([pid]) => pid));
  return members;
}

// Seconds of processor time.
export function cpu(root) {
  return family(root).reduce((sum, pid) => {
    const fields = read(`/proc/${pid}/stat`).replace(/^.*\) /s, '').split(' ');
    return sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
  }, 0);
}

// KiB of memory, what is shared divided among those who share it.
export function memory(root) {
  return family(root).reduce((sum, pid) => {
    const found = /^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`));
    return sum + Number(found?.[1] ?? 0);
  }, 0);
}
