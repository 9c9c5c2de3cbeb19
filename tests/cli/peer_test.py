"""`holdfast peer` as a program: two of them on loopback, the contract's commands, events and exit statuses.

    peer_test.py PROGRAM [TEST...]"""
import base64
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from pair import BOUND, Pair, run_all

PROGRAM = sys.argv[1]
FIVE = {  # channel: ordered, maxRetransmits
    "code-sync": (True, None),
    "cursor-pos": (False, 0),
    "ai-stream": (True, None),
    "presence": (False, 0),
    "files": (True, None),
}


def run(*arguments, text=""):
    return subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True, timeout=BOUND)


def expect_end(pair, offerer=0, answerer=0):
    began = time.monotonic()
    assert (pair.offerer.status(), pair.answerer.status()) == (offerer, answerer)
    return time.monotonic() - began


def five_channels_carry_messages_both_ways():
    with Pair(PROGRAM) as pair:
        pair.wait_open(5)
        for peer in pair.peers():
            for event in peer.all(type="open"):
                ordered, retransmits = FIVE[event["channel"]]
                assert (event["ordered"], event["maxRetransmits"], event["resumed"]) == (ordered, retransmits, False), event
            assert peer.all(type="state", connection="connected", session="connected", path="direct")
            assert peer.all(type="pair")[0]["local"].startswith("host 127.0.0.1:")
        for here, there in (pair.peers(), pair.peers()[::-1]):
            for channel in FIVE:
                here.command(type="send", channel=channel, text=f"tëxt on {channel}")
                assert there.wait_for(type="message", channel=channel)[0]["text"] == f"tëxt on {channel}"
        for text in ("", "\0", "line\nbreak", "𝄞" * 1000):
            pair.offerer.command(type="send", channel="code-sync", text=text)
            pair.answerer.wait_for(type="message", channel="code-sync", text=text)
        pair.offerer.command(type="close")
        assert expect_end(pair) < 3
        for peer in pair.peers():
            assert len(peer.all(type="closed")) == 5
            assert peer.all(type="state", session="closed", connection="closed")


def binary_messages_arrive_as_they_were():
    with Pair(PROGRAM, offer=("--channels", "a,b:unordered")) as pair:
        pair.wait_open(2)
        for data in (b"", b"\0", bytes(range(256)), os.urandom(200000)):
            text = base64.b64encode(data).decode()
            pair.answerer.command(type="send", channel="a", base64=text)
            pair.offerer.wait_for(type="message", channel="a", base64=text)
        pair.offerer.command(type="send", channel="b", size=70000, repeat=40)
        for message in pair.answerer.wait_for(40, type="message", channel="b"):
            assert base64.b64decode(message["base64"]) == bytes(i & 255 for i in range(70000))
        pair.offerer.command(type="close-channel", channel="b")
        assert pair.answerer.wait_for(type="closed", channel="b")[0]["bytes"] == 40 * 70000
        pair.offerer.wait_for(type="closed", channel="b")
        pair.answerer.command(type="send", channel="a", text="the other channel lives")
        pair.offerer.wait_for(type="message", text="the other channel lives")
        pair.answerer.end_input()
        assert expect_end(pair) < 3


def repeated_messages_wait_for_room_while_other_commands_go_on():
    with Pair(PROGRAM, answer=("--echo",)) as pair:
        pair.wait_open(5)
        pair.offerer.command(type="send", channel="files", size=100000, repeat=200)
        pair.offerer.command(type="send", channel="code-sync", text="not delayed")
        pair.offerer.wait_for(type="message", channel="code-sync", text="not delayed")
        pair.offerer.wait_for(200, type="message", channel="files")
        assert not pair.offerer.all(type="writable"), "nobody was refused"
        pair.offerer.command(type="close")
        expect_end(pair)
        assert pair.answerer.all(type="closed", channel="files")[0]["bytes"] == 200 * 100000
        assert not pair.answerer.all(type="message"), "an echo is not printed"


