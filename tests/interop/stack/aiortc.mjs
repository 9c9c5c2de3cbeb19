// Debian's aiortc: WebRTC written in Python, with an ICE and SCTP of its own. Each place is a process of endpoint.py.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { openProcess } from './process.mjs';

const here = fileURLToPath(new URL('./endpoint.py', import.meta.url));

// Debian's packages belong to Debian's Python, which need not be the first in PATH.
const python = process.env.AIORTC_PYTHON ?? '/usr/bin/python3';

function version() {
  const { stdout } = spawnSync(python, ['-c', 'import aiortc; print(aiortc.__version__)'], { encoding: 'utf8' });
  return stdout?.trim();
}

export const title = 'aiortc';
export const lacks = {
  trickle: 'it gathers before it describes',
  hides: 'it does not hide addresses',
  resolves: 'it does not ask for .local names',
  tcp: 'it knows no TCP candidates',
  'relay policy over udp': 'it has no transport policy',
  'relay policy over tcp': 'it has no transport policy',
  'setup:active': {
    we: 'it takes offers with setup:actpass alone',
    they: 'it numbers channels by its ICE role, not by its DTLS role',
  },
  'setup:passive': { we: 'it takes offers with setup:actpass alone' },
  'labels beyond ASCII': { they: 'it tells the length of labels in characters, not in bytes' },
  'obeys our limit': 'it sends messages above our a=max-message-size',
  restart: 'it knows no ICE restart',
  media: 'its negotiation does not end when a section is rejected',
  getStats: 'its statistics tell nothing of data channels',
};
export const missing = () => (version() ? undefined : `${python} has no aiortc; AIORTC_PYTHON names one that has`);

export async function launch() {
  return {
    version: version(),
    open: async (listener) => openProcess([python, here], listener),
    close: async () => {},
  };
}
