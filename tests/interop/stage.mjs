// The stage of one scenario: it makes the parties, tells them apart, and sees that all of them end with it.

import { Many } from './party/many.mjs';
import { Native } from './party/native.mjs';
import { wire } from './party/party.mjs';
import { Place } from './party/remote.mjs';
import { Relay } from './relay.mjs';

export class Stage {
  #stack; // the remote one
  #instance; // of it, shared with other stages
  #ownInstances = [];
  #parties = [];
  #places = [];
  #processes = [];

  said = [];
  offerer; // 'we' or 'they'

  constructor(stack, instance, offerer) {
    this.#stack = stack;
    this.#instance = instance;
    this.offerer = offerer;
  }

  say(text) {
    this.said.push(text);
  }

  adopt(party) {
    this.#parties.push(party);
    return party;
  }

  // Our end: `holdfast peer` with these options.
  native(...options) {
    return this.adopt(new Native(...options));
  }

  // A relay of this scenario's own.
  async relay() {
    const relay = await Relay.start();
    this.#processes.push(relay);
    return relay;
  }

  // As many of our peers, in one process, as remotes in one place, wired in pairs and started. Each pair sends `messages`
  // numbers each way. Yields pairs { ours, theirs }, and the process.
  async connectMany(count, messages) {
    const many = new Many(count, this.offerer === 'we' ? 'offer' : 'answer', messages);
    this.#processes.push(many);
    const place = await this.place();
    const channels = this.offerer === 'they' ? [{ label: 'chat' }] : [];
    const pairs = many.parties.map((party, i) => ({
      ours: this.adopt(party),
      theirs: this.adopt(place.remote(`remote ${i}`)),
    }));
    await Promise.all(
      pairs.map(async ({ ours, theirs }) => {
        await theirs.call('start', { offer: this.offerer === 'they', channels });
        theirs.call('expect', 'chat', messages);
        wire(ours, theirs);
      }),
    );
    return { pairs, many };
  }

  // A page, or a process, of the other stack.
  //   own    in a browser that nobody else uses, so that it may be killed
  //   shown  in one that does not hide its addresses
  async place({ own = false, shown = false } = {}) {
    let instance = this.#instance;
    if (own || shown) {
      instance = await this.#stack.launch({ shown });
      this.#ownInstances.push(instance);
    }
    const place = await Place.open(instance);
    this.#places.push(place);
    return place;
  }

  // One connection of the other stack, in a place of its own.
  async remote(name = 'the remote', options = {}) {
    const place = await this.place(options);
    return this.adopt(place.remote(name));
  }

  // Connects both ends, and waits until both say so.
  //   options  ours, besides --offer or --answer
  //   start    theirs: see `start` in endpoint.js
  //   signals  what becomes of them on their way: { toOurs, toTheirs }, see `wire`
  //   theirs   the remote, where it is there already
  //   prepare  called with our end before it hears of the other
  async connect({ options = [], start = {}, signals = {}, theirs, prepare = () => {} } = {}) {
    const ours = this.native(this.offerer === 'we' ? '--offer' : '--answer', ...options);
    prepare(ours);
    const remote = theirs ?? (await this.remote());
    await remote.call('start', { offer: this.offerer === 'they', ...start });
    wire(ours, remote, { toA: signals.toOurs, toB: signals.toTheirs });
    await Promise.all([ours.connection('connected'), remote.connection('connected')]);
    return { ours, theirs: remote };
  }

  // The same with one reliable channel, by whoever offers, open at both ends.
  async connectWithChannel(label, { options = [], start = {}, ...rest } = {}) {
    const channels = this.offerer === 'they' ? [{ label }] : [];
    const both = await this.connect({
      ...rest,
      options: ['--raw', '--channels', label, ...options],
      start: { channels, ...start },
    });
    const [here, there] = await Promise.all([both.ours.opened(label), both.theirs.opened(label)]);
    return { ...both, here, there };
  }

  logs() {
    return this.#parties.flatMap(({ name, log }) => [`log of ${name}:`, ...log]);
  }

  async clear() {
    await Promise.allSettled(this.#places.map((place) => place.close()));
    await Promise.allSettled(this.#ownInstances.map((instance) => instance.close()));
    const ours = [...this.#parties, ...this.#processes];
    await Promise.allSettled(ours.map((party) => party.dispose?.()));
  }
}