def a_message_without_room_is_refused_and_writable_follows():
    with Pair(PROGRAM, both=("--bind", "127.0.0.1", "--channels", "a")) as pair:
        pair.wait_open(1)
        pair.offerer.write('{"type":"send","channel":"a","size":200000}\n' * 100)
        pair.offerer.wait_for(type="error", code="HF_EAGAIN", channel="a")
        pair.offerer.wait_for(type="writable", channel="a")
        pair.offerer.command(type="close")
        expect_end(pair)


def expect_report(stats, sent):
    """The W3C's objects, by id; they refer to each other, and say the same as the line around them."""
    report = stats["report"]
    for key, thing in report.items():
        assert thing["id"] == key and thing["timestamp"] == stats["timestamp"], thing
        for member, value in thing.items():
            assert not member.endswith("Id") or value in report, (key, member, value)
    transport = report["transport"]
    assert (transport["dtlsState"], transport["tlsVersion"]) == ("connected", "FEFD"), transport
    pair = report[transport["selectedCandidatePairId"]]
    assert pair["state"] == "succeeded" and 0 < pair["currentRoundTripTime"] < 10, pair
    assert report[pair["localCandidateId"]]["address"] == "127.0.0.1"
    channel = next(t for t in report.values() if t["type"] == "data-channel" and t["label"] == "code-sync")
    header = 2  # of the frame that carries it
    there = {0: 0, 5: 5 + header}
    assert (channel["bytesSent"], channel["bytesReceived"]) == (there[sent], there[5 - sent]), channel
    assert {"peer-connection", "sctp-transport", "certificate"} < {t["type"] for t in report.values()}


def statistics_bear_what_is_promised():
    with Pair(PROGRAM, offer=("--stats", "0.2")) as pair:
        pair.wait_open(5)
        pair.offerer.wait_for(2, type="stats")
        pair.offerer.command(type="send", channel="code-sync", text="12345")
        pair.answerer.wait_for(type="message")
        ids = []
        for peer, sent in ((pair.offerer, 5), (pair.answerer, 0)):
            known = len(peer.all(type="stats"))
            peer.command(type="stats")
            stats = peer.wait_for(known + 1, type="stats")[-1]
            channel = next(c for c in stats["channels"] if c["channel"] == "code-sync")
            assert (channel["bytesSent"], channel["bytesReceived"]) == (sent, 5 - sent), channel
            assert channel["messagesSent"] + channel["messagesReceived"] == 1
            assert channel["messagesQueued"] >= 0 and channel["bufferedAmount"] >= 0
            assert stats["pair"]["local"].startswith("host 127.0.0.1") and stats["rtt_ms"] > 0
            assert (stats["sessionState"], stats["protocol"], stats["generation"]) == ("connected", "holdfast", 1), stats
            assert stats["attempt"] == {"phase": "none", "step": stats["attempt"]["step"], "failures": 0, "relayOnly": False,
                                        "next_s": None, "cause": ""}, stats["attempt"]
            ids.append((stats["session"], stats["remoteSession"]))
            assert stats["packetsSent"] > 0 and all(isinstance(n, int) for n in stats["drops"].values())
            expect_report(stats, sent)
        assert ids[0] == ids[1][::-1] and all(len(i) == 32 for i in ids[0]), ids
        pair.answerer.command(type="close")
        expect_end(pair)


