// Later descriptions: sections that come, restarts, and both sides at once.

import assert from 'node:assert/strict';

async function expectTalk({ theirs }) {
  assert.equal(await theirs.call('differenceInEcho', 'chat', 'text', 1000), null);
}

async function settled({ theirs }) {
  const isStable = async () => (await theirs.call('signalingState')) === 'stable';
  for (let i = 0; i < 100 && !(await isStable()); i++) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(await isStable(), 'their negotiation is over');
}

const ufragOf = ({ sdp }) => /^a=ice-ufrag:(.*?)\r?$/m.exec(sdp)[1];
const descriptionsOf = ({ signals }) => signals.filter(({ sdp }) => sdp);

// Waits until a party has described itself `count` times.
async function described(party, count) {
  for (let i = 0; i < 300 && descriptionsOf(party).length < count; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(descriptionsOf(party).length >= count, `${party.name} has described itself ${count} times`);
  return descriptionsOf(party);
}

export const renegotiating = {
  title: 'Negotiating again',
  scenarios: [
    {
      name: 'they offer again without a change, and data goes on',
      async play(stage) {
        const both = await stage.connectWithChannel('chat', { options: ['--echo'] });
        await both.theirs.call('offer');
        await described(both.ours, 2);
        await settled(both);
        await expectTalk(both);
      },
    },
    {
      name: 'they add audio and video: both are rejected with port 0, and data goes on',
      needs: ['media'],
      async play(stage) {
        const both = await stage.connectWithChannel('chat', { options: ['--echo'] });
        await both.theirs.call('addTransceivers', 'audio', 'video');
        const answer = (await described(both.ours, 2)).at(-1);
        await settled(both);
        const sections = answer.sdp.match(/^m=\w+ \d+/gm);
        assert.deepEqual([sections.length, sections.slice(1)], [3, ['m=audio 0', 'm=video 0']]);
        assert.doesNotMatch(sections[0], / 0$/);
        await expectTalk(both);
        await both.theirs.call('offer');
        await described(both.ours, 3);
        await settled(both);
        await expectTalk(both);
      },
    },
    {
      name: 'they restart ICE: new credentials on both sides, data goes on before and after',
      needs: ['restart'],
      async play(stage) {
        const both = await stage.connectWithChannel('chat', { options: ['--echo'] });
        const before = ufragOf(descriptionsOf(both.ours).at(-1));
        await both.theirs.call('restartIce');
        const answer = (await described(both.ours, 2)).at(-1);
        assert.notEqual(ufragOf(answer), before);
        await expectTalk(both);
        await settled(both);
        await expectTalk(both);
      },
    },
    {
      name: 'we restart ICE: new credentials on both sides, data goes on before and after',
      needs: ['restart'],
      async play(stage) {
        const both = await stage.connectWithChannel('chat', { options: ['--echo'] });
        const before = ufragOf(descriptionsOf(both.theirs).at(-1));
        both.ours.command('restart');
        await expectTalk(both);
        const answer = (await described(both.theirs, 2)).at(-1);
        assert.notEqual(ufragOf(answer), before);
        await settled(both);
        await expectTalk(both);
      },
    },
    {
      name: 'both restart at once: the polite one takes its offer back, and data goes on',
      needs: ['restart'],
      async play(stage) {
        // Toward a peer without a name we are polite (manager.h): they need not be.
        const both = await stage.connectWithChannel('chat', { options: ['--echo'], start: { polite: false } });
        both.ours.command('restart');
        await both.theirs.call('restartIce');
        await described(both.ours, 2);
        await described(both.theirs, 2);
        await settled(both);
        await expectTalk(both);
      },
    },
  ],
};
