// werift: WebRTC written in TypeScript, with an ICE, DTLS and SCTP of its own.

import { missingPackage, openPackage, versionOf } from './npm.mjs';
import { serveStun } from './stun.mjs';

export const title = 'werift';
export const lacks = {
  media: 'its negotiation hangs when a section is rejected',
  resolves: 'it does not ask for .local names',
  hides: 'it does not hide addresses',
  'obeys setup': 'it answers active to an offer that is active',
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
