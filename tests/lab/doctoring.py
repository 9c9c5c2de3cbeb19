"""What `holdfast doctor` sees behind each kind of box: against a server with two addresses (RFC 5780), and against two servers."""
import json
import subprocess

from cases import ALL, Case, Result
from nat import KINDS
from networks import SERVERS
from peers import Failure
from stage import all_servers, stun_options

BOUND = 30  # seconds
TWO_SERVERS = ["--stun", f"stun:{SERVERS[0]}:3478", "--stun", f"stun:{SERVERS[1]}:3478"]


def doctor(stage, options):
    process = stage.alice.space.start([stage.lab.program, "doctor", "--json", *options], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE)
    output, _ = process.communicate(timeout=BOUND)
    return process.returncode, json.loads(output)


def expect(what, seen, expected, found):
    if seen != expected:
        raise Failure(f"{what} is {seen}, not {expected}: {json.dumps(found)}")


def words(behavior):
    """RFC 4787's words as the doctor writes them."""
    return behavior.replace("address-and-port", "address- and port")


def behind(kind):
    def run(stage):
        stage.networks(kind.name, "none")
        stage.start_relay()
        status, found = doctor(stage, all_servers(stage.alice))
        expect("the status", (status, found["ok"]), (0, True), found)
        expect("UDP", found["udp"], "passes" if kind.udp else "blocked", found)
        expect("the relay at port 443", found["turn"][-1]["error"], None, found)
        (address,) = [a for a in found["addresses"] if kind.family == 6 or "." in a["address"]]
        if kind.udp and kind.family == 4:
            expect("the mapping", address["mapping"], words(kind.mapping) if kind.translates else "none", found)
            expect("the filtering", address["filtering"], words(kind.filtering), found)
            # Whoever asks both addresses can't tell of filters, and of mappings only whether they depend.
            status, found = doctor(stage, TWO_SERVERS)
            is_symmetric = kind.mapping != "endpoint-independent"
            expect("the status by two servers", status, int(is_symmetric), found)
            expect("the mapping by two servers", found["addresses"][0]["mapping"],
                   "endpoint-dependent" if is_symmetric else words(kind.mapping) if kind.translates else "none", found)
        elif kind.family == 4:
            status, found = doctor(stage, stun_options(stage.alice))
            expect("the status without a relay", status, 1, found)
        return Result(note=found["advice"])
    return run


for kind in KINDS.values():
    ALL.append(Case(f"doctor/{kind.name}", "the doctor sees what this box does", behind(kind), quick=True, timed=False))
