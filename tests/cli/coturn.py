"""coturn on loopback, at ports of its own, as a relay for tests of the command line."""
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

from pair import BOUND

USER, PASSWORD = "somebody", "a word that passes"
PROGRAM = shutil.which("turnserver")


def free_port():
    """Outside of the range that the system takes ports of clients from: none that runs beside us gets it meanwhile."""
    while True:
        port = random.randrange(20000, 32000)
        try:
            with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
                stream.bind(("127.0.0.1", port))
                datagram.bind(("127.0.0.1", port))
                return port
        except OSError:
            continue


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=BOUND)


class Authority:
    """Signs certificates: files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.file, self.key = self.path("authority.pem"), self.path("authority.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=authority of a test", "-keyout", self.key, "-out", self.file)

    def path(self, name):
        return os.path.join(self.folder, name)

    def sign(self, names, days=2):
        """A certificate for names such as "DNS:localhost,IP:127.0.0.1"; returns the paths of it and its key."""
        certificate, key, request, extra = (self.path("server." + kind) for kind in ("pem", "key", "csr", "ext"))
        with open(extra, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", str(days),
                "-out", certificate, "-extfile", extra)
        return certificate, key


class Coturn:
    """The process; a context that leaves none behind."""

    def __init__(self, names="DNS:localhost,IP:127.0.0.1", days=2):
        self.folder = tempfile.TemporaryDirectory()
        self.authority = Authority(self.folder.name)
        certificate, key = self.authority.sign(names, days)
        self.port, self.tls_port = free_port(), free_port()
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        self.process = subprocess.Popen([
            PROGRAM, "-n", "--no-cli", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers",
            f"--listening-port={self.port}", f"--tls-listening-port={self.tls_port}", f"--cert={certificate}", f"--pkey={key}",
            "--lt-cred-mech", f"--user={USER}:{PASSWORD}", "--realm=example.org", "--relay-threads=1", "--no-dtls",
            f"--userdb={self.folder.name}/db", f"--pidfile={self.folder.name}/pid", "--log-file=stdout"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        limit = time.monotonic() + BOUND
        while not all(self.listens(port) for port in (self.port, self.tls_port)):
            assert self.process.poll() is None and time.monotonic() < limit, "coturn does not listen"
            time.sleep(0.01)

    @staticmethod
    def listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def uri(self, kind, host="127.0.0.1"):
        return {"udp": f"turn:{host}:{self.port}", "tcp": f"turn:{host}:{self.port}?transport=tcp",
                "tls": f"turns:{host}:{self.tls_port}?transport=tcp"}[kind]

    def options(self, kind, host="127.0.0.1"):
        return ("--turn", self.uri(kind, host), "--turn-user", USER, "--turn-pass", PASSWORD)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.log.close()
        self.folder.cleanup()
