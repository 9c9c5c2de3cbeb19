// The remote party: one RTCPeerConnection of another stack, in a page or a process, told what to do by endpoint.js or
// endpoint.py there.

import { Party } from './party.mjs';

// Where connections of one stack live: a page or a process. Its parties share nothing but it.
export class Place {
  #opened;
  #remotes = new Map();

  static async open(instance) {
    const place = new Place();
    place.#opened = await instance.open({
      report: ({ of, event }) => place.#remotes.get(of).receive(event),
      trouble: (text) => place.#remotes.forEach((remote) => remote.note('console', text)),
      lost: (why) => place.#remotes.forEach((remote) => remote.lose(why)),
    });
    return place;
  }

  remote(name) {
    const remote = new Remote(name, (method, given) => this.#opened.call(name, method, given));
    this.#remotes.set(name, remote);
    return remote;
  }

  // Ends it, by force and without a farewell to anybody.
  async kill() {
    await this.#opened.kill();
  }

  async close() {
    await this.#opened.close();
  }
}

export class Remote extends Party {
  #callThere;

  constructor(name, callThere) {
    super(name);
    this.#callThere = callThere;
  }

  receive({ type, ...rest }) {
    if (type === 'signal') this.hearSignal(rest.signal);
    else this.hear({ type, ...rest });
  }

  // Calls a method of the endpoint's Connection.
  call(method, ...given) {
    this.note('<', { [method]: given });
    const result = this.#callThere(method, given);
    result.catch((error) => this.note('!', `${method}: ${error.message}`)); // nobody need wait for it
    return result;
  }

  signal(signal) {
    // It has no manager: it takes what any RTCPeerConnection takes.
    if (signal.to === 'peer') return;
    this.call('signal', signal).catch((error) => this.hear({ type: 'refused', signal: signal.type, message: error.message }));
  }
}
