// @roamhq/wrtc: libwebrtc for Node.js, of an older release than the browser's.

import { missingPackage, openPackage, versionOf } from './npm.mjs';

const NAME = '@roamhq/wrtc';

// Seen in 6 of 14 exchanges over 50 connections, in none of 14 with Chromium.
const UNORDERED = 'what comes before a channel has reached JavaScript it may hand over behind what came later';

export const title = 'wrtc';
export const lacks = {
  hides: 'it does not hide addresses',
  resolves: 'it does not ask for .local names',
  '10,000 messages': { we: UNORDERED },
  '50 connections': { we: UNORDERED },
  '8 MiB': 'it never sends more than 262,144 bytes',
  'obeys our limit': 'it sends messages above our a=max-message-size',
};
export const missing = () => missingPackage(NAME);

export async function launch() {
  return {
    version: versionOf(NAME),
    open: async (listener) => openPackage(NAME, {}, listener),
    close: async () => {},
  };
}
