// libwebrtc, as @roamhq/wrtc has it, in a process of its own: takes { id, method, given }, answers { id, value } or
// { id, error }.

import wrtc from '@roamhq/wrtc';

import { tasks } from './tasks.js';

const party = tasks(wrtc.RTCPeerConnection);
process.on('message', async ({ id, method, given }) => {
  try {
    process.send({ id, value: await party[method](...given) });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
