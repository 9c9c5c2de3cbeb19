// @roamhq/wrtc: libwebrtc for Node.js, of an older release than the browser's.

import { missingPackage, openPackage, versionOf } from './npm.mjs';

const NAME = '@roamhq/wrtc';

export const title = 'wrtc';
export const lacks = {
  '8 MiB': 'it never sends more than 262,144 bytes',
  resolves: 'it does not ask for .local names',
  hides: 'it does not hide addresses',
  'obeys our limit': 'it sends messages above a=max-message-size',
};
export const missing = () => missingPackage(NAME);

export async function launch() {
  return {
    version: versionOf(NAME),
    open: async (listener) => openPackage(NAME, {}, listener),
    close: async () => {},
  };
}
