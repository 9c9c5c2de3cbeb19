// A browser's page against `holdfast peer`. Run by run.mjs, which sees to the network.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import * as chromium from './browser/chromium.mjs';
import { Native } from './party/native.mjs';
import { Page, serve } from './party/page.mjs';
import { wire } from './party/party.mjs';

const SIZES = [0, 1, 1024, 64 * 1024, 256 * 1024]; // the last is all that Chromium sends in a message
const BULK = { size: 16 * 1024, count: 1024 };
const TEXT = 'zwölf Boxkämpfer 🥊 über den Sylter Deich';

// RFC 8832's properties as RTCDataChannel shows them.
const RELIABLE = { ordered: true, maxRetransmits: null, maxPacketLifeTime: null, protocol: '' };
const LATEST_ONLY = { ordered: false, maxRetransmits: 0, maxPacketLifeTime: null, protocol: '' };
const COLLAB = {
  'code-sync': RELIABLE,
  'cursor-pos': LATEST_ONLY,
  'ai-stream': RELIABLE,
  presence: LATEST_ONLY,
  files: RELIABLE,
};
const DIALECTS = {
  raw: ['--raw'],
  session: [], // must notice that a page doesn't speak the session protocol
};

let server;
let browser;
let pagesConnect = false; // to each other, in this network

