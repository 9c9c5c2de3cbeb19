// werift: WebRTC written in TypeScript, with an ICE, DTLS and SCTP of its own.

import { missingPackage, openPackage, versionOf } from './npm.mjs';
import { serveStun } from './stun.mjs';

export const title = 'werift';
export const lacks = {
  hides: 'it does not hide addresses',
  resolves: 'it does not ask for .local names',
  tcp: 'it connects over TCP only where it is told to',
  'setup:active': 'it answers active to active',
  'relay policy over tcp': 'over TCP to a relay its checks pass, and its DTLS does not',
  media: 'its negotiation does not end when a section is rejected',
  'unordered with a limit': { they: 'it opens unordered channels that have a limit as ordered ones' },
  'labels beyond ASCII': { they: 'it tells the length of labels in characters, not in bytes' },
  'empty messages': 'it sends empty messages as DATA without a byte',
  '10,000 messages': 'so many at once keep it too busy to answer checks: consent expires',
  '50 connections': { they: 'its DTLS server, busy with so many, begins anew when a ClientHello is repeated' },
  'tells its end': 'it closes without a word: only consent tells',
};
export const missing = () => missingPackage('werift');

// It knows no life without a STUN server: where none is named it takes one of the internet, and waits for it.
export async function launch() {
  const stun = await serveStun();
  const configuration = { iceServers: [{ urls: stun.uri }] };
  return {
    version: versionOf('werift'),
    open: async (listener) => openPackage('werift', configuration, listener),
    close: async () => stun.close(),
  };
}
