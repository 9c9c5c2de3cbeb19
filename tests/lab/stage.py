"""A case's stage: an internet, two hosts on it, relays, and the pair of peers; all gone when the case ends."""
import contextlib
import os
import threading
import time

import relays
from networks import SERVER_V6, SERVERS, Internet
from peers import ONE, Pair

SPARE = SERVERS[2]  # the address of the second relay


class Floor:
    """Where one case at a time is measured; while a case only waits, it leaves the floor to others."""

    def __init__(self):
        self.lock = threading.Lock()

    def __enter__(self):
        self.lock.acquire()

    def __exit__(self, *_):
        self.lock.release()

    def idle(self, seconds):
        self.lock.release()
        time.sleep(seconds)
        self.lock.acquire()


class Stage(contextlib.ExitStack):
    def __init__(self, lab, folder):
        super().__init__()
        self.lab, self.folder = lab, folder
        os.makedirs(folder, exist_ok=True)
        self.net = Internet(lab.link_program)
        self.callback(self.net.close)
        self.alice, self.bob = self.net.host("alice", 1), self.net.host("bob", 2)
        self.relay = self.pair = None

    def networks(self, alice, bob):
        """One uplink each."""
        self.net.attach(self.alice, alice)
        self.net.attach(self.bob, bob)
        return self

    def start_relay(self):
        self.relay = self.start(relays.coturn, certificate=self.lab.certificate)

    def start_holdfast_relay(self, address=SERVERS[0]):
        return self.start(relays.holdfast, program=self.lab.program, address=address)

    def start(self, make, **options):
        relay = make(self.net.space, self.folder, **options)
        self.callback(relay.close)
        return relay

    def start_pair(self, alice, bob, traffic=ONE):
        self.pair = Pair(self.lab.program, (self.alice, self.bob), self.folder, (alice, bob), traffic)
        self.callback(self.pair.close)
        return self.pair

    def connect(self, alice, bob, traffic=ONE, seconds=15):
        """With these options; the time to connect."""
        return self.start_pair(alice, bob, traffic).wait_connected(seconds)

    def idle(self, seconds):
        self.lab.floor.idle(seconds)


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def server_of(host):
    return SERVER_V6 if all(uplink.kind.family == 6 for uplink in host.uplinks) else SERVERS[0]


def stun_options(host):
    return ["--stun", "stun:" + at(server_of(host), 3478)]


def turn_options(*uris):
    return [word for uri in uris for word in ("--turn", uri)] + \
        ["--turn-user", relays.USER, "--turn-pass", relays.PASSWORD]


def all_servers(host):
    """What an application gives its peers: STUN, and TURN over UDP, and over TCP at the port of the web."""
    server = server_of(host)
    return [*stun_options(host), *turn_options(f"turn:{at(server, 3478)}", f"turn:{at(server, 443)}?transport=tcp")]
