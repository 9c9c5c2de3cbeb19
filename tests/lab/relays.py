"""The servers in the middle: coturn, and `holdfast turn`."""
import os
import socket
import subprocess
import time

from networks import SERVER_V6, SERVERS

USER, PASSWORD, REALM = "lab", "a-password-of-the-lab", "lab.example"
BOUND = 10  # seconds that no server needs to start


def make_certificate(folder):
    """A certificate for the servers' addresses, and the file that a client trusts it by."""
    paths = os.path.join(folder, "relay.pem"), os.path.join(folder, "relay.key")
    names = ",".join(f"IP:{address}" for address in (*SERVERS, SERVER_V6))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=relay.lab.example", "-addext", f"subjectAltName={names}",
                    "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


class Relay:
    """A server process, at port 3478 of its address at least."""

    def __init__(self, space, address, command, log):
        self.space, self.address, self.command, self.log = space, address, command, log
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = self.space.start(self.command, mortal=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        limit = time.monotonic() + BOUND
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"{self.command[0]} does not listen; see {self.log}")
            time.sleep(0.005)

    def listens(self):
        with self.space.entered():
            s = socket.socket()
        with s:
            s.settimeout(1)
            return s.connect_ex((self.address, 3478)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process:
            self.kill()


def coturn(space, folder, certificate):
    """STUN for two addresses (RFC 5780), TURN for both families; over TCP and TLS at the port of the web, too."""
    listening = [f"--listening-ip={address}" for address in (SERVERS[0], SERVERS[1], SERVER_V6)]
    relaying = [f"--relay-ip={address}" for address in (SERVERS[0], SERVER_V6)]
    return Relay(space, SERVERS[0], [
        "turnserver", "-n", *listening, *relaying, "--listening-port=3478", "--tls-listening-port=443",
        f"--cert={certificate[0]}", f"--pkey={certificate[1]}", "--lt-cred-mech", f"--user={USER}:{PASSWORD}",
        f"--realm={REALM}", "--fingerprint", "--no-cli", "--log-file=stdout", "--simple-log", "--verbose",
        f"--userdb={folder}/coturn.db", f"--pidfile={folder}/coturn.pid", "--relay-threads=1",
        "--min-port=50000", "--max-port=59999"], f"{folder}/coturn.log")


def holdfast(space, folder, program, address):
    return Relay(space, address, [program, "turn", "--listen", f"{address}:3478", "--user", f"{USER}:{PASSWORD}"],
                 f"{folder}/holdfast-turn.log")
