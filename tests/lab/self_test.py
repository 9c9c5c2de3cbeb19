"""The laboratory's own test: each kind of box maps and filters as its name says, and the link delays and loses."""
import socket
import time

import history
import probe
from cases import ALL, Case, Result
from nat import KINDS, is_direct
from networks import SERVERS
from peers import Failure

PACKETS = 2000
LOSS = 0.2


def middle(stage):
    return [stage.enter_context(probe.udp(stage.net.space, address)) for address in (SERVERS[0], SERVERS[0], SERVERS[1])]


def box(kind):
    def run(stage):
        stage.networks(kind.name, kind.name)
        ends = middle(stage)
        expected = (kind.mapping, kind.filtering) if kind.udp else ("blocked", "blocked")
        seen = probe.mapping(stage.alice.space, ends), probe.filtering(stage.alice.space, ends)
        if seen != expected:
            raise Failure(f"maps {seen[0]} and filters {seen[1]}, not {expected[0]} and {expected[1]}")
        reach = probe.hairpin(stage.alice.space, stage.bob.space, ends[0])
        if reach != is_direct(kind, kind):
            raise Failure(f"two hosts behind such boxes {'reach' if reach else 'do not reach'} each other")
        return Result(note=f"mapping {seen[0]}, filtering {seen[1]}")
    return run


for kind in KINDS.values():
    if kind.family == 4:
        ALL.append(Case(f"self/{kind.name}", "a box of this kind maps and filters as it should", box(kind), quick=True, timed=False))


def numbers_through(sender, place, receiver):
    for i in range(PACKETS):
        sender.sendto(b"%d" % i, place)
        if i % 50 == 0:
            time.sleep(0.002)
    time.sleep(0.2)
    receiver.setblocking(False)
    got = []
    try:
        while True:
            got.append(int(receiver.recv(100)))
    except BlockingIOError:
        return got


def link(stage):
    stage.networks("none", "none")
    a, b = (stage.enter_context(probe.udp(host.space, host.uplinks[0].address)) for host in (stage.alice, stage.bob))
    b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    start = time.monotonic()
    a.sendto(b"ping", b.getsockname())
    if probe.receive(b)[0] != b"ping":
        raise Failure("nothing passes")
    delay = time.monotonic() - start
    if not 0.020 <= delay <= 0.030:
        raise Failure(f"{delay * 1000:.1f} ms over two links of 10 ms")
    if numbers_through(a, b.getsockname(), b) != list(range(PACKETS)):
        raise Failure("loses or reorders what it should not")
    stage.alice.uplinks[0].link.shape(loss=LOSS)
    lost = 1 - len(numbers_through(a, b.getsockname(), b)) / PACKETS
    if abs(lost - LOSS) > 0.04:
        raise Failure(f"loses {lost:.0%}, not {LOSS:.0%}")
    stage.alice.uplinks[0].link.shape(loss=0)
    stage.alice.uplinks[0].link.cut()
    if numbers_through(a, b.getsockname(), b):
        raise Failure("lets something through though it is cut")
    return Result(note=f"{delay * 1000:.1f} ms over two links, {lost:.1%} lost of {LOSS:.0%}")


ALL.append(Case("self/link", "an access link delays, loses and is cut", link, quick=True))


# --- The judge -------------------------------------------------------------------------------------------------------

# Numbers that arrived of five messages sent a second apart, and what is wrong with it; None: nothing is.
RELIABLE = (
    ([0, 1, 2, 3, 4], None),
    ([0, 1, 2, 3], "1 of 5 are missing, 4 is the first"),
    ([0, 2, 3, 4], "1 of 5 are missing, 1 is the first"),
    ([], "5 of 5 are missing, 0 is the first"),
    ([0, 1, 1, 2, 3, 4], "1 came after 1: doubled"),
    ([0, 2, 1, 3, 4], "1 came after 2: out of order"),
    ([0, 1, 2, 3, 4, 2], "2 came after 4: doubled"),
    ([0, 1, 2, 3, 4, 5], "5 came, and was never sent"),
)

# (moment, number) of five messages sent a second apart, who slept when, and what is wrong with it.
UNRELIABLE = (
    ([(0.1, 0), (3.1, 3)], [], None),
    ([], [], None),
    ([(0.1, 0), (0.2, 0)], [], "0 came after 0: doubled"),
    ([(1.1, 1), (1.2, 0)], [], "0 came after 1: out of order"),
    ([(9.1, 9)], [], "9 came, and was never sent"),
    ([(0.1, 0), (60.5, 3)], [], "3 came 57.5 s after it was said"),
    ([(0.1, 0), (60.5, 3)], [(3.5, 60.3)], None),
    ([(0.1, 0), (60.5, 1)], [(5, 60.3)], "1 came 4.2 s after it was said"),
)


def judge(stage):
    def verdict(check, *arguments):
        try:
            check("x", *arguments)
        except Failure as failure:
            return str(failure).removeprefix("x: ")
        return None

    rows = [(numbers, expected, verdict(history.check_reliable, numbers, 5, 0)) for numbers, expected in RELIABLE]
    rows += [(arrived, expected, verdict(history.check_fresh, list(range(5)), arrived, sleeps))
             for arrived, sleeps, expected in UNRELIABLE]
    rows.append(("one was refused", None, verdict(history.check_reliable, [0, 1, 3, 4], 5, 1)))
    for what, expected, found in rows:
        if found != expected:
            raise Failure(f"of {what} the judge says: {found}; and not: {expected}")
    return Result(note=f"{len(rows)} histories")


ALL.append(Case("self/judge", "the judge of histories sees what is lost, doubled, out of order or stale", judge,
                quick=True, timed=False))
