"""Two `holdfast peer` processes on loopback, wired to each other: what the tests of the command line share."""
import json
import os
import subprocess
import threading
import time
import traceback

BOUND = float(os.environ.get("HOLDFAST_TEST_BOUND", "30"))  # seconds that nothing takes, however slow the machine
SIGNALS = ("offer", "answer", "candidate")


class Peer:
    """A process, with all the lines that it has written. `remote` gets its signals."""

    def __init__(self, program, *options, wire=True):
        self.process = subprocess.Popen([program, "peer", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines, self.changed, self.ended = [], threading.Condition(), False
        self.remote, self.wire = None, wire
        self.input = threading.Lock()
        self.thread = threading.Thread(target=self.read, daemon=True)

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            if self.wire and self.remote and (event["type"] in SIGNALS or event.get("to") == "peer"):
                self.remote.write(line)
            with self.changed:
                self.lines.append(event)
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def write(self, line):
        with self.input:
            try:
                self.process.stdin.write(line if isinstance(line, bytes) else line.encode())
                self.process.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass  # it has ended

    def command(self, **fields):
        self.write(json.dumps(fields) + "\n")

    def end_input(self):
        with self.input:
            self.process.stdin.close()

    def all(self, **fields):
        """The lines that bear these fields."""
        with self.changed:
            return [e for e in self.lines if all(e.get(k) == v for k, v in fields.items())]

    def wait(self, condition, what):
        limit = time.monotonic() + BOUND
        while not (found := condition()):
            with self.changed:
                left = limit - time.monotonic()
                assert left > 0 and not self.ended, f"{what} did not come; the last lines: {[str(e)[:300] for e in self.lines[-5:]]}"
                self.changed.wait(min(left, 0.2))
        return found

    def wait_for(self, n=1, **fields):
        return self.wait(lambda: (found := self.all(**fields)) and len(found) >= n and found, f"{n} of {fields}")

    def status(self):
        status = self.process.wait(BOUND)
        self.thread.join(BOUND)
        return status


class Pair:
    """An offerer and an answerer, connected. Used as a context it leaves no process behind."""

    def __init__(self, program, offer=(), answer=(), both=("--bind", "127.0.0.1"), roles=("--offer", "--answer")):
        self.program, self.dead = program, []
        self.offerer = Peer(program, roles[0], *both, *offer)
        self.answerer = Peer(program, roles[1], *both, *answer)
        self.offerer.remote, self.answerer.remote = self.answerer, self.offerer
        for peer in self.peers():
            peer.thread.start()

    def peers(self):
        return (self.offerer, self.answerer)

    def start_again(self, *options):
        """Kills the answerer, as a crash would, and starts one with these options in its place."""
        self.answerer.process.kill()
        self.answerer.process.wait()
        self.dead.append(self.answerer)
        self.answerer = Peer(self.program, *options)
        self.offerer.remote, self.answerer.remote = self.answerer, self.offerer
        self.answerer.thread.start()

    def wait_open(self, n):
        for peer in self.peers():
            peer.wait_for(n, type="open")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in (*self.peers(), *self.dead):
            if peer.process.poll() is None:
                peer.process.kill()
            peer.process.wait()
            peer.process.stdout.close()


def run_all(tests, names):
    """Runs those of these names, all where none is given; the exit status."""
    failed = 0
    for test in tests:
        if names and test.__name__ not in names:
            continue
        began = time.monotonic()
        try:
            test()
            print(f"ok      {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception:  # the next ones may tell more
            failed += 1
            print(f"FAILED  {test.__name__}\n{traceback.format_exc()}", flush=True)
    return 1 if failed else 0
