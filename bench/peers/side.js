// One side of a latency measurement, in terms of the W3C's API alone: the same file runs in a page and in Node.js.
// bench/latency.c does the same with Holdfast, and tells what the lines say.

const ASK_SIZE = 100;
const ASK_EVERY_MS = 20;
const FLOOD = 65536;
const BUFFER = 1 << 20; // bytes that a sender keeps queued
const BUFFER_LOW = BUFFER / 4;

// `clock` is in milliseconds, and the same on both sides; `tell` takes the objects that this side has to say.
export function side(Connection, configuration, clock, tell) {
  const connection = new Connection(configuration);
  const channels = new Map();
  const trips = [];
  let answered = 0;
  let received = 0;
  let offers = false;
  let flooding = false;
  let reporting = false;

  // [number, sent, there] as doubles, and nothing.
  function say(number, sent, there) {
    const bytes = new Uint8Array(ASK_SIZE);
    new Float64Array(bytes.buffer, 0, 3).set([number, sent, there]);
    channels.get('code-sync').send(bytes);
  }

  function report() {
    reporting = false;
    tell({ type: 'trips', trips });
  }

  function onSync({ data }) {
    const bytes = data instanceof ArrayBuffer ? data : Uint8Array.from(data).buffer; // werift has Buffers
    const [number, sent, there] = new Float64Array(bytes, 0, 3);
    if (!offers) {
      say(number, sent, clock());
      return;
    }
    trips[number] = [sent, there, clock()];
    answered += 1;
    if (reporting && answered === trips.length) report();
  }

  function adopt(channel) {
    const { label } = channel;
    const opened = () => {
      channels.set(label, channel);
      if (channels.has('code-sync') && channels.has('files')) tell({ type: 'ready' });
    };
    channel.binaryType = 'arraybuffer';
    channel.onmessage = label === 'files' ? ({ data }) => (received += data.byteLength ?? data.length) : onSync;
    if (channel.readyState === 'open') opened();
    else channel.onopen = opened;
  }
  connection.ondatachannel = ({ channel }) => adopt(channel);

  function gathered() {
    if (connection.iceGatheringState === 'complete') return undefined;
    return new Promise((resolve) => {
      connection.addEventListener('icegatheringstatechange', () => connection.iceGatheringState === 'complete' && resolve());
    });
  }

  async function describe(description) {
    await connection.setLocalDescription(description);
    await gathered();
    const { type, sdp } = connection.localDescription;
    tell({ type, sdp });
  }

  // wrtc tells of a low buffer while bufferedAmount still has its old value, and then never again: hence the timer.
  function flood() {
    const channel = channels.get('files');
    const message = new Uint8Array(FLOOD);
    flooding = true;
    channel.bufferedAmountLowThreshold = BUFFER_LOW;
    const fill = () => {
      while (flooding && channel.readyState === 'open' && channel.bufferedAmount < BUFFER) channel.send(message);
      if (!flooding) clearInterval(timer);
    };
    const timer = setInterval(fill, 2);
    channel.onbufferedamountlow = fill;
    fill();
  }

  function ask(seconds) {
    const end = clock() + seconds * 1000;
    const timer = setInterval(() => {
      if (clock() >= end) {
        clearInterval(timer);
        tell({ type: 'asked' });
        return;
      }
      trips.push([clock()]);
      say(trips.length - 1, trips.at(-1)[0], 0);
    }, ASK_EVERY_MS);
  }

  return {
    async start(first) {
      offers = first;
      if (!offers) return;
      ['code-sync', 'files'].forEach((label) => adopt(connection.createDataChannel(label)));
      await describe(await connection.createOffer());
    },

    async obey(line) {
      if (line.sdp) {
        await connection.setRemoteDescription({ type: line.type, sdp: line.sdp });
        if (line.type === 'offer') await describe(await connection.createAnswer());
      } else if (line.type === 'flood') {
        flood();
      } else if (line.type === 'ask') {
        ask(line.seconds);
      } else if (line.type === 'count') {
        tell({ type: 'count', bytes: received });
      } else if (line.type === 'report') {
        // Whoever has waited too long asks again, and gets what there is.
        const late = reporting;
        flooding = false;
        reporting = true;
        if (late || answered === trips.length) report();
      }
    },
  };
}
