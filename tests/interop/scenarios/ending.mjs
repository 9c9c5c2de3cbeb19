// Ends: told, and not told.

import assert from 'node:assert/strict';

const CLEAN = { status: 0, signal: null };
const CONSENT_GONE_MS = 75_000; // RFC 7675 §5.1: 30 s without an answer; what follows is the remote's affair

// `end` ends the connection; the native peer must be gone then, with status 0.
function endedBy(name, end, { needs, options = ['--raw'], theySee = true }) {
  return {
    name,
    needs,
    async play(stage) {
      const both = await stage.connectWithChannel('chat', { options });
      const began = performance.now();
      await end(both);
      assert.deepEqual(await both.ours.exit(), CLEAN);
      stage.say(`we are gone after ${(performance.now() - began).toFixed(0)} ms`);
      if (theySee) await both.theirs.closed('chat');
    },
  };
}

const closeCommand = ({ ours }) => ours.command('close');
const endOfInput = ({ ours }) => ours.endInput();
const closedByThem = ({ theirs }) => theirs.call('closeConnection');

export const ending = {
  title: 'The end',
  scenarios: [
    endedBy('our `close`', closeCommand, {}),
    endedBy('the end of our input', endOfInput, {}),
    endedBy('their `close()` ends us with status 0', closedByThem, { needs: ['tells its end'], theySee: false }),
    endedBy('our `close` without `--raw`', closeCommand, { options: [] }),
    endedBy('their `close()` without `--raw`', closedByThem, { needs: ['tells its end'], options: [], theySee: false }),
    {
      name: 'they vanish without a word: consent is lost, and `--no-reconnect` fails with status 1',
      slow: true,
      bound: 2 * CONSENT_GONE_MS,
      async play(stage) {
        const place = await stage.place({ own: true });
        const theirs = stage.adopt(place.remote('the remote'));
        const { ours } = await stage.connectWithChannel('chat', { theirs, options: ['--no-reconnect'] });
        const began = performance.now();
        await place.kill();
        const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
        await ours.connection('disconnected', CONSENT_GONE_MS);
        stage.say(`disconnected after ${seconds()}`);
        await ours.connection('failed', CONSENT_GONE_MS);
        assert.deepEqual(await ours.exit(), { status: 1, signal: null });
        stage.say(`failed after ${seconds()}`);
      },
    },
    {
      name: 'we vanish without a word: they notice',
      slow: true,
      bound: 2 * CONSENT_GONE_MS,
      async play(stage) {
        const { ours, theirs } = await stage.connectWithChannel('chat');
        const began = performance.now();
        ours.kill();
        const gone = ({ type, connection }) => type === 'state' && ['disconnected', 'failed', 'closed'].includes(connection);
        const { connection } = await theirs.take('that we are gone', gone, CONSENT_GONE_MS);
        stage.say(`${connection} after ${((performance.now() - began) / 1000).toFixed(1)} s`);
      },
    },
  ],
};
