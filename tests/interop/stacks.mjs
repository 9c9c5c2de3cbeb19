// The stacks that we are tried with. Each module has
//   title       its name
//   lacks       features that it does not have, and why, by name: scenarios that need one are left out
//   missing()   why it can't be used on this machine; undefined: it can
//   launch()    makes it ready: { version, open, close }; `open` yields a place for connections:
//               { call(connection, method, given), kill(), close() }

import * as aiortc from './stack/aiortc.mjs';
import * as chromium from './stack/chromium.mjs';
import * as firefox from './stack/firefox.mjs';
import * as werift from './stack/werift.mjs';
import * as wrtc from './stack/wrtc.mjs';

export const STACKS = [chromium, firefox, wrtc, werift, aiortc];