def bad_lines_change_nothing():
    bad = [
        ("hello", "HF_ESYNTAX"), ("", "HF_ESYNTAX"), ("[]", "HF_ESYNTAX"), ('{"type":"nonsense"}', "HF_EINVAL"),
        ('{"type":"send","channel":"code-sync"}', "HF_EINVAL"), ('{"type":"send","channel":"nowhere","text":"a"}', "HF_ENOENT"),
        ('{"type":"close-channel","channel":"nowhere"}', "HF_ENOENT"),
        ('{"type":"credentials","url":"turn:nobody","username":"u","password":"p"}', "HF_ENOENT"),
        ('{"type":"credentials","url":"turn:nobody","username":"u"}', "HF_EINVAL"),
        ('{"type":"accept-identity"}', "HF_ESTATE"), ('{"type":"bye"}', "HF_EINVAL"), ('{"type":"bye","to":"peer"}', "HF_EINVAL"),
        ('{"type":"bye","to":"peer","envelope":{"session":"%s","remoteSession":"%s"}}' % ("0" * 32, "1" * 32), "HF_ENOENT"),
        ('{"type":"answer","sdp":"v=0","envelope":{"session":"not hexadecimal"}}', "HF_EINVAL"),
        ('{"type":"answer","sdp":"v=0","envelope":{"remoteSession":"%s"}}' % ("0" * 32), "HF_ENOENT"),
        ('{"type":"candidate","candidate":"candidate:rubbish"}', "HF_ESYNTAX"),
        ('{"type":"offer","sdp":"v=0","envelope":{"receiver":"somebody else"}}', "HF_EINVAL"),
        ('{"type":"send","channel":"code-sync","size":300000}', "HF_EMSGSIZE"),
    ]
    good = [
        '{"type":"candidate","candidate":"candidate:1 1 udp 1 8f3f0a2e-1111-4222-8333-123456789abc.local 5000 typ host"}',
        '{"type":"candidate","candidate":"candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active","sdpMid":"0","sdpMLineIndex":0}',
        '{"type":"candidate","candidate":"candidate:1 1 udp 1 0.0.0.0 9 typ host"}',
        '{"type":"candidate","candidate":null}', '{"type":"something new","to":"peer"}',
    ]
    with Pair(PROGRAM) as pair:
        pair.wait_open(5)
        for line in good:
            pair.offerer.write(line + "\n")
        for n, (line, code) in enumerate(bad, 1):
            pair.offerer.write(line + "\r\n")
            errors = pair.offerer.wait_for(n, type="error")
            assert len(errors) == n and errors[-1]["code"] == code and not errors[-1]["fatal"], (line, errors[-1])
        pair.offerer.command(type="send", channel="code-sync", text="still here")
        pair.answerer.wait_for(type="message", text="still here")
        pair.offerer.command(type="close")
        expect_end(pair)
        assert not pair.answerer.all(type="error")


def a_message_before_its_channel_is_open_is_refused():
    early = '{"type":"send","channel":"code-sync","text":"too early"}\n'
    lines = [json.loads(line) for line in run("peer", "--offer", "--bind", "127.0.0.1", text=early).stdout.splitlines()]
    errors = [line for line in lines if line["type"] == "error"]
    assert [(e["code"], e["channel"]) for e in errors] == [("HF_ESTATE", "code-sync")], errors


def candidates_may_come_before_the_description_and_envelopes_may_be_missing():
    with Pair(PROGRAM) as pair:
        for peer in pair.peers():
            peer.wire = False  # what came so far, if anything, is repeated below
        offers = [dict(e) for e in pair.offerer.wait(
            lambda: pair.offerer.all(type="candidate", candidate="") and [e for e in pair.offerer.lines if e["type"] in ("offer", "candidate")],
            "the end of candidates")]
        for event in sorted(offers, key=lambda e: e["type"]):  # candidates first
            del event["envelope"]
            pair.answerer.command(**event)
        pair.answerer.wait_for(type="answer")
        answers = [e for e in pair.answerer.wait(
            lambda: pair.answerer.all(type="candidate", candidate="") and list(pair.answerer.lines), "the end of candidates")]
        for event in sorted((e for e in answers if e["type"] in ("answer", "candidate")), key=lambda e: e["type"], reverse=True):
            event = dict(event)
            del event["envelope"]
            pair.offerer.command(**event)
        pair.wait_open(5)
        pair.offerer.command(type="close")
        expect_end(pair)


def without_trickling_one_line_each_way_is_enough():
    with Pair(PROGRAM, both=("--bind", "127.0.0.1", "--no-trickle")) as pair:
        pair.wait_open(5)
        for peer in pair.peers():
            assert not peer.all(type="candidate")
            description = (peer.all(type="offer") or peer.all(type="answer"))[0]
            assert "a=candidate:" in description["sdp"] and "a=end-of-candidates" in description["sdp"]
        pair.answerer.command(type="close")
        expect_end(pair)


