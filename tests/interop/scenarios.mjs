// The scenarios, chapter by chapter. A scenario has
//   name      what is true when it passes
//   play      the play: throws where it is not true. Gets a Stage
//   offerers  who makes the first offer: both in turn, where it does not say
//   needs     features that not every stack has: see `lacks` in stacks.mjs
//   slow      true: it waits long, and is begun early
//   bound     milliseconds that it may take, where 150 seconds are not enough

import { connecting } from './scenarios/connecting.mjs';
import { channels } from './scenarios/channels.mjs';
import { ending } from './scenarios/ending.mjs';
import { messages } from './scenarios/messages.mjs';
import { renegotiating } from './scenarios/renegotiating.mjs';

export const CHAPTERS = [connecting, channels, messages, renegotiating, ending];
