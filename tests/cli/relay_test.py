"""`holdfast peer` over a real relay, coturn on loopback: UDP, TCP and TLS, and certificates that do not fit.

    relay_test.py PROGRAM [TEST...]"""
import inspect
import sys

from coturn import PROGRAM as COTURN
from coturn import Coturn
from pair import Pair, run_all

PROGRAM = sys.argv[1]
SKIPPED = 77  # as meson has it


def connect(coturn, kind, host="127.0.0.1", extra=(), repeat=5):
    """Two peers that use the relay alone; something long passes each way."""
    with Pair(PROGRAM, both=("--bind", "127.0.0.1", "--policy", "relay", *coturn.options(kind, host), *extra)) as pair:
        pair.wait_open(5)
        for peer in pair.peers():
            assert peer.all(type="pair")[-1]["local"].startswith("relay "), peer.all(type="pair")
            assert peer.all(type="state", connection="connected", path="relayed"), peer.all(type="state")
            for event in peer.all(type="candidate"):
                assert " typ relay " in event["candidate"] or not event["candidate"], event
                assert "raddr 0.0.0.0" in event["candidate"] or not event["candidate"], event
        for here, there in (pair.peers(), pair.peers()[::-1]):
            here.command(type="send", channel="files", size=200000, repeat=repeat)
            here.command(type="send", channel="code-sync", text="through")
            there.wait_for(type="message", channel="code-sync", text="through")
            there.wait_for(repeat, type="message", channel="files")
        pair.offerer.command(type="close")
        assert (pair.offerer.status(), pair.answerer.status()) == (0, 0)


def a_relay_carries_a_session_over_udp():
    with Coturn() as coturn:
        connect(coturn, "udp")


def a_relay_carries_a_session_over_tcp():
    with Coturn() as coturn:
        connect(coturn, "tcp")


def a_relay_carries_a_session_over_tls_by_address_and_by_name():
    with Coturn() as coturn:
        for host in ("127.0.0.1", "localhost"):
            connect(coturn, "tls", host, ("--ca-file", coturn.authority.file), repeat=20)


def expect_named(coturn, extra, cause, words):
    """The relay fails with a cause, and the session connects without it."""
    with Pair(PROGRAM, both=("--bind", "127.0.0.1", *coturn.options("tls"), *extra)) as pair:
        pair.wait_open(5)
        for peer in pair.peers():
            error = peer.wait_for(type="error", code=cause)[0]
            assert error["message"] == coturn.uri("tls") + words and not error["fatal"], error
            assert peer.all(type="pair")[-1]["local"].startswith("host "), peer.all(type="pair")
        pair.offerer.command(type="close")
        assert (pair.offerer.status(), pair.answerer.status()) == (0, 0)


def a_certificate_for_another_host_is_named_and_other_paths_go_on():
    with Coturn(names="DNS:turn.example.org,IP:192.0.2.1") as coturn:
        expect_named(coturn, ("--ca-file", coturn.authority.file), "HF_ECERTIFICATE", ": the certificate is for another host")


def a_certificate_of_an_unknown_authority_is_named_and_other_paths_go_on():
    with Coturn() as coturn:
        expect_named(coturn, (), "HF_ECERTIFICATE", ": no trusted authority has signed the certificate")


def a_port_where_nobody_listens_is_named_and_other_paths_go_on():
    with Coturn() as coturn, Coturn() as other:
        other.kill()
        coturn.tls_port = other.tls_port  # nobody listens there
        expect_named(coturn, (), "HF_EUNREACHABLE", "")


TESTS = [value for name, value in list(globals().items())
         if inspect.isfunction(value) and value.__module__ == "__main__" and not inspect.signature(value).parameters]


def main():
    if not COTURN:
        print("coturn is not installed")
        return SKIPPED
    return run_all(TESTS, sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