def both_may_offer():
    with Pair(PROGRAM, roles=("--offer", "--offer"), offer=("--id", "alice"), answer=("--id", "bob")) as pair:
        pair.wait_open(5)
        pair.offerer.command(type="send", channel="code-sync", text="one of us gave way")
        pair.answerer.wait_for(type="message", text="one of us gave way")
        pair.offerer.command(type="close")
        expect_end(pair)


def ufrag_of(description):
    return next(line for line in description["sdp"].splitlines() if line.startswith("a=ice-ufrag:"))


def a_restart_from_either_side_is_a_second_offer_and_answer():
    for raw in ((), ("--raw",)):
        with Pair(PROGRAM, both=("--bind", "127.0.0.1", "--channels", "a", *raw)) as pair:
            pair.wait_open(1)
            pair.offerer.command(type="send", channel="a", size=40000, repeat=300)
            offers = 0
            for peer, other in (pair.peers(), pair.peers()[::-1], pair.peers()):
                before = (ufrag_of(pair.offerer.all(type="offer")[0]), len(peer.all(type="offer")), len(other.all(type="answer")))
                peer.command(type="restart")
                offer = peer.wait_for(before[1] + 1, type="offer")[-1]
                other.wait_for(before[2] + 1, type="answer")
                assert ufrag_of(offer) != before[0]
                other.command(type="send", channel="a", text=f"after {offers}")
                peer.wait_for(type="message", text=f"after {offers}")
                offers += 1
            pair.answerer.wait_for(300, type="message", channel="a")
            for peer in pair.peers():
                states = [e["connection"] for e in peer.all(type="state")]
                assert states[states.index("connected"):].count("connected") == len(states) - states.index("connected"), states
                assert not peer.all(type="error"), peer.all(type="error")
            numbers = [e["envelope"]["offer"] for e in pair.offerer.all(type="offer")]
            assert numbers == sorted(set(numbers)), numbers
            pair.offerer.command(type="close")
            expect_end(pair)


def restarts_of_both_at_once_settle():
    with Pair(PROGRAM) as pair:
        pair.wait_open(5)
        for peer in pair.peers():
            peer.command(type="restart")
        for here, there in (pair.peers(), pair.peers()[::-1]):
            here.command(type="send", channel="code-sync", text="still here")
            there.wait_for(type="message", text="still here")
        pair.offerer.wait(lambda: len(pair.offerer.all(type="answer") + pair.answerer.all(type="answer")) >= 2, "an answer")
        assert not pair.offerer.all(type="error") + pair.answerer.all(type="error")
        pair.offerer.command(type="close")
        expect_end(pair)


def a_restart_needs_a_connection():
    done = run("peer", "--offer", "--bind", "127.0.0.1", text='{"type":"restart"}\n')
    errors = [e for e in map(json.loads, done.stdout.splitlines()) if e["type"] == "error"]
    assert [e["code"] for e in errors] == ["HF_ESTATE"] and "restart" in errors[0]["message"], errors


def echo_sink_and_source_measure():
    with Pair(PROGRAM, offer=("--channels", "sink,source,talk"), answer=("--echo",)) as pair:
        pair.wait_open(3)
        pair.offerer.command(type="send", channel="talk", text="hello")
        pair.offerer.wait_for(type="message", channel="talk", text="hello")
        pair.offerer.command(type="send", channel="sink", size=50000, repeat=100)
        pair.offerer.command(type="send", channel="sink", text="how many?", repeat=1)
        answer = json.loads(pair.offerer.wait_for(type="message", channel="sink")[0]["text"])
        assert answer == {"bytes": 5000000, "messages": 100}, answer
        pair.offerer.command(type="send", channel="source", text='{"cmd":"send","ms":200,"size":10000}')
        done = pair.offerer.wait(lambda: [e for e in pair.offerer.all(type="message", channel="source") if "text" in e], "the total")
        got = [e for e in pair.offerer.all(type="message", channel="source") if "base64" in e]
        assert json.loads(done[0]["text"])["bytes"] == 10000 * len(got) > 0
        pair.offerer.command(type="close")
        expect_end(pair)


