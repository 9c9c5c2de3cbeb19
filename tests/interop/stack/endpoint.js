// Runs inside a page, or a Node.js process that has an RTCPeerConnection: connections that remote.mjs tells what to do.
// What happens is told by `report`, which the driver provides, as it may a `configuration`. Plain W3C calls alone, so that what connects here connects
// anywhere.

(() => {
  const PATIENCE_MS = 60_000;
  const BUFFERED_MAX = 1024 * 1024; // Chromium closes a channel that has 16 MiB waiting

  function base64(bytes) {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  }

  // Bytes in which a lost, doubled or misplaced part shows: xorshift32, seeded by the length.
  function pattern(size) {
    const bytes = new Uint8Array(size);
    let x = size + 1;
    for (let i = 0; i < size; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      bytes[i] = x;
    }
    return bytes;
  }

  // A text of `size` bytes of UTF-8, whose characters take one to four.
  function text(size) {
    const cycle = ['a', 'ö', '€', '🥊'];
    let made = '';
    for (let i = 0, left = size; left > 0; i++) {
      const character = left < 4 ? 'b' : cycle[i % 4];
      made += character;
      left -= left < 4 ? 1 : (i % 4) + 1;
    }
    return made;
  }

  function difference(sent, came) {
    if (came === undefined) return `nothing came back in ${PATIENCE_MS} ms`;
    if (typeof sent === 'string') {
      if (typeof came !== 'string') return 'text came back as binary';
      return came === sent ? null : `a text of ${sent.length} units came back changed, with ${came.length}`;
    }
    if (typeof came === 'string') return `binary came back as text: ${came.slice(0, 100)}`;
    const bytes = new Uint8Array(came);
    if (bytes.length !== sent.length) return `${sent.length} bytes went, ${bytes.length} came back`;
    const at = bytes.findIndex((byte, i) => byte !== sent[i]);
    return at < 0 ? null : `byte ${at} of ${sent.length} came back as ${bytes[at]} instead of ${sent[at]}`;
  }

  class Connection {
    #name;
    #connection;
    #trickle;
    #echoing;
    #polite;
    #offering = false;
    #ignoring = false; // the offer that lost against ours, and its candidates
    #signals = Promise.resolve(); // one after the other, as they came
    #candidatesHeld = []; // for the description that they belong to
    #channels = new Map();
    #takers = new Map(); // by label: who takes the next messages, instead of having them told
    #expected = new Map(); // by label: the messages, when they have come

    constructor(name) {
      this.#name = name;
    }

    #tell(event) {
      report({ of: this.#name, event });
    }

    // --- Signals ---

    #adopt(channel) {
      const { label } = channel;
      this.#channels.set(label, channel);
      channel.binaryType = 'arraybuffer';
      const tellOpen = () => {
        const { id, ordered, maxRetransmits, maxPacketLifeTime, protocol } = channel;
        this.#tell({ type: 'open', channel: label, id, ordered, maxRetransmits, maxPacketLifeTime, protocol });
      };
      channel.onmessage = (event) => this.#onMessage(channel, event.data);
      channel.onclose = () => this.#tell({ type: 'closed', channel: label });
      channel.onerror = (event) => this.#tell({ type: 'channel-error', channel: label, message: event.error?.message });
      if (channel.readyState === 'open') tellOpen();
      else channel.onopen = tellOpen;
    }

    #gathered() {
      return new Promise((resolve, reject) => {
        const look = () => this.#connection.iceGatheringState === 'complete' && resolve();
        this.#connection.addEventListener('icegatheringstatechange', look);
        setTimeout(() => reject(new Error(`candidates were not gathered in ${PATIENCE_MS} ms`)), PATIENCE_MS);
        look();
      });
    }

    async #describe(make) {
      this.#offering = make === 'createOffer';
      try {
        await this.#connection.setLocalDescription(await this.#connection[make]());
      } finally {
        this.#offering = false;
      }
      if (!this.#trickle) await this.#gathered();
      const { type, sdp } = this.#connection.localDescription;
      this.#tell({ type: 'signal', signal: { type, sdp } });
    }

    // "Perfect negotiation" of the W3C: where both make an offer, the polite one takes its own back.
    async #take(signal) {
      if (signal.type === 'candidate') {
        const { candidate, sdpMid, usernameFragment } = signal;
        this.#candidatesHeld.push({ candidate, sdpMid, usernameFragment });
      } else {
        const { type, sdp } = signal;
        const isOffer = type === 'offer';
        this.#ignoring = isOffer && !this.#polite && (this.#offering || this.#connection.signalingState !== 'stable');
        if (this.#ignoring) return;
        await this.#connection.setRemoteDescription({ type, sdp });
        if (isOffer) await this.#describe('createAnswer');
      }
      if (!this.#connection.remoteDescription) return;
      for (const candidate of this.#candidatesHeld.splice(0)) {
        await this.#connection.addIceCandidate(candidate).catch((error) => {
          if (!this.#ignoring) throw error;
        });
      }
    }

    // offer: make one (with the channels, [{ label, …RTCDataChannelInit }]); trickle, polite: true unless told otherwise;
    // echo: send every message back; configuration: an RTCConfiguration.
    async start({ offer = false, channels = [], echo = false, trickle = true, polite = true, configuration = {} }) {
      this.#trickle = trickle;
      this.#echoing = echo;
      this.#polite = polite;
      const connection = new RTCPeerConnection({ ...globalThis.configuration, ...configuration });
      this.#connection = connection;
      connection.onconnectionstatechange = () => this.#tell({ type: 'state', connection: connection.connectionState });
      connection.ondatachannel = (event) => this.#adopt(event.channel);
      connection.onicecandidate = ({ candidate }) => {
        if (!trickle || !candidate) return;
        const { sdpMid, usernameFragment } = candidate;
        const signal = { type: 'candidate', candidate: candidate.candidate, sdpMid, usernameFragment };
        this.#tell({ type: 'signal', signal });
      };
      for (const { label, ...init } of channels) this.#adopt(connection.createDataChannel(label, init));
      if (offer) await this.offer();
    }

    signal(signal) {
      const taken = this.#signals.then(() => this.#take(signal));
      this.#signals = taken.catch(() => {});
      return taken;
    }

    offer() {
      return this.#describe('createOffer');
    }

    restartIce() {
      this.#connection.restartIce();
      return this.offer();
    }

    addTransceivers(...kinds) {
      for (const kind of kinds) this.#connection.addTransceiver(kind);
      return this.offer();
    }

    openChannel(label, init) {
      this.#adopt(this.#connection.createDataChannel(label, init));
    }

    // What the last description says of each section: "application 9", "audio 0".
    sections() {
      const lines = this.#connection.remoteDescription.sdp.match(/^m=\S+ \d+/gm) ?? [];
      return lines.map((line) => line.slice(2));
    }

    mids() {
      return this.#connection.getTransceivers().map(({ mid, stopped, currentDirection }) => ({ mid, stopped, currentDirection }));
    }

    signalingState() {
      return this.#connection.signalingState;
    }

    // --- Messages ---

    #onMessage(channel, data) {
      const { label } = channel;
      const taker = this.#takers.get(label);
      if (taker) taker(data);
      else if (this.#echoing) channel.send(data);
      else if (typeof data === 'string') this.#tell({ type: 'message', channel: label, text: data });
      else this.#tell({ type: 'message', channel: label, base64: base64(new Uint8Array(data)) });
    }

    // Takes the next `count` messages of a channel, or as many as come in time.
    async #receive(label, count) {
      const messages = [];
      let timer;
      await new Promise((resolve) => {
        timer = setTimeout(resolve, PATIENCE_MS);
        this.#takers.set(label, (data) => messages.push(data) === count && resolve());
      });
      clearTimeout(timer);
      this.#takers.delete(label);
      return messages;
    }

    // Sends under back-pressure; `message` makes number i.
    async #sendAll(label, count, message) {
      const channel = this.#channels.get(label);
      for (let i = 0; i < count; i++) {
        while (channel.bufferedAmount > BUFFERED_MAX) await new Promise((resolve) => setTimeout(resolve, 1));
        channel.send(message(i));
      }
    }

    sendText(label, sent) {
      this.#channels.get(label).send(sent);
    }

    async differenceInEcho(label, kind, size) {
      const sent = kind === 'text' ? text(size) : pattern(size);
      const echo = this.#receive(label, 1);
      this.#channels.get(label).send(sent);
      return difference(sent, (await echo)[0]);
    }

    // The name of the error that sending so much throws; null: none.
    errorOfSending(label, size) {
      try {
        this.#channels.get(label).send(pattern(size));
        return null;
      } catch (error) {
        return error.name;
      }
    }

    sendMany(label, size, count) {
      const bytes = pattern(size);
      return this.#sendAll(label, count, () => bytes);
    }

    // Gets ready for that many messages on a channel, which need not be there yet.
    expect(label, count) {
      this.#expected.set(label, this.#receive(label, count));
    }

    async receivedMany(label) {
      const messages = await this.#expected.get(label);
      return { bytes: messages.reduce((sum, { byteLength }) => sum + byteLength, 0), messages: messages.length };
    }

    // Sends the texts "0", "1", …, and expects as many. Yields how many came, and the first that was not the one due.
    async exchangeNumbers(label, count) {
      await this.#sendAll(label, count, String);
      const came = await this.#expected.get(label);
      return { received: came.length, wrong: came.find((number, i) => number !== String(i)) ?? null };
    }

    // --- The end ---

    closeChannel(label) {
      this.#channels.get(label).close();
    }

    closeConnection() {
      return this.#connection.close();
    }

    // --- What there is to see ---

    maxMessageSize() {
      return this.#connection.sctp.maxMessageSize;
    }

    async transport() {
      const stats = [...(await this.#connection.getStats()).values()];
      const byId = (id) => stats.find((entry) => entry.id === id);
      const transport = stats.find(({ type }) => type === 'transport');
      const pair =
        byId(transport?.selectedCandidatePairId) ??
        stats.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
      const endOf = (end) => end && `${end.candidateType} ${end.address || '(hidden)'}:${end.port}`;
      return {
        dtlsRole: transport?.dtlsRole,
        dtlsCipher: transport?.dtlsCipher,
        local: endOf(byId(pair?.localCandidateId)),
        remote: endOf(byId(pair?.remoteCandidateId)),
        roundTripTime: pair?.currentRoundTripTime,
      };
    }

    // RTCDataChannelStats by label.
    async channelStats() {
      const stats = [...(await this.#connection.getStats()).values()].filter(({ type }) => type === 'data-channel');
      return Object.fromEntries(
        stats.map(({ label, bytesSent, messagesSent, bytesReceived, messagesReceived }) => [
          label,
          { bytesSent, messagesSent, bytesReceived, messagesReceived },
        ]),
      );
    }
  }

  const connections = new Map();

  globalThis.call = (name, method, given) => {
    if (!connections.has(name)) connections.set(name, new Connection(name));
    return connections.get(name)[method](...given);
  };
})();
