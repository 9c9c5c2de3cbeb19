// Channels: their properties, and how they come and go.

import assert from 'node:assert/strict';

// RFC 8832's properties as RTCDataChannel shows them.
const RELIABLE = { ordered: true, maxRetransmits: null, maxPacketLifeTime: null, protocol: '' };
const LATEST_ONLY = { ...RELIABLE, ordered: false, maxRetransmits: 0 };

// What `--channels collab` opens.
const COLLAB = {
  'code-sync': RELIABLE,
  'cursor-pos': LATEST_ONLY,
  'ai-stream': RELIABLE,
  presence: LATEST_ONLY,
  files: RELIABLE,
};

const LIMITED = {
  thrice: { ...RELIABLE, ordered: false, maxRetransmits: 3, protocol: 'json' },
  brief: { ...RELIABLE, maxPacketLifeTime: 250 },
};
const LIMITED_SPEC = 'thrice:unordered:rtx=3:protocol=json,brief:ttl=250';

const FOREIGN = { 'fünf Sinne 🥊': { ...RELIABLE, protocol: 'протокол' } };
const FOREIGN_SPEC = 'fünf Sinne 🥊:protocol=протокол';

// Some say undefined where others say null, and wrtc says 65535.
function propertiesOf({ ordered, maxRetransmits, maxPacketLifeTime, protocol }) {
  const limit = (value) => (value === 65_535 ? null : (value ?? null));
  return { ordered, maxRetransmits: limit(maxRetransmits), maxPacketLifeTime: limit(maxPacketLifeTime), protocol };
}

// In an RTCDataChannelInit null is not the same as absent: it means 0.
function initOf(properties) {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}

// Opens `channels` from the side that offers, and checks what both ends see of them. Yields both ends.
async function expectChannels(stage, { channels, spec, options = [] }) {
  const labels = Object.keys(channels);
  const both = await stage.connect({
    options: ['--echo', ...(spec ? ['--channels', spec] : []), ...options],
    start: stage.offerer === 'they' ? { channels: labels.map((label) => ({ label, ...initOf(channels[label]) })) } : {},
  });
  const { ours, theirs } = both;
  const told = await Promise.all(labels.map((label) => ours.opened(label)));
  const seen = await Promise.all(labels.map((label) => theirs.opened(label)));
  labels.forEach((label, i) => {
    assert.deepEqual(propertiesOf(told[i]), channels[label], `${label} as the native peer tells it`);
    assert.deepEqual(propertiesOf(seen[i]), channels[label], `${label} as the remote sees it`);
    assert.equal(seen[i].id, told[i].id, `the id of ${label}`);
  });

  // RFC 8832 §6: who opens a channel picks an even number as the DTLS client, an odd one as the server.
  const { dtlsRole } = await ours.stats();
  const openerIsClient = (dtlsRole === 'client') === (stage.offerer === 'we');
  const ids = told.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, `ids are unique: ${ids}`);
  for (const id of ids) assert.equal(id % 2, openerIsClient ? 0 : 1, `id ${id}`);

  for (const label of labels) {
    await theirs.call('sendText', label, label);
    assert.equal((await theirs.message(label)).text, label);
  }
  stage.say(`opened and used: ${told.map(({ channel, id }) => `${channel} ${id}`).join(', ')}`);
  return both;
}

export const channels = {
  title: 'Channels',
  scenarios: [
    {
      name: 'the five channels of collaboration: label, order, limits, protocol, id at both ends',
      needs: ['unordered with a limit'],
      play: (stage) => expectChannels(stage, { channels: COLLAB, options: ['--raw'] }),
    },
    {
      name: 'the same without `--raw`: the session sees that the remote lacks its protocol',
      needs: ['unordered with a limit'],
      play: (stage) => expectChannels(stage, { channels: COLLAB }),
    },
    {
      name: 'limits of retransmission and lifetime, a subprotocol',
      needs: ['unordered with a limit'],
      play: (stage) => expectChannels(stage, { channels: LIMITED, spec: LIMITED_SPEC, options: ['--raw'] }),
    },
    {
      name: 'a label and a subprotocol beyond ASCII',
      needs: ['labels beyond ASCII'],
      play: (stage) => expectChannels(stage, { channels: FOREIGN, spec: FOREIGN_SPEC, options: ['--raw'] }),
    },
    {
      name: 'a channel that is opened later by the remote',
      async play(stage) {
        const { ours, theirs } = await stage.connectWithChannel('chat', { options: ['--echo'] });
        await theirs.call('openChannel', 'later', { ordered: false });
        const [told, seen] = await Promise.all([ours.opened('later'), theirs.opened('later')]);
        assert.equal(told.ordered, false);
        assert.equal(told.id, seen.id);
        assert.equal(await theirs.call('differenceInEcho', 'later', 'text', 100), null);
      },
    },
    {
      name: 'a channel closed at one end closes at the other, the connection stays, its id is used again',
      async play(stage) {
        const { ours, theirs } = await stage.connect({
          options: ['--raw', '--echo', '--channels', 'a,b,c'],
          start: stage.offerer === 'they' ? { channels: ['a', 'b', 'c'].map((label) => ({ label })) } : {},
        });
        for (const label of ['a', 'b', 'c']) await Promise.all([ours.opened(label), theirs.opened(label)]);
        ours.command('close-channel', { channel: 'a' });
        await Promise.all([theirs.closed('a'), ours.closed('a')]);
        await theirs.call('closeChannel', 'b');
        await Promise.all([ours.closed('b'), theirs.closed('b')]);
        await theirs.call('openChannel', 'd', {});
        await Promise.all([ours.opened('d'), theirs.opened('d')]);
        for (const label of ['c', 'd']) assert.equal(await theirs.call('differenceInEcho', label, 'text', 100), null);
      },
    },
  ],
};
