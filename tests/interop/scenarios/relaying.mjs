// By way of a relay: coturn.

import assert from 'node:assert/strict';

const NAMES = { udp: 'UDP', tcp: 'TCP', tls: 'TLS' };

async function expectTalk(stage, { ours, theirs }) {
  assert.equal(await theirs.call('differenceInEcho', 'chat', 'text', 1000), null);
  assert.equal(await theirs.call('differenceInEcho', 'chat', 'binary', 60_000), null);
  const { pair } = await ours.stats();
  const { local, remote } = await theirs.call('transport');
  stage.say(`we: ${pair.local} to ${pair.remote}; they: ${local} to ${remote}`);
  return { pair, local, remote };
}

// Of the candidates that a party has told, those that are not relayed, or show where it is.
function telling({ signals }) {
  const lines = signals.flatMap(({ candidate, sdp }) => candidate ?? sdp?.match(/candidate:.*/g) ?? []).filter(Boolean);
  return lines.filter((line) => !/ typ relay /.test(line) || !/ raddr (0\.0\.0\.0|::) /.test(line));
}

function weAlone(kind) {
  return {
    name: `we use a relay alone, over ${NAMES[kind]}`,
    relay: true,
    async play(stage) {
      const relay = await stage.relay();
      const options = ['--echo', '--policy', 'relay', ...relay.options(kind)];
      const start = { configuration: { iceServers: relay.stun() } };
      const both = await stage.connectWithChannel('chat', { options, start });
      const { pair } = await expectTalk(stage, both);
      assert.match(pair.local, /^relay /);
      assert.equal(pair.relayProtocol, kind);
      assert.deepEqual(telling(both.ours), []);
    },
  };
}

function theyAlone(kind) {
  return {
    name: `they use a relay alone, over ${NAMES[kind]}`,
    relay: true,
    needs: [`relay policy over ${kind}`],
    async play(stage) {
      const relay = await stage.relay();
      const configuration = { iceServers: relay.servers(kind), iceTransportPolicy: 'relay' };
      const both = await stage.connectWithChannel('chat', { options: ['--echo'], start: { configuration } });
      const { pair, local } = await expectTalk(stage, both);
      assert.match(pair.remote, /^(relay|prflx) /);
      if (local) assert.match(local, /^relay /);
    },
  };
}

export const relaying = {
  title: 'By a relay',
  scenarios: [
    weAlone('udp'),
    weAlone('tls'),
    theyAlone('udp'),
    theyAlone('tcp'),
    {
      name: 'both use a relay alone',
      relay: true,
      needs: ['relay policy over udp'],
      async play(stage) {
        const relay = await stage.relay();
        const configuration = { iceServers: relay.servers('udp'), iceTransportPolicy: 'relay' };
        const options = ['--echo', '--policy', 'relay', ...relay.options('udp')];
        const both = await stage.connectWithChannel('chat', { options, start: { configuration } });
        const { pair } = await expectTalk(stage, both);
        assert.match(pair.local, /^relay /);
        assert.match(pair.remote, /^(relay|prflx) /);
      },
    },
  ],
};
