"""Connecting: every pair of kinds of box, and every way to a relay."""
import itertools

from cases import ALL, CONNECT_DIRECT, CONNECT_RELAYED, CONNECT_RELAYED_TCP, Case, Result
from nat import KINDS, is_direct
from networks import SERVERS
from peers import Failure
from stage import all_servers, turn_options

REPEAT = 3

# Of the subset: each kind once with an easy and once with a hard counterpart.
QUICK = {("none", "none"), ("full-cone", "symmetric"), ("address-restricted", "symmetric"),
         ("port-restricted", "port-restricted"), ("port-restricted", "symmetric"), ("symmetric", "symmetric"),
         ("carrier", "carrier"), ("carrier-hairpin", "carrier-hairpin"), ("port-restricted", "udp-blocked"),
         ("udp-blocked", "udp-blocked"), ("port-restricted", "only-443"), ("only-443", "only-443"),
         ("port-restricted", "ipv6-only"), ("ipv6-only", "ipv6-only")}


def limit(a, b):
    if is_direct(a, b):
        return CONNECT_DIRECT
    return CONNECT_RELAYED if a.udp and b.udp else CONNECT_RELAYED_TCP


def cell(a, b):
    def run(stage):
        stage.networks(a.name, b.name)
        stage.start_relay()
        connect = stage.connect(all_servers(stage.alice), all_servers(stage.bob))
        stage.idle(0.5)  # where it may still become better
        stage.pair.finish(5)
        return Result(path=stage.pair.path(), expected_path="direct" if is_direct(a, b) else "relayed",
                      connect=connect, connect_limit=limit(a, b), note=stage.pair.pair_text())
    return run


for a, b in itertools.combinations_with_replacement(KINDS.values(), 2):
    ALL.append(Case(f"connect/{a.name}/{b.name}", f"{'direct' if is_direct(a, b) else 'relayed'}", cell(a, b),
                    quick=(a.name, b.name) in QUICK, repeat=REPEAT))


# --- Relay alone -----------------------------------------------------------------------------------------------------

def relay_only(uri, trust, ours):
    def run(stage):
        stage.networks("none", "none")
        stage.net.count_forwarded()
        stage.start_holdfast_relay() if ours else stage.start_relay()
        options = ["--policy", "relay", *turn_options(uri), *(["--ca-file", stage.lab.certificate[0]] if trust else [])]
        connect = stage.connect(options, options)
        stage.pair.finish(5)
        for host in (stage.alice, stage.bob):
            for uplink in host.uplinks:
                if stage.pair.signalling.mentions(uplink.address):
                    raise Failure(f"{host.name}'s address was told although only relayed ones may be")
        if count := stage.net.forwarded():
            raise Failure(f"{count} packets went past the relay")
        return Result(path=stage.pair.path(), expected_path="relayed", connect=connect,
                      connect_limit=CONNECT_RELAYED if "tcp" not in uri and "turns" not in uri else CONNECT_RELAYED_TCP,
                      note=stage.pair.pair_text())
    return run


HOST = SERVERS[0]
for name, uri, trust, ours, quick in (
        ("coturn-udp", f"turn:{HOST}:3478", False, False, True),
        ("coturn-tcp", f"turn:{HOST}:3478?transport=tcp", False, False, False),
        ("coturn-tcp-443", f"turn:{HOST}:443?transport=tcp", False, False, True),
        ("coturn-tls-443", f"turns:{HOST}:443", True, False, True),
        ("holdfast-udp", f"turn:{HOST}:3478", False, True, True),
        ("holdfast-tcp", f"turn:{HOST}:3478?transport=tcp", False, True, False)):
    ALL.append(Case(f"relay/{name}", f"relay alone, by {uri}", relay_only(uri, trust, ours), quick=quick, repeat=REPEAT))
