// Messages: what was sent is what arrives.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

const SIZES = [1, 2, 1023, 1024, 16_384, 65_535, 65_536, 100_000, 262_143, 262_144];
const TEXT = 'zwölf Boxkämpfer 🥊 über den Sylter Deich';
const BULK = { size: 16 * 1024, count: 1024 };
const OURS_MAX = 262_144; // HF_MESSAGE_MAX_DEFAULT
const LONG = 8 * 1024 * 1024; // from somewhere above this on, Firefox loses a message, to another Firefox, too
const SEND_BUFFER = 8_388_608; // HF_CHANNEL_BUFFER_DEFAULT: no message is longer

// What both ends take in one message.
function sizesFor({ theirs }) {
  const theirMax = Number(/^a=max-message-size:(\d+)/m.exec(theirs.signals.find(({ sdp }) => sdp).sdp)?.[1] ?? 65_536);
  return { sizes: SIZES.filter((size) => size <= theirMax), theirMax };
}

function megabytes(ms, { size, count }) {
  return `${((size * count) / 1024 / 1024).toFixed(0)} MiB in ${ms.toFixed(0)} ms`;
}

async function expectEcho(ours, sent) {
  ours.command('send', { channel: 'chat', ...sent });
  const { text, base64 } = await ours.message('chat');
  assert.ok(text === sent.text && base64 === sent.base64, `a message of ${(sent.text ?? sent.base64).length} came back changed`);
}

// Connections between one process of ours and one place of theirs, with numbers going both ways on each.
async function exchange(stage, { connections, messages: count }) {
  const began = performance.now();
  const { pairs } = await stage.connectMany(connections, count);
  await Promise.all(
    pairs.map(async ({ ours, theirs }) => {
      await theirs.opened('chat');
      const [here, there] = await Promise.all([ours.counted(60_000), theirs.call('exchangeNumbers', 'chat', count)]);
      assert.deepEqual(here, { messages: count, inOrder: true });
      assert.deepEqual(there, { received: count, wrong: null });
    }),
  );
  stage.say(`in ${(performance.now() - began).toFixed(0)} ms`);
}

