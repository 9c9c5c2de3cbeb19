// The scenarios, chapter by chapter. A scenario has
//   name      what is true when it passes
//   play      the play: throws where it is not true. Gets a Stage
//   needs     features that not every stack has: see `lacks` in stacks.mjs. It is played with each of the others twice, the
//             first offer coming from either side
//   relay     true: it needs one, see relay.mjs
//   slow      true: it waits for half a minute, and does nothing meanwhile
//   bound     milliseconds that it may take, where 150 seconds are not enough

import { connecting } from './scenarios/connecting.mjs';
import { channels } from './scenarios/channels.mjs';
import { ending } from './scenarios/ending.mjs';
import { messages } from './scenarios/messages.mjs';
import { relaying } from './scenarios/relaying.mjs';
import { renegotiating } from './scenarios/renegotiating.mjs';

export const CHAPTERS = [connecting, channels, messages, renegotiating, ending, relaying];
