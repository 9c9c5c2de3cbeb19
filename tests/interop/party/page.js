// Runs inside the page: one RTCPeerConnection, told what to do by page.mjs. What happens is told by `report`, which the
// driver provides. Plain W3C calls alone, so that what connects here connects anywhere.

(() => {
  let connection;
  let trickle;
  let echoing;
  let signals = Promise.resolve(); // one after the other, as they came
  const candidatesHeld = []; // for the description that they belong to
  const channels = new Map();
  const takers = new Map(); // by label: who takes the next messages, instead of having them told
  const expected = new Map(); // by label: the messages, when they have come
  const PATIENCE_MS = 15_000;
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

  // Takes the next `count` messages of a channel, or as many as come in time.
  async function receive(label, count) {
    const messages = [];
    await new Promise((resolve) => {
      setTimeout(resolve, PATIENCE_MS);
      takers.set(label, (data) => messages.push(data) === count && resolve());
    });
    takers.delete(label);
    return messages;
  }

  function difference(sent, came) {
    if (came === undefined) return `nothing came back in ${PATIENCE_MS} ms`;
    if (!(came instanceof ArrayBuffer)) return `text came back: ${came}`;
    const bytes = new Uint8Array(came);
    if (bytes.length !== sent.length) return `${sent.length} bytes went, ${bytes.length} came back`;
    const at = bytes.findIndex((byte, i) => byte !== sent[i]);
    return at < 0 ? null : `byte ${at} of ${sent.length} came back as ${bytes[at]} instead of ${sent[at]}`;
  }

  function onMessage(channel, data) {
    const taker = takers.get(channel.label);
    if (taker) {
      taker(data);
    } else if (echoing) {
      channel.send(data);
    } else if (typeof data === 'string') {
      report({ type: 'message', channel: channel.label, text: data });
    } else {
      report({ type: 'message', channel: channel.label, base64: base64(new Uint8Array(data)) });
    }
  }

  function adopt(channel) {
    channels.set(channel.label, channel);
    channel.binaryType = 'arraybuffer';
    const { label } = channel;
    const tellOpen = () => {
      const { id, ordered, maxRetransmits, maxPacketLifeTime, protocol } = channel;
      report({ type: 'open', channel: label, id, ordered, maxRetransmits, maxPacketLifeTime, protocol });
    };
    channel.onmessage = (event) => onMessage(channel, event.data);
    channel.onclose = () => report({ type: 'closed', channel: label });
    channel.onerror = (event) => report({ type: 'channel-error', channel: label, message: event.error.message });
    if (channel.readyState === 'open') tellOpen();
    else channel.onopen = tellOpen;
  }

  function gathered() {
    return new Promise((resolve, reject) => {
      const look = () => connection.iceGatheringState === 'complete' && resolve();
      connection.addEventListener('icegatheringstatechange', look);
      setTimeout(() => reject(new Error(`candidates were not gathered in ${PATIENCE_MS} ms`)), PATIENCE_MS);
      look();
    });
  }

  async function describe(description) {
    await connection.setLocalDescription(description);
    if (!trickle) await gathered();
    const { type, sdp } = connection.localDescription;
    report({ type: 'signal', signal: { type, sdp } });
  }

  async function take(signal) {
    if (signal.type === 'candidate') {
      const { candidate, sdpMid, usernameFragment } = signal;
      candidatesHeld.push({ candidate, sdpMid, usernameFragment });
    } else {
      await connection.setRemoteDescription({ type: signal.type, sdp: signal.sdp });
      if (signal.type === 'offer') await describe();
    }
    if (!connection.remoteDescription) return;
    for (const candidate of candidatesHeld.splice(0)) await connection.addIceCandidate(candidate);
  }

  globalThis.peer = {
    // offer: make one (with the channels, [{ label, …RTCDataChannelInit }]); trickle: true unless told otherwise;
    // echo: send every message back.
    async start({ offer = false, channels: wanted = [], echo = false, ...options }) {
      trickle = options.trickle ?? true;
      echoing = echo;
      connection = new RTCPeerConnection();
      connection.onconnectionstatechange = () => report({ type: 'state', connection: connection.connectionState });
      connection.ondatachannel = (event) => adopt(event.channel);
      connection.onicecandidate = ({ candidate }) => {
        if (!trickle || !candidate) return;
        const { sdpMid, usernameFragment } = candidate;
        report({ type: 'signal', signal: { type: 'candidate', candidate: candidate.candidate, sdpMid, usernameFragment } });
      };
      for (const { label, ...init } of wanted) adopt(connection.createDataChannel(label, init));
      if (offer) await describe();
    },

    signal(signal) {
      const taken = signals.then(() => take(signal));
      signals = taken.catch(() => {});
      return taken;
    },

    sendText: (label, text) => channels.get(label).send(text),

    async differenceInEcho(label, size) {
      const sent = pattern(size);
      const echo = receive(label, 1);
      channels.get(label).send(sent);
      return difference(sent, (await echo)[0]);
    },

    async sendMany(label, size, count) {
      const channel = channels.get(label);
      const bytes = pattern(size);
      channel.bufferedAmountLowThreshold = BUFFERED_MAX / 2;
      for (let i = 0; i < count; i++) {
        if (channel.bufferedAmount + size > BUFFERED_MAX) {
          await new Promise((resolve) => channel.addEventListener('bufferedamountlow', resolve, { once: true }));
        }
        channel.send(bytes);
      }
    },

    expectMany(label, count) {
      expected.set(label, receive(label, count));
    },

    async receivedMany(label) {
      const messages = await expected.get(label);
      return { bytes: messages.reduce((sum, { byteLength }) => sum + byteLength, 0), messages: messages.length };
    },

    closeChannel: (label) => channels.get(label).close(),

    closeConnection: () => connection.close(),

    async transport() {
      const stats = await connection.getStats();
      const transport = [...stats.values()].find(({ type }) => type === 'transport');
      const pair = stats.get(transport.selectedCandidatePairId);
      const { dtlsRole, tlsVersion, dtlsCipher, iceRole } = transport;
      const endOf = ({ candidateType, address, port }) => `${candidateType} ${address || '(hidden)'}:${port}`;
      return {
        dtlsRole,
        tlsVersion,
        dtlsCipher,
        iceRole,
        local: endOf(stats.get(pair.localCandidateId)),
        remote: endOf(stats.get(pair.remoteCandidateId)),
      };
    },
  };
})();