export const messages = {
  title: 'Messages',
  scenarios: [
    {
      name: 'texts and binaries of 1 B to 256 KiB, or to their limit, there and back, exact',
      async play(stage) {
        const both = await stage.connectWithChannel('chat', { options: ['--echo'] });
        const { sizes } = sizesFor(both);
        for (const kind of ['text', 'binary']) {
          for (const size of sizes) assert.equal(await both.theirs.call('differenceInEcho', 'chat', kind, size), null);
        }
        stage.say(`sizes: ${sizes.join(', ')}`);
      },
    },
    {
      name: 'the same from us, and back by an echo there',
      async play(stage) {
        const both = await stage.connectWithChannel('chat', { start: { echo: true } });
        for (const text of [TEXT, '\0']) await expectEcho(both.ours, { text });
        for (const size of sizesFor(both).sizes) await expectEcho(both.ours, { base64: randomBytes(size).toString('base64') });
      },
    },
    {
      name: 'an empty text and an empty binary, from either side',
      needs: ['empty messages'],
      async play(stage) {
        const { ours, theirs } = await stage.connectWithChannel('chat', { start: { echo: true } });
        await expectEcho(ours, { text: '' });
        await expectEcho(ours, { base64: '' });
        await theirs.call('sendText', 'chat', '');
        assert.equal((await ours.message('chat')).text, '');
      },
    },
    {
      name: 'our longest message: as long as they take, 8 MiB at the most',
      async play(stage) {
        const both = await stage.connectWithChannel('chat');
        const longest = Math.min(sizesFor(both).theirMax, SEND_BUFFER);
        await both.theirs.call('expect', 'chat', 1);
        both.ours.command('send', { channel: 'chat', size: longest });
        assert.deepEqual(await both.theirs.call('receivedMany', 'chat'), { bytes: longest, messages: 1 });
        both.ours.command('send', { channel: 'chat', size: longest + 1 });
        stage.say(`${longest} bytes; one more: ${(await both.ours.error('HF_EMSGSIZE')).message}`);
      },
    },
    {
      name: 'their longest message, 8 MiB, where `--message-max` allows 16',
      needs: ['8 MiB'],
      async play(stage) {
        const both = await stage.connectWithChannel('sink', { options: ['--echo', '--message-max', '16777216'] });
        assert.equal(await both.theirs.call('errorOfSending', 'sink', LONG), null);
        await both.theirs.call('sendText', 'sink', 'how much?');
        const { bytes, messages: count } = JSON.parse((await both.theirs.message('sink')).text);
        assert.deepEqual({ bytes, count }, { bytes: LONG, count: 1 });
      },
    },
    {
      name: 'above our limit they refuse to send, and the connection stays',
      needs: ['obeys our limit'],
      async play(stage) {
        const both = await stage.connectWithChannel('chat', { options: ['--echo'] });
        assert.ok((await both.theirs.call('maxMessageSize')) <= OURS_MAX);
        const error = await both.theirs.call('errorOfSending', 'chat', OURS_MAX + 1);
        assert.ok(error, 'an error is thrown');
        stage.say(error);
        assert.equal(await both.theirs.call('differenceInEcho', 'chat', 'text', 100), null);
      },
    },
    {
      name: 'they send 16 MiB as fast as they may',
      async play(stage) {
        const { ours, theirs } = await stage.connectWithChannel('sink', { options: ['--echo'] });
        const began = performance.now();
        await theirs.call('sendMany', 'sink', BULK.size, BULK.count);
        await theirs.call('sendText', 'sink', 'how much?');
        const { bytes, messages: count } = JSON.parse((await theirs.message('sink')).text);
        assert.deepEqual({ bytes, count }, { bytes: BULK.size * BULK.count, count: BULK.count });
        stage.say(megabytes(performance.now() - began, BULK));
        assert.ok(!ours.told(({ type }) => type === 'error'));
      },
    },
    {
      name: 'we send 16 MiB as fast as we may',
      async play(stage) {
        const { ours, theirs } = await stage.connectWithChannel('bulk');
        await theirs.call('expect', 'bulk', BULK.count);
        const began = performance.now();
        ours.command('send', { channel: 'bulk', size: BULK.size, repeat: BULK.count });
        const received = await theirs.call('receivedMany', 'bulk');
        assert.deepEqual(received, { bytes: BULK.size * BULK.count, messages: BULK.count });
        stage.say(megabytes(performance.now() - began, BULK));
      },
    },
    {
      name: '10,000 messages each way at once, in order',
      needs: ['10,000 messages'],
      play: (stage) => exchange(stage, { connections: 1, messages: 10_000 }),
    },
    {
      name: '50 connections to one process, 100 messages each way on each of them',
      needs: ['50 connections'],
      play: (stage) => exchange(stage, { connections: 50, messages: 100 }),
    },
    {
      name: 'statistics of both ends agree',
      needs: ['getStats'],
      async play(stage) {
        const { ours, theirs } = await stage.connectWithChannel('chat', { options: ['--echo'] });
        for (const size of [1, 1000, 20_000]) await theirs.call('differenceInEcho', 'chat', 'binary', size);
        const stats = await ours.stats();
        const here = stats.channels.find(({ channel }) => channel === 'chat');
        const there = (await theirs.call('channelStats')).chat;
        const expected = { bytesSent: 21_001, messagesSent: 3, bytesReceived: 21_001, messagesReceived: 3 };
        const { bytesSent, messagesSent, bytesReceived, messagesReceived } = here;
        assert.deepEqual({ bytesSent, messagesSent, bytesReceived, messagesReceived }, expected);
        assert.deepEqual(there, expected);
        stage.say(`round trip: ours ${stats.rtt_ms} ms, theirs ${(await theirs.call('transport')).roundTripTime} s`);
        assert.ok(stats.rtt_ms > 0 && stats.rtt_ms < 5000);
      },
    },
  ],
};
