// @roamhq/wrtc: libwebrtc for Node.js, of an older release than the browser's.

import { missingPackage, openPackage, versionOf } from './npm.mjs';

const NAME = '@roamhq/wrtc';

export const title = 'wrtc';
export const lacks = {
  hides: 'it does not hide addresses',
  resolves: 'it does not ask for .local names',
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
