"""`holdfast doctor` as a user sees it, against servers of its own on loopback.

    doctor_test.py PROGRAM"""
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading

from pair import BOUND

PROGRAM = sys.argv[1]
COOKIE = 0x2112A442


class Stun:
    """Answers Binding requests; `shift` is added to the port that it says it saw."""

    def __init__(self, address="127.0.0.1", shift=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.shift = shift
        self.uri = "stun:%s:%d" % self.socket.getsockname()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            request, (address, port) = self.socket.recvfrom(2048)
            ip = struct.unpack("!I", socket.inet_aton(address))[0]
            value = struct.pack("!HHI", 1, (port + self.shift) ^ (COOKIE >> 16), ip ^ COOKIE)
            body = struct.pack("!HH", 0x0020, len(value)) + value
            self.socket.sendto(struct.pack("!HHI", 0x0101, len(body), COOKIE) + request[8:20] + body, (address, port))


def silent_uri():
    """A bound port at which nobody reads."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    holder.bind(("127.0.0.1", 0))
    return holder, "stun:127.0.0.1:%d" % holder.getsockname()[1]


def doctor(*options, **environment):
    env = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_TURN")}
    return subprocess.run([PROGRAM, "doctor", *options], capture_output=True, text=True, timeout=BOUND,
                          env={**env, **environment})


def look(*options, **environment):
    result = doctor("--bind", "127.0.0.1", "--json", *options, **environment)
    assert result.stdout, result
    return result.returncode, json.loads(result.stdout)


def sees_an_address_without_a_nat():
    status, seen = look("--stun", Stun().uri)
    address = seen["addresses"][0]
    assert status == 0 and seen["ok"] and seen["udp"] == "passes", seen
    assert address["mapping"] == "none" and address["mapped"] == address["address"], seen
    assert seen["stun"][0]["error"] is None and seen["stun"][0]["rtt_ms"] > 0, seen


def sees_a_nat_that_maps_for_each_server():
    status, seen = look("--stun", Stun(shift=1).uri, "--stun", Stun("127.0.0.2", shift=2).uri)
    assert status == 1 and not seen["ok"], seen
    assert seen["addresses"][0]["mapping"] == "endpoint-dependent", seen
    assert "TURN" in seen["advice"], seen


def sees_that_udp_is_blocked():
    holder, uri = silent_uri()
    status, seen = look("--stun", uri)
    assert status == 1 and seen["udp"] == "blocked" and seen["stun"][0]["error"] == "HF_ETIMEDOUT", seen
    assert "UDP is blocked" in seen["advice"], seen
    holder.close()


@contextlib.contextmanager
def relay(*options):
    process = subprocess.Popen([PROGRAM, "turn", "--listen", "127.0.0.1:0", "--user", "alice:secret", *options],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield "turn:" + json.loads(process.stdout.readline())["addresses"][0]
    finally:
        process.kill()
        process.wait()


def tries_a_relay_over_each_transport():
    with relay() as uri:
        status, seen = look("--turn", uri, "--turn-user", "alice", "--turn-pass", "secret")
        assert status == 0 and [r["uri"] for r in seen["turn"]] == [uri, uri + "?transport=tcp"], seen
        assert all(r["error"] is None and r["relayed"].startswith("127.0.0.1:") and r["ms"] > 0 for r in seen["turn"]), seen
        assert seen["udp"] == "passes" and seen["credentialsEnd"] is None, seen


def names_what_hinders_a_relay():
    with relay("--quota", "1") as uri:
        _, seen = look("--turn", uri, HOLDFAST_TURN_USER="alice", HOLDFAST_TURN_PASS="wrong")
        assert [r["error"] for r in seen["turn"]] == ["HF_EAUTH"] * 2 and "refuses user name" in seen["advice"], seen
        _, seen = look("--turn", uri, HOLDFAST_TURN_USER="1000000000:alice", HOLDFAST_TURN_PASS="wrong")
        assert seen["credentialsEnd"] == "2001-09-09T01:46:40Z" and "have expired" in seen["advice"], seen
        _, seen = look("--turn", uri, "--turn", uri, HOLDFAST_TURN_USER="alice", HOLDFAST_TURN_PASS="secret")
        errors = [r["error"] for r in seen["turn"]]
        assert errors.count(None) == 1 and errors.count("HF_EQUOTA") == 3, seen


def speaks_plain_words():
    result = doctor("--bind", "127.0.0.1", "--stun", Stun().uri)
    assert result.returncode == 0, result
    for words in ("Addresses of this machine", "127.0.0.1", "no NAT", "STUN servers", "answers within", "Clock", "Direct"):
        assert words in result.stdout, (words, result.stdout)


def refuses_a_bad_command_line():
    for options, words in ((("--stun", "x"), "stun:host"), (("--turn", "turn:x"), "--turn-user"), (("--what",), "--what")):
        result = doctor(*options)
        assert result.returncode == 2 and words in result.stderr and not result.stdout, result
    assert doctor("--help").stdout.startswith("usage: holdfast doctor")


for test in (sees_an_address_without_a_nat, sees_a_nat_that_maps_for_each_server, sees_that_udp_is_blocked,
             tries_a_relay_over_each_transport, names_what_hinders_a_relay, speaks_plain_words, refuses_a_bad_command_line):
    test()
    print("ok", test.__name__)
