"""`holdfast turn` and clients of others: coturn's load generator, over UDP and TCP, by channels and by indications.

    turn_clients_test.py PROGRAM"""
import contextlib
import json
import re
import shutil
import subprocess
import sys

from coturn import free_port
from pair import BOUND

PROGRAM = sys.argv[1]
SKIPPED = 77  # as meson has it
CLIENT, PEER = shutil.which("turnutils_uclient"), shutil.which("turnutils_peer")
MESSAGES, CLIENTS = 10, 2


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def run(server, peer, *options, password="rabbit"):
    done = subprocess.run([CLIENT, "-u", "alice", "-w", password, "-p", str(server), "-n", str(MESSAGES), "-m", str(CLIENTS),
                           *(("-e", "127.0.0.1", "-r", str(peer)) if peer else ()), *options, "127.0.0.1"],
                          capture_output=True, text=True, timeout=BOUND)
    counts = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", done.stdout)
    return done.stdout, counts[-1] if counts else None


def patient(*arguments):
    """Where an answer takes it too long, the client binds a second channel to the same peer, which is a mistake (400), and ends."""
    for _ in range(3):
        output, counts = run(*arguments)
        if "channel bind: error 400" not in output:
            break
    return output, counts


def main():
    with running(PROGRAM, "turn", "--listen", "127.0.0.1:0", "--user", "alice:rabbit", "--allow", "127.0.0.0/8",
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        port = int(json.loads(server.stdout.readline())["addresses"][0].rsplit(":", 1)[1])
        peer = free_port()
        with running(PEER, "-L", "127.0.0.1", "-p", str(peer), stdout=subprocess.DEVNULL):
            for options in ((), ("-s",), ("-t",), ("-t", "-s")):  # -s: Send indications; -t: TCP
                output, counts = patient(port, peer, "-c", *options)  # -c: without a second allocation for RTCP
                assert counts == (str(CLIENTS * MESSAGES),) * 2, (options, output)
            output, counts = run(port, None, "-y", "-c")  # from one relayed address to another
            assert counts and counts[0] == counts[1] != "0", output
            assert "508" in run(port, peer)[0], "the next port is not kept"
            assert "420" in run(port, peer, "-c", "-g")[0], "DONT-FRAGMENT is not understood"
            assert run(port, peer, "-c", password="hare")[1] is None
        server.stdin.close()
        stats = json.loads(server.stdout.read().splitlines()[-1])
        assert server.wait(BOUND) == 0
        assert stats["refusedCredentials"] > 0 and stats["packetsToPeers"] >= 4 * CLIENTS * MESSAGES, stats


if not CLIENT or not PEER:
    sys.exit(SKIPPED)
main()