def tcp_alone_carries_what_udp_does():
    with Pair(PROGRAM, offer=("--no-udp",), answer=("--no-udp", "--tcp", "listen", "--echo")) as pair:
        pair.wait_open(5)
        for peer in pair.peers():
            selected = peer.wait_for(type="pair")[-1]
            assert selected["local"].endswith(" tcp") and selected["remote"].endswith(" tcp"), selected
            candidates = [e["candidate"].split()[2] for e in peer.all(type="candidate") if e["candidate"]]
            assert candidates and set(candidates) == {"tcp"}, candidates
        parts = [os.urandom(65536) for _ in range(16)]
        for part in parts:
            pair.offerer.command(type="send", channel="files", base64=base64.b64encode(part).decode())
        echoes = pair.offerer.wait_for(len(parts), type="message", channel="files")
        assert [base64.b64decode(e["base64"]) for e in echoes] == parts
        for peer, name in ((pair.offerer, "streams_opened"), (pair.answerer, "streams_accepted")):
            peer.command(type="stats")
            stats = peer.wait_for(type="stats")[-1]
            assert (stats[name], stats["streams_failed"]) == (1, 0), stats
        pair.offerer.command(type="close")
        expect_end(pair)


def tcp_that_nobody_listens_for_is_a_failure():
    with Pair(PROGRAM, offer=("--no-udp", "--give-up", "1"), answer=("--no-udp",)) as pair:
        assert pair.offerer.status() == 1
        assert pair.offerer.all(type="error", fatal=True) and not pair.offerer.all(type="open")


def a_kept_certificate_is_the_same_identity():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "me.pem")

        def fingerprint():
            with Pair(PROGRAM, offer=("--certificate", path)) as pair:
                sdp = pair.offerer.wait_for(type="offer")[0]["sdp"]
                pair.wait_open(5)
                pair.offerer.command(type="close")
                expect_end(pair)
            return next(line for line in sdp.splitlines() if line.startswith("a=fingerprint:"))

        assert fingerprint() == fingerprint()
        assert os.stat(path).st_mode & 0o777 == 0o600


def a_certificate_that_is_none_is_refused_by_name():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "me.pem")
        with Pair(PROGRAM, offer=("--certificate", path)) as pair:  # makes one
            pair.wait_open(5)
            pair.offerer.command(type="close")
            expect_end(pair)
        with open(path) as file:
            good = file.read()
        key, certificate = good.split("-----BEGIN CERTIFICATE-----")
        encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n"
        table = [  # content, error, words
            ("", "HF_ECERTIFICATE", "no certificate"),
            ("rubbish", "HF_ECERTIFICATE", "no certificate"),
            (key, "HF_ECERTIFICATE", "no certificate"),
            ("-----BEGIN CERTIFICATE-----" + certificate, "HF_ECERTIFICATE", "no private key"),
            (good.replace("MII", "AAA"), "HF_ECERTIFICATE", "can't be read"),
            (encrypted + "-----BEGIN CERTIFICATE-----" + certificate, "HF_ECERTIFICATE", "key"),
            (good + "x" * 70000, "HF_ECERTIFICATE", "64 KiB"),
        ]
        for content, code, words in table:
            with open(path, "w") as file:
                file.write(content)
            broken = run("peer", "--offer", "--certificate", path)
            assert broken.returncode == 1 and code in broken.stderr and words in broken.stderr, (content[:40], broken)
            with open(path) as file:
                assert file.read() == content, "a file that is there is never written"
        for path, words in ((folder, "directory"), (os.path.join(folder, "none", "me.pem"), "No such file")):
            broken = run("peer", "--offer", "--certificate", path)
            assert broken.returncode == 1 and "HF_EIO" in broken.stderr and words in broken.stderr, broken


