"""`holdfast peer` as a program: sessions that outlive connections and processes, and lines that nobody should believe.

    session_test.py PROGRAM [TEST...]"""
import inspect
import json
import os
import sys
import tempfile

from pair import Pair, Peer, run_all

PROGRAM = sys.argv[1]
LOOPBACK = ("--bind", "127.0.0.1")


class Certificates:
    """Files in a folder of their own, that the program makes when it is first told of them."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        return lambda name: os.path.join(self.folder.name, name + ".pem")

    def __exit__(self, *_):
        self.folder.cleanup()


def expect_clean_end(pair):
    pair.offerer.command(type="close")
    assert (pair.offerer.status(), pair.answerer.status()) == (0, 0)


def talk(here, there, text):
    here.command(type="send", channel="code-sync", text=text)
    there.wait_for(type="message", channel="code-sync", text=text)


def stats_of(peer):
    known = len(peer.all(type="stats"))
    peer.command(type="stats")
    return peer.wait_for(known + 1, type="stats")[-1]


def channel_of(stats, name):
    return next(c for c in stats["channels"] if c["channel"] == name)


def a_new_connection_under_load_loses_nothing_and_repeats_nothing():
    count = 1500
    with Pair(PROGRAM, both=(*LOOPBACK, "--channels", "code-sync:priority=critical,files:priority=low")) as pair:
        pair.wait_open(2)
        pair.offerer.command(type="send", channel="files", size=30000, repeat=400)
        for generation, peer in enumerate((pair.offerer, pair.answerer, pair.offerer), 2):
            for side in pair.peers():
                first = (generation - 2) * count
                side.write("".join(json.dumps({"type": "send", "channel": "code-sync", "text": str(n)}) + "\n"
                                   for n in range(first, first + count)))
            peer.command(type="reconnect")
            for side in pair.peers():
                assert side.wait_for(type="resumed", generation=generation)[0]["messages"] >= 0
        for side in pair.peers():
            side.wait_for(3 * count, type="message", channel="code-sync")
        pair.answerer.wait_for(400, type="message", channel="files")
        for side in pair.peers():
            texts = [e["text"] for e in side.all(type="message", channel="code-sync")]
            assert texts == [str(n) for n in range(3 * count)], "each once, in order"
            opened = [e["resumed"] for e in side.all(type="open", channel="code-sync")]
            assert opened == [False, True, True, True], opened
            assert not side.all(type="error") and not side.all(type="continuity") and not side.all(type="closed")
            stats = stats_of(side)
            assert (stats["generation"], stats["protocol"]) == (4, "holdfast"), stats
            channel = channel_of(stats, "code-sync")
            assert channel["messagesSent"] == channel["messagesReceived"] == 3 * count, channel
        assert len(pair.answerer.all(type="message", channel="files")) == 400
        expect_clean_end(pair)


def a_plain_peer_has_nothing_to_reconnect():
    with Pair(PROGRAM, both=(*LOOPBACK, "--raw")) as pair:
        pair.wait_open(5)
        pair.offerer.command(type="reconnect")
        error = pair.offerer.wait_for(type="error")[0]
        assert error["code"] == "HF_ENOTSUP" and error["message"].startswith("reconnect: ") and not error["fatal"], error
        assert stats_of(pair.answerer)["protocol"] == "plain"
        assert not any("a=holdfast" in e["sdp"] for e in pair.offerer.all(type="offer") + pair.answerer.all(type="answer"))
        assert not pair.offerer.all(to="peer")
        talk(pair.offerer, pair.answerer, "still here")
        expect_clean_end(pair)


def a_process_started_again_is_the_same_remote_with_nothing_in_mind():
    with Certificates() as certificate:
        bob = ("--answer", *LOOPBACK, "--id", "bob", "--certificate", certificate("bob"))
        with Pair(PROGRAM, offer=("--id", "alice"), answer=bob[3:]) as pair:
            pair.wait_open(5)
            talk(pair.offerer, pair.answerer, "before")
            pair.offerer.wait(lambda: channel_of(stats_of(pair.offerer), "code-sync")["messagesAcked"] == 1, "the acknowledgement")
            pair.start_again(*bob)
            pair.offerer.command(type="send", channel="code-sync", text="whoever hears this")
            lost = pair.offerer.wait_for(type="continuity")[0]
            assert (lost["kept"], lost["cause"]) == (False, "HF_ECONTINUITY"), lost
            returned = pair.offerer.all(type="returned", channel="code-sync")
            assert [e["text"] for e in returned] == ["whoever hears this"], (returned, lost)
            assert lost["possiblyDelivered"] + lost["notSent"] == 1, lost
            pair.answerer.wait_for(5, type="open")
            talk(pair.offerer, pair.answerer, "after")
            talk(pair.answerer, pair.offerer, "and back")
            assert not pair.answerer.all(type="continuity") and not pair.offerer.all(type="error"), pair.offerer.all(type="error")
            expect_clean_end(pair)


def somebody_else_in_the_remotes_name_is_told_and_waits_for_a_word():
    with Certificates() as certificate:
        bob = ("--answer", *LOOPBACK, "--id", "bob", "--certificate")
        with Pair(PROGRAM, offer=("--id", "alice"), answer=(*bob[3:], certificate("bob"))) as pair:
            pair.wait_open(5)
            pair.offerer.command(type="accept-identity")
            assert pair.offerer.wait_for(type="error")[0]["code"] == "HF_ESTATE"
            pair.start_again(*bob, certificate("another"))
            error = pair.offerer.wait_for(type="error", code="HF_EIDENTITY")[0]
            assert error["fingerprint"].startswith("sha-256 ") and not error["fatal"] and "accept-identity" in error["message"]
            assert not pair.answerer.all(type="open"), "nothing is said to it"
            pair.offerer.command(type="accept-identity", fingerprint=error["fingerprint"][:-2] + "--")
            assert "not the identity" in pair.offerer.wait_for(2, type="error", code="HF_EIDENTITY")[1]["message"]
            pair.offerer.command(type="accept-identity", fingerprint=error["fingerprint"])
            pair.offerer.wait_for(type="continuity", kept=False)
            pair.answerer.wait_for(5, type="open")
            talk(pair.offerer, pair.answerer, "welcome")
            told = [error for error in pair.offerer.all(type="error", code="HF_EIDENTITY") if "fingerprint" in error]
            assert len(told) == 1, "told once"
            expect_clean_end(pair)


def lines_that_somebody_made_up_do_not_disturb():
    with Certificates() as certificate:
        with Pair(PROGRAM, offer=("--id", "alice"), answer=("--id", "bob", "--certificate", certificate("bob"))) as pair:
            pair.wait_open(5)
            stranger = Peer(PROGRAM, "--offer", *LOOPBACK, "--id", "bob")
            stranger.thread.start()
            offer = stranger.wait_for(type="offer")[0]
            ids = stats_of(pair.offerer)["session"], stats_of(pair.answerer)["session"]
            envelope = {"sender": "bob", "receiver": "alice", "session": ids[1], "remoteSession": ids[0]}
            offered = dict(offer["envelope"], sender="bob", receiver="alice")
            made_up = [  # line, error
                (dict(offer, envelope=offered), "HF_EIDENTITY"),
                ({"type": "bye", "to": "peer", "envelope": dict(envelope, session="0" * 32)}, "HF_ENOENT"),
                ({"type": "bye", "to": "peer", "envelope": dict(envelope, remoteSession="0" * 32)}, "HF_ENOENT"),
                ({"type": "answer", "sdp": offer["sdp"], "envelope": dict(envelope, remoteSession="0" * 32)}, "HF_ENOENT"),
                ({"type": "offer", "sdp": offer["sdp"], "envelope": dict(envelope, generation=2**32 - 1, offer=9)}, "HF_EINVAL"),
                ({"type": "offer", "sdp": offer["sdp"], "envelope": dict(envelope, sender="eve", offer=1)}, "HF_ELIMIT"),
            ]
            for n, (line, code) in enumerate(made_up, 1):
                pair.offerer.command(**line)
                error = pair.offerer.wait_for(n, type="error")[-1]
                assert error["code"] == code and not error["fatal"], (line, error)
            quiet = [{"type": "bye", "to": "peer", "envelope": envelope},  # the path works: it says itself when it goes
                     {"type": "answer", "sdp": offer["sdp"], "envelope": dict(envelope, offer=1)},
                     {"type": "candidate", "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "envelope": dict(envelope, offer=1)}]
            for line in quiet:
                pair.offerer.command(**line)
            talk(pair.offerer, pair.answerer, "still here")
            talk(pair.answerer, pair.offerer, "and here")
            assert len(pair.offerer.all(type="error")) == len(made_up)
            assert stats_of(pair.offerer)["generation"] == 1
            stranger.end_input()
            assert stranger.status() == 0
            stranger.process.stdout.close()
            expect_clean_end(pair)


def the_end_is_told_by_a_line_that_names_both_sessions():
    with Pair(PROGRAM, offer=("--id", "alice"), answer=("--id", "bob")) as pair:
        pair.wait_open(5)
        ids = stats_of(pair.offerer)["session"], stats_of(pair.answerer)["session"]
        expect_clean_end(pair)
        bye = pair.offerer.all(type="bye", to="peer")[0]["envelope"]
        assert bye == {"sender": "alice", "receiver": "bob", "session": ids[0], "remoteSession": ids[1]}, bye
        for peer in pair.peers():
            assert not peer.all(type="error"), peer.all(type="error")


def whoever_keeps_a_certificate_keeps_a_name():
    with Certificates() as certificate:
        def sender(*options):
            with Pair(PROGRAM, offer=options) as pair:
                name = pair.offerer.wait_for(type="offer")[0]["envelope"]["sender"]
                pair.wait_open(5)
                expect_clean_end(pair)
            return name

        mine = ("--certificate", certificate("me"))
        assert sender(*mine) == sender(*mine) and len(sender(*mine)) == 32
        assert sender() != sender(), "otherwise it is random"
        assert sender(*mine, "--id", "me") == "me"


# Each function of this file that takes nothing.
TESTS = [value for value in list(globals().values())
         if inspect.isfunction(value) and value.__module__ == "__main__" and not inspect.signature(value).parameters]


if __name__ == "__main__":
    sys.exit(run_all(TESTS, sys.argv[2:]))
