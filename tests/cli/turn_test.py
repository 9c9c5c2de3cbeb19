"""`holdfast turn` as its clients and whoever runs it see it: over loopback, with a client of a few lines.

    turn_test.py PROGRAM"""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BOUND = float(os.environ.get("HOLDFAST_TEST_BOUND", "30"))  # seconds that nothing takes, however slow the machine
PROGRAM = sys.argv[1]
COOKIE = 0x2112A442
BINDING, ALLOCATE, REFRESH, SEND, DATA, PERMISSION, CHANNEL = 1, 3, 4, 0x16, 0x17, 8, 9  # SEND, DATA: indications
USERNAME, ERROR, CHANNEL_NUMBER, LIFETIME, PEER, DATA_ATTRIBUTE, REALM, NONCE = 6, 9, 12, 13, 0x12, 0x13, 0x14, 0x15
RELAYED, TRANSPORT, MAPPED = 0x16, 0x19, 0x20
SUCCESS, FAILURE = 0x100, 0x110


@contextlib.contextmanager
def server(*options, listen="127.0.0.1:0", environment=None):
    process = subprocess.Popen([PROGRAM, "turn", "--listen", listen, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=dict(os.environ, **(environment or {})))
    try:
        first = json.loads(process.stdout.readline())
        assert first["type"] == "listening", first
        host, port = first["addresses"][0].rsplit(":", 1)
        process.address = (host, int(port))
        yield process
    finally:
        process.kill()
        process.wait()


def last_stats(process):
    lines = [json.loads(line) for line in process.stdout.read().splitlines()]
    assert all(line["type"] == "stats" for line in lines), lines
    return lines[-1]


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def xored(address):
    host, port = address
    return struct.pack("!HHI", 1, port ^ COOKIE >> 16, struct.unpack("!I", socket.inet_aton(host))[0] ^ COOKIE)


def unxored(value):
    _, port, host = struct.unpack("!HHI", value)
    return socket.inet_ntoa(struct.pack("!I", host ^ COOKIE)), port ^ COOKIE >> 16


class Client:
    def __init__(self, address, user="alice", password="rabbit", stream=False):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        self.socket.settimeout(BOUND)
        self.socket.connect(address)
        self.stream, self.user, self.password, self.realm, self.nonce = stream, user, password, None, None

    def send(self, kind, attributes):
        body = b"".join(attribute(*a) for a in attributes)
        identity = os.urandom(12)
        if self.nonce and kind != SEND and kind != BINDING:
            body += attribute(USERNAME, self.user.encode()) + attribute(REALM, self.realm) + attribute(NONCE, self.nonce)
            key = hashlib.md5(self.user.encode() + b":" + self.realm + b":" + self.password.encode()).digest()
            covered = struct.pack("!HHI", kind, len(body) + 24, COOKIE) + identity + body
            body += attribute(8, hmac.new(key, covered, hashlib.sha1).digest())
        self.socket.sendall(struct.pack("!HHI", kind, len(body), COOKIE) + identity + body)

    def read(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            assert piece, "the stream has ended"
            data += piece
        return data

    def receive(self):
        """(type, attributes), or (channel, data)."""
        if self.stream:
            head = self.read(4)
            kind, length = struct.unpack("!HH", head)
            message = head + self.read(length + 16 if kind < 0x4000 else length + -length % 4)
        else:
            message = self.socket.recv(65536)
            kind, length = struct.unpack("!HH", message[:4])
        if kind >= 0x4000:
            return kind, message[4:4 + length]
        attributes, at = {}, 20
        while at < len(message):
            name, size = struct.unpack("!HH", message[at:at + 4])
            attributes[name] = message[at + 4:at + 4 + size]
            at += 4 + size + -size % 4
        return kind, attributes

    def ask(self, kind, *attributes):
        """(code, attributes); once more after a challenge."""
        for _ in range(2):
            self.send(kind, attributes)
            answer, found = self.receive()
            assert answer & 0x3EEF == kind, hex(answer)
            if answer & 0x110 == SUCCESS:
                return 0, found
            code = found[ERROR][2] * 100 + found[ERROR][3]
            fresh = code in (401, 438) and self.nonce is None
            self.realm, self.nonce = found.get(REALM, self.realm), found.get(NONCE, self.nonce)
            if not fresh:
                break
        return code, found

    def allocate(self):
        code, found = self.ask(ALLOCATE, (TRANSPORT, b"\x11\0\0\0"))
        return code or unxored(found[RELAYED])


def udp():
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.settimeout(BOUND)
    peer.bind(("127.0.0.1", 0))
    return peer


ANYBODY_HERE = ("--user", "alice:rabbit", "--allow", "127.0.0.0/8")


def it_relays(stream):
    with server(*ANYBODY_HERE) as process:
        client, peer = Client(process.address, stream=stream), udp()
        assert unxored(client.ask(BINDING)[1][MAPPED]) == client.socket.getsockname()
        relayed = client.allocate()
        assert 49152 <= relayed[1] <= 65535, relayed
        assert client.ask(PERMISSION, (PEER, xored(peer.getsockname())))[0] == 0
        client.send(SEND, [(PEER, xored(peer.getsockname())), (DATA_ATTRIBUTE, b"there")])
        assert peer.recvfrom(100) == (b"there", relayed)
        peer.sendto(b"and back", relayed)
        kind, found = client.receive()
        assert kind == DATA and found[DATA_ATTRIBUTE] == b"and back", (kind, found)
        assert client.ask(CHANNEL, (CHANNEL_NUMBER, b"\x40\x01\0\0"), (PEER, xored(peer.getsockname())))[0] == 0
        client.socket.sendall(struct.pack("!HH", 0x4001, 5) + b"short" + (bytes(3) if stream else b""))
        assert peer.recvfrom(100) == (b"short", relayed)
        peer.sendto(b"and short", relayed)
        assert client.receive() == (0x4001, b"and short")
        assert client.ask(REFRESH, (LIFETIME, bytes(4)))[0] == 0
        assert client.ask(REFRESH, (LIFETIME, bytes(4)))[0] == 437
        process.stdin.close()
        stats = last_stats(process)
        assert process.wait(BOUND) == 0
        for name, value in (("allocations", 0), ("allocationsMade", 1), ("bindings", 1), ("packetsToPeers", 2),
                            ("bytesToPeers", 10), ("packetsToClients", 2), ("bytesToClients", 17)):
            assert stats[name] == value, (name, stats)


def it_refuses():
    with server("--user", "alice:rabbit", "--quota", "1", "--deny", "203.0.113.0/24") as process:
        assert Client(process.address, password="hare").allocate() == 401
        assert Client(process.address, user="bob").allocate() == 401
        client = Client(process.address)
        client.allocate()
        for peer in ("127.0.0.2", "10.0.0.1", "192.168.1.1", "169.254.169.254", "203.0.113.1"):
            assert client.ask(PERMISSION, (PEER, xored((peer, 80))))[0] == 403, peer
        assert client.ask(PERMISSION, (PEER, xored(("198.51.100.1", 80))))[0] == 0
        assert Client(process.address).allocate() == 486
        process.send_signal(signal.SIGTERM)
        stats = last_stats(process)
        assert process.wait(BOUND) == 0
        assert (stats["refusedCredentials"], stats["refusedPeer"], stats["refusedQuota"]) == (2, 5, 1), stats


def it_takes_users_from_elsewhere():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("# who may\n\nbob:a:b\r\ncarol:c\n")
        file.flush()
        with server("--user-file", file.name, environment={"HOLDFAST_TURN_USERS": "dave:d\nerin:e\n"}) as process:
            for user, password in (("bob", "a:b"), ("carol", "c"), ("dave", "d"), ("erin", "e")):
                assert isinstance(Client(process.address, user, password).allocate(), tuple), user
            assert Client(process.address, "# who", "may").allocate() == 401


def it_takes_credentials_of_a_secret():
    def password(user):
        return base64.b64encode(hmac.new(b"s3cret", user.encode(), hashlib.sha1).digest()).decode()

    with server(environment={"HOLDFAST_TURN_SECRET": "s3cret"}) as process:
        good, old = f"{int(time.time()) + 600}:alice", f"{int(time.time()) - 1}:alice"
        assert isinstance(Client(process.address, good, password(good)).allocate(), tuple)
        assert Client(process.address, old, password(old)).allocate() == 401
        assert Client(process.address, good, password(old)).allocate() == 401


def it_prints_stats_in_between_and_ends_by_an_interrupt():
    with server("--stun-only", "--stats", "0.05") as process:
        for _ in range(3):
            assert json.loads(process.stdout.readline())["type"] == "stats"
        assert Client(process.address).allocate() == 403
        process.send_signal(signal.SIGINT)
        assert last_stats(process)["refusedPeer"] == 1
        assert process.wait(BOUND) == 0


def it_stays_where_there_is_no_input():
    process = subprocess.Popen([PROGRAM, "turn", "--listen", "127.0.0.1:0", "--stun-only", "--stats", "0.1"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        for _ in range(3):
            assert process.stdout.readline(), "it has ended"
    finally:
        process.terminate()
        process.stdout.read()
        assert process.wait(BOUND) == 0


def command_lines_that_are_none():
    with server("--stun-only") as process:
        taken = f"127.0.0.1:{process.address[1]}"
        for options, status, words in (
            ((), 2, "nobody may relay"),
            (("--stun-only", "--user", "a:b"), 2, "no users"),
            (("--user", "nobody"), 2, "NAME:PASSWORD"),
            (("--user", "a:b", "--user", "a:c"), 2, "a user twice"),
            (("--user-file", "/nowhere"), 2, "can't be read"),
            (("--secret", ""), 2, "empty"),
            (("--user", "a:b", "--listen", "somewhere"), 2, "not an address"),
            (("--user", "a:b", "--relay", "0.0.0.0"), 2, "not an address"),
            (("--user", "a:b", "--relay", "192.0.2.1", "--relay", "192.0.2.2"), 2, "already"),
            (("--user", "a:b", "--ports", "9-1"), 2, "range of ports"),
            (("--user", "a:b", "--allow", "10.0.0.0/33"), 2, "prefix"),
            (("--user", "a:b", "--allow", "10.0.0/8"), 2, "range of addresses"),
            (("--user", "a:b", "--quota", "0"), 2, "number"),
            (("--user", "a:b", "--rate", "1x"), 2, "number"),
            (("--stun-only", "--listen", taken), 1, "in use"),
            (("--stun-only", "--listen", "192.0.2.77:3478"), 1, "no such address"),
        ):
            done = subprocess.run([PROGRAM, "turn", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOUND)
            assert (done.returncode, done.stdout) == (status, ""), (options, done)
            assert words in done.stderr, (options, done.stderr)
    done = subprocess.run([PROGRAM, "turn", "--help"], capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0 and "--listen" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout


it_relays(stream=False)
it_relays(stream=True)
it_refuses()
it_takes_users_from_elsewhere()
it_takes_credentials_of_a_secret()
it_prints_stats_in_between_and_ends_by_an_interrupt()
it_stays_where_there_is_no_input()
command_lines_that_are_none()
