// A party: one end of a connection, a native peer or another stack's, as a log of what it told and a way to wait for more of it.
// Both kinds tell the same events, { type: 'state' | 'open' | 'message' | 'closed', … }, in the words of `holdfast peer`.

export const PATIENCE_MS = 30_000; // the machine may be busy
const LOGGED_MAX = 2000;

export class Party {
  #news = []; // events that no one has taken yet
  #waiters = [];
  #lost; // why nothing more will come
  #onSignal = () => {};
  #signalsHeld = []; // until there is somebody to carry them to

  name;
  log = [];
  signals = []; // all that it wanted carried

  constructor(name) {
    this.name = name;
  }

  note(direction, what) {
    const ms = performance.now().toFixed(0).padStart(6); // one clock for all parties: their logs can be laid side by side
    const text = (typeof what === 'string' ? what : JSON.stringify(what)).replaceAll('\\r\\n', ' / ');
    const shown = text.length > LOGGED_MAX ? `${text.slice(0, LOGGED_MAX)}… (${text.length} characters)` : text;
    this.log.push(`${ms} ms ${direction} ${shown}`);
  }

  // Something that the party told us.
  hear(event) {
    this.note('>', event);
    const waiter = this.#waiters.find(({ matches }) => matches(event));
    if (waiter) waiter.settle(() => waiter.resolve(event));
    else this.#news.push(event);
  }

  // A signal that the party wants carried to the other one. Signals before `wire` wait for it.
  hearSignal(signal) {
    this.note('> signal', signal);
    this.signals.push(signal);
    if (this.#signalsHeld) this.#signalsHeld.push(signal);
    else this.#onSignal(signal);
  }

  carrySignals(deliver) {
    this.#onSignal = deliver;
    this.#signalsHeld.forEach(deliver);
    this.#signalsHeld = undefined;
  }

  // No more will be heard: whoever waits is told why.
  lose(why) {
    this.note('!', why);
    this.#lost = why;
    for (const waiter of [...this.#waiters]) waiter.settle(() => waiter.reject(this.#disappointment(waiter.what, why)));
  }

  #disappointment(what, why) {
    return new Error(`waited for ${this.name} to tell: ${what}; ${why}`);
  }

  // Takes the oldest event, told or yet to come, that matches. `what` names it for the reader of a failure.
  take(what, matches, patience = PATIENCE_MS) {
    const index = this.#news.findIndex(matches);
    if (index >= 0) return Promise.resolve(this.#news.splice(index, 1)[0]);
    if (this.#lost) return Promise.reject(this.#disappointment(what, this.#lost));
    return new Promise((resolve, reject) => {
      const waiter = { what, matches, resolve, reject };
      const timer = setTimeout(() => {
        waiter.settle(() => reject(this.#disappointment(what, `nothing came in ${patience} ms`)));
      }, patience);
      waiter.settle = (conclude) => {
        clearTimeout(timer);
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        conclude();
      };
      this.#waiters.push(waiter);
    });
  }

  connection(state, patience) {
    return this.take(`connection ${state}`, (event) => event.type === 'state' && event.connection === state, patience);
  }

  opened(channel) {
    return this.take(`${channel} opened`, (event) => event.type === 'open' && event.channel === channel);
  }

  closed(channel) {
    return this.take(`${channel} closed`, (event) => event.type === 'closed' && event.channel === channel);
  }

  // Has it told such an event that no one has taken?
  told(matches) {
    return this.#news.some(matches);
  }

  message(channel) {
    return this.take(`a message on ${channel}`, (event) => event.type === 'message' && event.channel === channel);
  }
}

// Lets two parties signal to each other. `toA` and `toB` are what the network between them does to a signal: they yield
// what arrives, undefined for nothing, or a promise of either.
export function wire(a, b, { toA = (signal) => signal, toB = (signal) => signal } = {}) {
  const carry = (there, change) => {
    let last = Promise.resolve(); // in the order in which they were sent
    return (signal) => {
      last = last.then(() => change(signal)).then((changed) => changed && there.signal(changed));
    };
  };
  a.carrySignals(carry(b, toB));
  b.carrySignals(carry(a, toA));
}
