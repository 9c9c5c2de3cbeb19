// What is measured, in terms of the W3C's API alone: the same file runs in a page and in Node.js. bench/peer.c does the same
// with Holdfast. Both peers are always here, in one process; nothing is given but the label.

const BUFFER = 1 << 20; // bytes that a sender keeps queued
const BUFFER_LOW = BUFFER / 4;
const BULK = 65536;

function pair(Connection, labels) {
  const [a, b] = [new Connection(), new Connection()];
  for (const [from, to] of [[a, b], [b, a]]) {
    from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate).catch(() => {});
  }
  const remote = new Map();
  const opened = labels.map((label) => {
    const channel = a.createDataChannel(label);
    channel.binaryType = 'arraybuffer';
    const here = new Promise((resolve) => (channel.onopen = resolve));
    const there = new Promise((resolve) => remote.set(label, resolve));
    return Promise.all([here, there]).then(([, other]) => [channel, other]);
  });
  b.ondatachannel = ({ channel }) => {
    channel.binaryType = 'arraybuffer';
    if (channel.readyState === 'open') remote.get(channel.label)(channel);
    else channel.onopen = () => remote.get(channel.label)(channel);
  };
  const agreed = (async () => {
    await a.setLocalDescription(await a.createOffer());
    await b.setRemoteDescription(a.localDescription);
    await b.setLocalDescription(await b.createAnswer());
    await a.setRemoteDescription(b.localDescription);
  })();
  const close = () => [a, b].forEach((end) => end.close());
  return Promise.all([agreed, ...opened]).then(([, ...channels]) => ({ channels, close }));
}

// Keeps the channel's buffer filled for as long as `more` says so. wrtc tells of a low buffer while bufferedAmount still has
// its old value, and then never again: hence the timer.
function fill(channel, message, more) {
  channel.bufferedAmountLowThreshold = BUFFER_LOW;
  let going = true;
  const send = () => {
    while (channel.readyState === 'open' && channel.bufferedAmount < BUFFER && (going = more())) channel.send(message);
    if (!going) clearInterval(timer);
  };
  const timer = setInterval(send, 2);
  channel.onbufferedamountlow = send;
  send();
}

// Round trips in ms, one after the other, until there are so many or so much time is up.
function roundTrips([here, there], count, limitMs) {
  const ping = new Uint8Array(64);
  const times = [];
  there.onmessage = () => there.send(ping);
  return new Promise((resolve) => {
    const end = performance.now() + limitMs;
    let sent = performance.now();
    here.onmessage = () => {
      const now = performance.now();
      times.push(now - sent);
      if (times.length >= count || now > end) return resolve(times);
      sent = now;
      here.send(ping);
    };
    here.send(ping);
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function tasks(Connection) {
  let kept = [];
  return {
    // From two new peers to a channel that is open at both ends, one after the other: ms each.
    async setup(count) {
      const times = [];
      for (let i = 0; i < count; i++) {
        const start = performance.now();
        const { close } = await pair(Connection, ['bench']);
        times.push(performance.now() - start);
        close();
      }
      return times;
    },

    // Connects pairs that are kept until `clear`.
    async keep(count) {
      for (let i = 0; i < count; i++) kept.push(await pair(Connection, ['bench', 'bulk']));
    },

    // Messages of `size` bytes over the first pair that is kept: seconds until all of them are there.
    flood(size, volume) {
      const [here, there] = kept[0].channels[0];
      const message = new Uint8Array(size);
      let sent = 0;
      let received = 0;
      return new Promise((resolve) => {
        const start = performance.now();
        there.onmessage = ({ data }) => {
          received += data.byteLength;
          if (received >= volume) resolve((performance.now() - start) / 1000);
        };
        fill(here, message, () => sent < volume && (sent += size) > 0);
      });
    },

    ping: (count, limitMs) => roundTrips(kept[0].channels[0], count, limitMs),

    // The same beside a channel whose buffer is never empty, and what that carried meanwhile, in bytes a second.
    async pingBesideBulk(count, limitMs) {
      const [here, there] = kept[0].channels[1];
      let going = true;
      let bytes = 0;
      there.onmessage = ({ data }) => (bytes += data.byteLength);
      fill(here, new Uint8Array(BULK), () => going);
      await sleep(500); // until it is in full swing
      bytes = 0;
      const start = performance.now();
      const times = await roundTrips(kept[0].channels[0], count, limitMs);
      going = false;
      return { times, rate: (bytes * 1000) / (performance.now() - start) };
    },

    clear() {
      kept.forEach(({ close }) => close());
      kept = [];
    },
  };
}