before(async () => {
  server = await serve();
  browser = await chromium.launch();
  console.log(`# ${browser.name}`);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

// Runs a test that owns its parties: they end with it, and a failure shows what each of them said and heard.
async function play(t, body) {
  const parties = [];
  const adopt = (party) => (parties.push(party), party);
  try {
    await body({
      native: (...options) => adopt(new Native(...options)),
      page: async (title) => adopt(await Page.open(browser, server.url, title)),
      say: (text) => t.diagnostic(text),
    });
  } catch (error) {
    for (const party of parties) {
      t.diagnostic(`log of ${party.name}:`);
      party.log.forEach((line) => t.diagnostic(line));
    }
    throw error;
  } finally {
    await Promise.all(parties.map((party) => party.dispose()));
  }
}

function scenario(name, body) {
  test(name, { timeout: 45_000 }, (t) => {
    assert.ok(pagesConnect, 'not tried: even two pages do not connect here');
    return play(t, body);
  });
}

// Connects a native peer and a page, the offer coming from `offerer`, and waits until both call it connected.
async function connect({ native, page, say }, { offerer, options = [], start = {} }) {
  const ours = native(offerer === 'native' ? '--offer' : '--answer', ...options);
  const theirs = await page();
  await theirs.start({ offer: offerer === 'page', ...start });
  wire(ours, theirs);
  await Promise.all([ours.connection('connected'), theirs.connection('connected')]);
  const transport = await theirs.transport();
  say(`the page: DTLS ${transport.dtlsRole}, ${transport.tlsVersion}, ${transport.dtlsCipher}, ICE ${transport.iceRole}`);
  say(`the page: ${transport.local} to ${transport.remote}`);
  return { ours, theirs, transport };
}

function propertiesOf({ ordered, maxRetransmits, maxPacketLifeTime, protocol }) {
  return { ordered, maxRetransmits, maxPacketLifeTime, protocol };
}

// In an RTCDataChannelInit null is not the same as absent: it means 0.
function initOf(properties) {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}

// RFC 8832 §6: who opens a channel picks an even number as the DTLS client, an odd one as the server.
function assertIdsOf(role, ids) {
  assert.equal(new Set(ids).size, ids.length, `ids are unique: ${ids}`);
  for (const id of ids) assert.equal(id % 2, role === 'client' ? 0 : 1, `id ${id} belongs to the DTLS ${role}`);
}

const otherRole = (role) => (role === 'client' ? 'server' : 'client');

async function echoEverything(page, channel, say) {
  await page.sendText(channel, TEXT);
  assert.equal((await page.message(channel)).text, TEXT);
  await page.sendText(channel, '');
  assert.equal((await page.message(channel)).text, '');
  for (const size of SIZES) assert.equal(await page.differenceInEcho(channel, size), null);
  say(`echoed: two texts, binary messages of ${SIZES.join(', ')} bytes`);
}

test('two pages connect in this network, without which no other result means anything', { timeout: 45_000 }, (t) =>
  play(t, async ({ page, say }) => {
    const alice = await page('the offering page');
    const bob = await page('the answering page');
    await bob.start({ echo: true });
    await alice.start({ offer: true, channels: [{ label: 'chat' }] });
    wire(alice, bob);
    await Promise.all([alice.opened('chat'), bob.opened('chat')]);
    pagesConnect = true;
    await echoEverything(alice, 'chat', say);
    const { local, remote } = await alice.transport();
    say(`${local} to ${remote}`);
    await bob.closeConnection();
    await alice.closed('chat');
  }),
);

for (const offerer of ['native', 'page']) {
  for (const trickle of [true, false]) {
    const manner = trickle ? 'trickled candidates' : 'whole descriptions';
    scenario(`a page and a native peer connect: the offer is the ${offerer}'s, ${manner}`, async (s) => {
      const options = ['--raw', '--echo', '--channels', 'chat', ...(trickle ? [] : ['--no-trickle'])];
      const channels = offerer === 'page' ? [{ label: 'chat' }] : [];
      const { ours, theirs, transport } = await connect(s, { offerer, options, start: { trickle, channels } });

      // Both browsers take the active part when asked with actpass.
      if (offerer === 'native') assert.equal(transport.dtlsRole, 'client');
      const opened = await theirs.opened('chat');
      const opener = offerer === 'page' ? transport.dtlsRole : otherRole(transport.dtlsRole);
      assertIdsOf(opener, [opened.id]);
      assert.equal((await ours.opened('chat')).id, opened.id);

      await echoEverything(theirs, 'chat', s.say);
      const candidates = ours.signals.filter(({ type }) => type === 'candidate').length;
      if (!trickle) assert.equal(candidates, 0, 'nothing is trickled with --no-trickle');
      s.say(`the native peer trickled ${candidates} candidates`);
    });
  }
}

scenario('what the native peer sends comes back from the page as it was', async (s) => {
  const { ours, theirs } = await connect(s, {
    offerer: 'native',
    options: ['--raw', '--channels', 'chat'],
    start: { echo: true },
  });
  await Promise.all([ours.opened('chat'), theirs.opened('chat')]);
  for (const text of [TEXT, '']) {
    ours.command('send', { channel: 'chat', text });
    assert.equal((await ours.message('chat')).text, text);
  }
  for (const size of SIZES) {
    const base64 = randomBytes(size).toString('base64');
    ours.command('send', { channel: 'chat', base64 });
    const { base64: came } = await ours.message('chat');
    assert.ok(came === base64, `${size} bytes came back changed`);
  }
  s.say(`echoed: two texts, binary messages of ${SIZES.join(', ')} bytes`);
});

scenario('a page sends 16 MiB as fast as it may, and all of it arrives', async (s) => {
  const { ours, theirs } = await connect(s, { offerer: 'native', options: ['--raw', '--echo', '--channels', 'sink'] });
  await Promise.all([ours.opened('sink'), theirs.opened('sink')]);
  const began = performance.now();
  await theirs.sendMany('sink', BULK);
  await theirs.sendText('sink', 'how much?');
  const { bytes, messages } = JSON.parse((await theirs.message('sink')).text);
  assert.deepEqual({ bytes, messages }, { bytes: BULK.size * BULK.count, messages: BULK.count });
  s.say(`in ${(performance.now() - began).toFixed(0)} ms`);
});

scenario('the native peer sends 16 MiB as fast as it may, and all of it arrives', async (s) => {
  const { ours, theirs } = await connect(s, { offerer: 'native', options: ['--raw', '--channels', 'bulk'] });
  await Promise.all([ours.opened('bulk'), theirs.opened('bulk')]);
  await theirs.expectMany('bulk', BULK);
  const began = performance.now();
  ours.command('send', { channel: 'bulk', size: BULK.size, repeat: BULK.count });
  assert.deepEqual(await theirs.receivedMany('bulk'), { bytes: BULK.size * BULK.count, messages: BULK.count });
  s.say(`in ${(performance.now() - began).toFixed(0)} ms`);
});

for (const [dialect, options] of Object.entries(DIALECTS)) {
  scenario(`the page sees the five channels of collaboration that the native peer opens (${dialect})`, async (s) => {
    const { ours, theirs, transport } = await connect(s, { offerer: 'native', options: [...options, '--echo'] });
    const labels = Object.keys(COLLAB);
    const seen = await Promise.all(labels.map((label) => theirs.opened(label)));
    const told = await Promise.all(labels.map((label) => ours.opened(label)));

    assertIdsOf(otherRole(transport.dtlsRole), seen.map(({ id }) => id));
    labels.forEach((label, i) => {
      assert.deepEqual(propertiesOf(seen[i]), COLLAB[label], `${label} as the page sees it`);
      assert.deepEqual(propertiesOf(told[i]), COLLAB[label], `${label} as the native peer tells it`);
      assert.equal(told[i].id, seen[i].id);
    });
    for (const label of labels) {
      await theirs.sendText(label, label);
      assert.equal((await theirs.message(label)).text, label);
    }
    s.say(`opened and used: ${seen.map(({ channel, id }) => `${channel} ${id}`).join(', ')}`);
  });

  scenario(`the native peer sees the five channels of collaboration that a page opens (${dialect})`, async (s) => {
    const labels = Object.keys(COLLAB);
    const channels = labels.map((label) => ({ label, ...initOf(COLLAB[label]) }));
    const { ours, theirs, transport } = await connect(s, {
      offerer: 'page',
      options: [...options, '--echo'],
      start: { channels },
    });
    const seen = await Promise.all(labels.map((label) => ours.opened(label)));
    assertIdsOf(transport.dtlsRole, seen.map(({ id }) => id));
    labels.forEach((label, i) => assert.deepEqual(propertiesOf(seen[i]), COLLAB[label], label));
    for (const label of labels) {
      await theirs.opened(label);
      await theirs.sendText(label, label);
      assert.equal((await theirs.message(label)).text, label);
    }
    s.say(`opened and used: ${seen.map(({ channel, id }) => `${channel} ${id}`).join(', ')}`);
  });
}

scenario('limits of retransmission and a subprotocol reach the page', async (s) => {
  const { theirs } = await connect(s, {
    offerer: 'native',
    options: ['--raw', '--channels', 'thrice:unordered:rtx=3:protocol=json,brief:ttl=250'],
  });
  const limits = { ordered: false, maxRetransmits: 3, maxPacketLifeTime: null, protocol: 'json' };
  assert.deepEqual(propertiesOf(await theirs.opened('thrice')), limits);
  assert.deepEqual(propertiesOf(await theirs.opened('brief')), { ...RELIABLE, maxPacketLifeTime: 250 });
});

scenario('a channel closed at one end closes at the other, and the connection stays', async (s) => {
  const { ours, theirs } = await connect(s, { offerer: 'native', options: ['--raw', '--echo', '--channels', 'a,b,c'] });
  await Promise.all(['a', 'b', 'c'].flatMap((label) => [ours.opened(label), theirs.opened(label)]));
  ours.command('close-channel', { channel: 'a' });
  await Promise.all([theirs.closed('a'), ours.closed('a')]);
  await theirs.closeChannel('b');
  await Promise.all([ours.closed('b'), theirs.closed('b')]);
  await theirs.sendText('c', TEXT);
  assert.equal((await theirs.message('c')).text, TEXT);
});

const ENDINGS = {
  'the close command': ({ ours }) => ours.command('close'),
  'the end of its input': ({ ours }) => ours.endInput(),
  'the page closing the connection': ({ theirs }) => theirs.closeConnection(),
};

for (const [dialect, options] of Object.entries(DIALECTS)) {
  for (const [ending, end] of Object.entries(ENDINGS)) {
    scenario(`${ending} ends the native peer with status 0 (${dialect})`, async (s) => {
      const both = await connect(s, { offerer: 'native', options: [...options, '--channels', 'chat'] });
      await Promise.all([both.ours.opened('chat'), both.theirs.opened('chat')]);
      const began = performance.now();
      await end(both);
      const { status, signal } = await both.ours.exit();
      assert.deepEqual({ status, signal }, { status: 0, signal: null });
      s.say(`gone after ${(performance.now() - began).toFixed(0)} ms`);
      if (ending !== 'the page closing the connection') await both.theirs.closed('chat');
    });
  }
}
