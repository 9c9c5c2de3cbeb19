// The stacks that we are tried with. Each module has
//   title       its name
//   lacks       features that it does not have, and why, by name: scenarios that need one are left out. { they: why } where
//               that is so only when they offer, { we: why } when we do
//   missing()   why it can't be used on this machine; undefined: it can
//   launch()    makes it ready: { version, open, close }; `open` yields a place for connections:
//               { call(connection, method, given), kill(), close() }

import * as aiortc from './stack/aiortc.mjs';
import * as chromium from './stack/chromium.mjs';
import * as firefox from './stack/firefox.mjs';
import * as werift from './stack/werift.mjs';
import * as wrtc from './stack/wrtc.mjs';

export const STACKS = [chromium, firefox, wrtc, werift, aiortc];

// Who makes the first offer.
export const OFFERERS = ['we', 'they'];

// Why a stack can't take part in a scenario with this offerer; undefined: it can.
export function lacking(stack, { needs = [] }, offerer) {
  const feature = needs.find((name) => {
    const why = stack.lacks[name];
    return typeof why === 'object' ? offerer in why : why;
  });
  const why = stack.lacks[feature];
  return typeof why === 'object' ? why[offerer] : why;
}