def signals_end_it_cleanly():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Pair(PROGRAM) as pair:
            pair.wait_open(5)
            pair.answerer.process.send_signal(number)
            assert expect_end(pair) < 3


def a_remote_that_dies_is_a_failure():
    with Pair(PROGRAM, offer=("--give-up", "0.5")) as pair:
        pair.wait_open(5)
        pair.answerer.process.kill()
        assert pair.offerer.status() == 1
        assert pair.offerer.lines[-1] and any(e["fatal"] for e in pair.offerer.all(type="error"))


def nobody_there_is_a_failure_when_one_gives_up():
    with Pair(PROGRAM, offer=("--give-up", "0.3")) as pair:
        pair.answerer.process.kill()
        assert pair.offerer.status() == 1
        assert pair.offerer.all(type="error", code="HF_ETIMEDOUT", fatal=True)


def output_that_nobody_reads_ends_it():
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen([PROGRAM, "peer", "--offer", "--bind", "127.0.0.1"], stdin=subprocess.PIPE, stdout=writer)
    os.close(writer)
    assert process.wait(BOUND) == 1
    process.stdin.close()


def input_may_be_a_file_or_missing():
    with tempfile.TemporaryFile() as file:
        file.write(b'{"type":"stats"}\nrubbish')
        file.seek(0)
        done = subprocess.run([PROGRAM, "peer", "--answer"], stdin=file, capture_output=True, timeout=BOUND)
    assert done.returncode == 0, done
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["type"] for e in lines] == ["stats", "error"] and "line 2" in lines[1]["message"], lines
    done = subprocess.run(["sh", "-c", '"$0" peer --answer <&-', PROGRAM], capture_output=True, timeout=BOUND)
    assert done.returncode == 0, done


def a_file_of_authorities_that_is_none_is_named():
    with tempfile.NamedTemporaryFile(suffix=".pem") as empty:
        for name, says in (("/nonexistent", "can't read /nonexistent: No such file"),
                           (empty.name, f"{empty.name}: no certificate can be read there (HF_ECERTIFICATE)")):
            done = run("peer", "--offer", "--ca-file", name)
            assert done.returncode == 1 and says in done.stderr and not done.stdout, done


def the_command_line_explains_itself():
    assert run("--version").stdout.startswith("holdfast ")
    assert "peer" in run("--help").stdout
    for word in ("peer", "demo"):
        done = run(word, "--help")
        assert done.returncode == 0 and done.stdout.startswith(f"usage: holdfast {word}") and not done.stderr
        assert all(len(line) <= 80 for line in done.stdout.splitlines())
    for arguments, says in (((), "usage"), (("pear",), 'unknown word "pear"'), (("peer",), "--offer"),
                            (("peer", "--offer", "--foo"), "unknown option --foo (HF_EINVAL); see holdfast peer --help"),
                            (("peer", "--offer", "--policy", "relay"), "--policy relay needs --turn"),
                            (("peer", "--offer", "--turn", "turn:a", "--turn-user", "u"), "TURN has a user, but no password"),
                            (("peer", "--offer", "--relay-after", "-3"), '"-3" is not a number from 0 to 1000'),
                            (("peer", "--offer", "--interface", "a/b"), '"a/b" is not the name of an interface'),
                            (("peer", "--offer", "--ports", "2-1"), '"2-1" is not a range of ports'),
                            (("demo", "--foo"), "unknown option --foo")):
        done = run(*arguments)
        assert done.returncode == 2 and says in done.stderr and not done.stdout, (arguments, done)
    done = run("peer", "--answer")
    assert done.returncode == 0, "input that ends before anything began is a clean end"


# Each function of this file that takes nothing.
TESTS = [value for value in list(globals().values())
         if inspect.isfunction(value) and value.__module__ == "__main__" and not inspect.signature(value).parameters]


if __name__ == "__main__":
    sys.exit(run_all(TESTS, sys.argv[2:]))
