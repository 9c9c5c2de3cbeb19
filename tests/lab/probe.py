"""What a box does, as it is seen from the host behind it (RFC 4787 §4.1, §5): the laboratory's test of itself.

A responder in the middle has three ends: two ports of one address, and a port of another.
"""
import select
import socket

WAIT = 0.5


def udp(space, address=""):
    with space.entered():
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, 0))
        return s


def receive(s):
    return s.recvfrom(100) if select.select([s], [], [], WAIT)[0] else (None, None)


def seen_from(inside, end):
    """Where `end` sees `inside`, or None."""
    inside.sendto(b"where am I?", end.getsockname()[:2])
    return receive(end)[1]


def mapping(host, ends):
    with udp(host) as inside:
        seen = [seen_from(inside, end) for end in ends]
    if seen[0] is None:
        return "blocked"
    if len(set(seen)) == 1:
        return "endpoint-independent"
    return "address-dependent" if seen[0] == seen[1] else "address-and-port-dependent"


def filtering(host, ends):
    with udp(host) as inside:
        seen = seen_from(inside, ends[0])
        if seen is None:
            return "blocked"
        ends[0].sendto(b"known", seen)
        if receive(inside)[0] != b"known":
            return "blocked"
        heard = []
        for end in ends[1:]:
            end.sendto(b"unknown", seen)
            heard.append(receive(inside)[0] is not None)
    return {(True, True): "endpoint-independent", (True, False): "address-dependent",
            (False, False): "address-and-port-dependent"}.get(tuple(heard), "strange")


def hairpin(host, other, end):
    """Whether two hosts reach each other by the addresses that `end` sees them at."""
    with udp(host) as a, udp(other) as b:
        places = [seen_from(s, end) for s in (a, b)]
        if None in places:
            return False
        a.sendto(b"first", places[1])  # opens the boxes of `a` for the answer
        receive(b)
        b.sendto(b"second", places[0])
        data, source = receive(a)
        return data == b"second" and source == places[1]
