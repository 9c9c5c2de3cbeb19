// Ways to a connection.

import assert from 'node:assert/strict';

// A few messages there and back: the connection carries.
async function expectTalk({ theirs }) {
  assert.equal(await theirs.call('differenceInEcho', 'chat', 'text', 1000), null);
  assert.equal(await theirs.call('differenceInEcho', 'chat', 'binary', 10_000), null);
}

async function describePath(stage, { ours, theirs }) {
  const { dtlsRole, dtlsCipher, tlsVersion, pair } = await ours.stats();
  stage.say(`we: DTLS ${dtlsRole}, ${tlsVersion}, ${dtlsCipher}; ${pair.local} to ${pair.remote}`);
  const { local, remote } = await theirs.call('transport');
  stage.say(`they: ${local} to ${remote}`);
}

// Connects, talks, and yields both ends and our statistics.
async function connectAndTalk(stage, { options = [], ...rest } = {}) {
  const both = await stage.connectWithChannel('chat', { options: ['--echo', ...options], ...rest });
  await expectTalk(both);
  await describePath(stage, both);
  return both;
}

// --- What may become of signals on their way ---

const candidateLines = /^a=(candidate:.*|end-of-candidates)\r\n/gm;
const changeSdp = (change) => (signal) => (signal.sdp ? { ...signal, sdp: change(signal.sdp) } : signal);
const withSetup = (setup) => changeSdp((sdp) => sdp.replaceAll('a=setup:actpass', `a=setup:${setup}`));

function withoutCandidates(signal) {
  return signal.type === 'candidate' ? undefined : changeSdp((sdp) => sdp.replace(candidateLines, ''))(signal);
}

const late = (ms) => (signal) => new Promise((resolve) => setTimeout(resolve, ms, signal));

// A role of DTLS, fixed by whoever offers: `setup` is what the offer says.
function fixedRole(setup) {
  return {
    name: `the offer says setup:${setup}`,
    needs: [`setup:${setup}`],
    async play(stage) {
      const { ours } = await connectAndTalk(stage, {
        signals: { toOurs: withSetup(setup), toTheirs: withSetup(setup) },
      });
      const { dtlsRole } = await ours.stats();
      const offererIsClient = setup === 'active';
      assert.equal(dtlsRole, offererIsClient === (stage.offerer === 'we') ? 'client' : 'server');
    },
  };
}

// Lines that no peer should send, and the error that each gets at once; null: it may be ignored.
const RUBBISH = [
  ['hello', 'HF_ESYNTAX'],
  ['{"type":"offer"}', 'HF_EINVAL'],
  ['{"type":"offer","sdp":"v=0\\r\\n"}', 'HF_ESYNTAX'],
  ['{"type":"answer","sdp":"v=0\\r\\no=- 1 1 IN IP4 127.0.0.1\\r\\ns=-\\r\\nt=0 0\\r\\nm=audio 9 RTP/AVP 0\\r\\n"}', null],
  ['{"type":"candidate","candidate":"candidate:rubbish","sdpMid":"0"}', 'HF_ESYNTAX'],
  ['{"type":"candidate","candidate":"candidate:1 1 udp 1 10.99.0.1 99999 typ host","sdpMid":"0"}', 'HF_ESYNTAX'],
  ['{"type":"candidate","candidate":"candidate:1 1 udp 1 300.1.1.1 5000 typ host","sdpMid":"0"}', null],
  ['{"type":"candidate","candidate":"candidate:1 1 udp 1 no.such.name 5000 typ host","sdpMid":"0"}', null],
];

export const connecting = {
  title: 'Connecting',
  scenarios: [
    {
      name: 'trickled candidates',
      needs: ['trickle'],
      play: connectAndTalk,
    },
    {
      name: 'whole descriptions, nothing is trickled',
      async play(stage) {
        const { ours } = await connectAndTalk(stage, { options: ['--no-trickle'], start: { trickle: false } });
        assert.equal(ours.signals.filter(({ type }) => type === 'candidate').length, 0);
      },
    },
    {
      name: 'none of their candidates reaches us: their checks do',
      async play(stage) {
        const { ours } = await connectAndTalk(stage, { signals: { toOurs: withoutCandidates } });
        assert.match((await ours.stats()).pair.remote, /^prflx /);
      },
    },
    {
      name: 'they hide their addresses, and none of our candidates reaches them: we resolve the .local names',
      needs: ['hides'],
      async play(stage) {
        const { ours, theirs } = await connectAndTalk(stage, { signals: { toTheirs: withoutCandidates } });
        assert.match(JSON.stringify(theirs.signals), /\.local /);
        assert.match((await ours.stats()).pair.remote, /^host /);
      },
    },
    {
      name: 'we hide ours by `--mdns`, and none of their candidates reaches us: they resolve the .local names',
      needs: ['resolves'],
      async play(stage) {
        const options = ['--mdns'];
        const { ours } = await connectAndTalk(stage, { options, signals: { toOurs: withoutCandidates } });
        assert.match(JSON.stringify(ours.signals), /\.local /);
        assert.doesNotMatch(JSON.stringify(ours.signals), /10\.99\.0\.1|fd99::1/);
      },
    },
    {
      name: 'they show their addresses, and none of our candidates reaches them: our checks do',
      async play(stage) {
        const theirs = await stage.remote('the remote', { shown: true });
        const { ours } = await connectAndTalk(stage, { theirs, signals: { toTheirs: withoutCandidates } });
        assert.match((await ours.stats()).pair.remote, /^host /);
        assert.doesNotMatch(JSON.stringify(theirs.signals), /\.local /);
      },
    },
    fixedRole('active'),
    fixedRole('passive'),
    {
      name: 'over TCP alone, to candidates that we listen on (`--no-udp --tcp listen`)',
      needs: ['tcp'],
      async play(stage) {
        const { ours } = await connectAndTalk(stage, { options: ['--no-udp', '--tcp', 'listen'] });
        assert.match((await ours.stats()).pair.local, / tcp$/);
      },
    },
    {
      name: 'each of their signals takes a second',
      async play(stage) {
        const began = performance.now();
        await connectAndTalk(stage, { signals: { toOurs: late(1000) }, start: { trickle: false } });
        stage.say(`in ${(performance.now() - began).toFixed(0)} ms`);
      },
    },
    {
      name: 'broken descriptions and candidates come before good ones',
      async play(stage) {
        const sendRubbish = (ours) => RUBBISH.forEach(([line]) => ours.line(line));
        const { ours } = await connectAndTalk(stage, { prepare: sendRubbish });
        for (const [, code] of RUBBISH) {
          if (code) assert.equal((await ours.error(code)).fatal, false);
        }
      },
    },
  ],
};
