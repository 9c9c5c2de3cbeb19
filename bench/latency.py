#!/usr/bin/env python3
"""latency.py: how long 100 bytes take on code-sync while files saturates the link, with Holdfast and with other stacks.

Each side is a process in a network of its own; between them is lab_link, which has a rate, a delay, a queue and losses. What
is measured, and how to read it: docs/benchmarks.md.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/lab"))

from namespace import Namespace, kill_all  # noqa: E402
from networks import Link  # noqa: E402

RATE = 20e6  # bits a second, each way
DELAY_MS = 25  # each way
QUEUE = 122 * 1024
DEEP_QUEUE = int(RATE / 8)  # what the link carries in a second

# Name, and what the link is like; None: the machine's own loopback interface.
NETWORKS = {
    "a": ("loopback", None),
    "b": ("20 Mbit/s, 25 ms each way, queue of 122 KiB", {"queue_bytes": QUEUE}),
    "c1": ("the same, 1 % lost", {"queue_bytes": QUEUE, "loss": 0.01}),
    "c5": ("the same, 5 % lost", {"queue_bytes": QUEUE, "loss": 0.05}),
    "d": ("20 Mbit/s, 25 ms each way, queue of 1 s", {"queue_bytes": DEEP_QUEUE}),
}

# What Holdfast promises: the 99th percentile of the round trip, in ms, and the share that the transfer gets: of the link,
# on loopback of what a bare connection carries.
TRIP_TARGETS = {"b": 80, "c1": 200, "d": 120}
SHARE_TARGET = 0.85
SHARE_TARGETS = ("a", "b", "d")

FIRST = 5  # seconds that are told apart: until it is in full swing
DRAIN = 60  # seconds that an answer may take, at most, when all has been asked
PATIENCE = 60
NEVER = float("inf")


class Failure(Exception):
    """A side that does not do what it should."""


def stacks(programs):
    node = [shutil.which("node") or "node", os.path.join(ROOT, "bench/peers/latency.mjs")]
    return {
        "Holdfast": lambda role: [programs.latency, role, "session"],
        "plain channels": lambda role: [programs.latency, role, "plain"],
        "hf_peer": lambda role: [programs.latency, role, "peer"],
        "Chromium": lambda role: [*node, role, "chromium"],
        "wrtc": lambda role: [*node, role, "wrtc"],
        "werift": lambda role: [*node, role, "werift"],
        "aiortc": lambda role: ["/usr/bin/python3", os.path.join(ROOT, "bench/peers/side.py"), role],
    }


# --- Networks --------------------------------------------------------------------------------------------------------

class Loopback:
    """Both sides on one host."""

    def __init__(self):
        self.space = Namespace("host")
        self.space.run([os.path.join(ROOT, "tests/interop/network.sh"), "true"])
        self.spaces = (self.space, self.space)

    def begin_losses(self):
        """There are none."""

    def close(self):
        self.space.close()


class Linked:
    """A host for each side, and a link between. It loses nothing until they have connected."""

    def __init__(self, program, seed, loss=0, queue_bytes=QUEUE):
        self.loss = loss
        self.spaces = (Namespace("alice"), Namespace("bob"))
        self.link = Link(program, self.spaces[0], self.spaces[1], "up", seed)
        for number, space in enumerate(self.spaces):
            space.ip(f"addr add 10.99.0.{number + 1}/24 dev up", "route add default dev up")
        self.link.shape(delay_ms=DELAY_MS, rate_bits=int(RATE), queue_bytes=queue_bytes)

    def begin_losses(self):
        self.link.shape(loss=self.loss)

    def close(self):
        self.link.close()
        for space in self.spaces:
            space.close()


# --- A run -----------------------------------------------------------------------------------------------------------

class Side:
    """A process, and what it has said that was not for the other one."""

    def __init__(self, space, command, errors):
        self.process = space.start(command, mortal=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.said, self.changed, self.ended = [], threading.Condition(), False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.other = None

    def read(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if "sdp" in told:
                self.other.write(line)
                continue
            with self.changed:
                self.said.append(told)
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def write(self, line):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def tell(self, **told):
        self.write(json.dumps(told).encode() + b"\n")

    def wait(self, kind, seconds):
        """Takes the next of this type; None: it did not come."""
        limit = time.monotonic() + seconds
        with self.changed:
            while not (found := [told for told in self.said if told["type"] == kind]):
                if self.ended:
                    raise Failure(f"it ended while it was to say {kind}")
                if time.monotonic() >= limit:
                    return None
                self.changed.wait(limit - time.monotonic())
            self.said.remove(found[0])
            return found[0]

    def expect(self, kind, seconds):
        told = self.wait(kind, seconds)
        if told is None:
            raise Failure(f"no {kind} within {seconds:g} s")
        return told

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


def quantile(values, fraction):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def spread(values):
    return {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": max(values)}


def figures(trips, first):
    """The first `first` seconds are told apart. What never came took for ever."""
    begun = trips[0][0]
    early = [trip for trip in trips if trip[0] < begun + first * 1000]
    settled = trips[len(early):]
    return {"one_way_ms": spread([trip[1] - trip[0] if len(trip) > 1 else NEVER for trip in settled]),
            "round_trip_ms": spread([trip[2] - trip[0] if len(trip) > 1 else NEVER for trip in settled]),
            "first_round_trip_ms": spread([trip[2] - trip[0] if len(trip) > 1 else NEVER for trip in early]),
            "messages": len(settled), "unanswered": sum(len(trip) == 1 for trip in settled)}


def measure(alice, bob, network, options):
    for side in (alice, bob):
        side.expect("ready", PATIENCE)
    network.begin_losses()
    for side in (alice, bob) if options.both else (alice,):
        side.tell(type="flood")
    alice.tell(type="ask", seconds=FIRST + options.seconds)
    counts = []
    for wait in (FIRST, options.seconds):
        time.sleep(wait)
        for side in (bob, alice):
            side.tell(type="count")
        counts.append([side.expect("count", PATIENCE)["bytes"] for side in (bob, alice)] + [time.monotonic()])
    alice.expect("asked", PATIENCE)
    for side in (alice, bob) if options.both else (alice,):
        side.tell(type="report")  # bob, who has asked nothing, has only to stop
    trips = alice.wait("trips", options.drain)
    if trips is None:
        alice.tell(type="report")  # what there is
        trips = alice.expect("trips", PATIENCE)
    there, back, seconds = (after - before for before, after in zip(*counts))
    return {**figures(trips["trips"], FIRST), "bytes_per_second": there / seconds, "bytes_per_second_back": back / seconds}


def run_once(name, command, network_name, seed, options):
    shape = NETWORKS[network_name][1]
    with contextlib.ExitStack() as stack:
        network = Loopback() if shape is None else Linked(options.link, seed, **shape)
        stack.callback(network.close)
        errors = stack.enter_context(tempfile.TemporaryFile())
        sides = []
        for space, role in zip(network.spaces, ("offer", "answer")):
            sides.append(Side(space, command(role), errors))
            stack.callback(sides[-1].close)
        alice, bob = sides
        alice.other, bob.other = bob, alice
        for side in sides:
            side.reader.start()
        try:
            return measure(alice, bob, network, options)
        except Failure as failure:
            errors.seek(0)
            words = errors.read().decode(errors="replace").strip()
            raise Failure(f"{name}, {network_name}: {failure}{': ' + words if words else ''}") from None


# --- What came out ---------------------------------------------------------------------------------------------------

def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def summary(runs):
    """Of each figure the median of all rounds."""
    merged = {}
    for key, value in runs[0].items():
        if isinstance(value, dict):
            merged[key] = {part: median([run[key][part] for run in runs]) for part in value}
        else:
            merged[key] = median([run[key] for run in runs])
    return merged


def milliseconds(value):
    """Three digits that count; seconds from ten of them on."""
    if value == NEVER:
        return "never"
    if value >= 10000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def share_of(results, network, stack):
    """Of the link, or on loopback of what a bare connection carries."""
    rate = results[network][stack]["bytes_per_second"]
    if NETWORKS[network][1] is not None:
        return rate * 8 / RATE
    bare = results[network].get("hf_peer")
    return rate / bare["bytes_per_second"] if bare else None


def without_never(value):
    """JSON knows no infinity."""
    if isinstance(value, dict):
        return {key: without_never(part) for key, part in value.items()}
    return None if value == NEVER else value


def table(results, network):
    rows = [["", "one way: p50", "p99", "most", "there and back: p50", "p99", "most", f"most in the first {FIRST} s", "MB/s",
             "share", "MB/s back"]]
    for stack, found in results[network].items():
        share = share_of(results, network, stack)
        rows.append([stack, *(milliseconds(found[way][part]) for way in ("one_way_ms", "round_trip_ms")
                              for part in ("p50", "p99", "max")), milliseconds(found["first_round_trip_ms"]["max"]),
                     f"{found['bytes_per_second'] / 1e6:.3g}", "–" if share is None else f"{share:.0%}",
                     f"{found['bytes_per_second_back'] / 1e6:.3g}"])
    if not any(found["bytes_per_second_back"] for found in results[network].values()):
        rows = [row[:-1] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))) + " |"
             for row in rows]
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([f"({network}) {NETWORKS[network][0]}; ms", "", lines[0], rule, *lines[1:]])


def targets(results):
    """Lines: what Holdfast promises, and whether it holds."""
    for network, found in results.items():
        ours = found.get("Holdfast")
        if not ours:
            continue
        if limit := TRIP_TARGETS.get(network):
            value = ours["round_trip_ms"]["p99"]
            yield value < limit, f"({network}) there and back, p99: {milliseconds(value)} ms of {limit}"
        share = share_of(results, network, "Holdfast")
        if network in SHARE_TARGETS and share is not None:
            yield share >= SHARE_TARGET, f"({network}) the transfer gets {share:.0%} of {SHARE_TARGET:.0%}"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./run bench latency", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds of Holdfast alone, to see that it works")
    parser.add_argument("--only", metavar="PATTERN", help="stacks whose name this regular expression finds")
    parser.add_argument("--network", metavar="PATTERN", help=f"networks likewise: {', '.join(NETWORKS)}")
    parser.add_argument("--both", action="store_true", help="transfers in both directions")
    parser.add_argument("--seconds", type=float, help=f"that are measured, after the first {FIRST} (30)")
    parser.add_argument("--drain", type=float, default=DRAIN, help=f"seconds that an answer may take at the end ({DRAIN})")
    parser.add_argument("--repeat", type=int, help="rounds; medians are told (3)")
    parser.add_argument("--realtime", action="store_true", help="go before all other programs of this machine, which may be busy")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--latency", default=os.path.join(ROOT, "build/release/bench/bench_latency"), help="bench_latency")
    parser.add_argument("--link", default=os.path.join(ROOT, "build/test/tests/lab/lab_link"), help="lab_link")
    options = parser.parse_args(arguments)
    options.only = options.only or ("Holdfast|plain|hf_peer" if options.quick else "")
    options.seconds = options.seconds or (3 if options.quick else 30)
    options.repeat = options.repeat or (1 if options.quick else 3)
    return options


def run_all(options):
    """Round after round, so that a machine that slows down does so for all; the failures, too."""
    chosen = {name: command for name, command in stacks(options).items() if re.search(options.only, name)}
    networks = [name for name in NETWORKS if re.search(options.network or "", name)]
    runs = {network: {stack: [] for stack in chosen} for network in networks}
    failures = []
    for round_number in range(options.repeat):
        for network in networks:
            for stack, command in chosen.items():
                try:
                    runs[network][stack].append(run_once(stack, command, network, round_number + 1, options))
                except Failure as failure:
                    failures.append(str(failure))
                    print(f"failed: {failure}", file=sys.stderr, flush=True)
    return {network: {stack: summary(done) for stack, done in found.items() if done} for network, found in runs.items()}, failures


def main(arguments):
    options = parse(arguments)
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--net", sys.executable, *sys.argv])
    if options.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    try:
        results, failures = run_all(options)
    finally:
        kill_all()
    kept = [{"holds": holds, "what": what} for holds, what in targets(results)]
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"seconds": options.seconds, "repeat": options.repeat, "networks": without_never(results), "targets": kept,
                       "failures": failures}, file, indent=1)
    print("\n\n".join(table(results, network) for network in results), end="\n\n")
    for target in kept:
        print(f"{'holds ' if target['holds'] else 'MISSED'} {target['what']}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
