"""Two `holdfast peer` processes on their hosts, the signalling between them, and numbered messages both ways."""
import contextlib
import heapq
import itertools
import json
import os
import signal
import subprocess
import threading
import time

SIGNALLING_DELAY = 0.020
INTERVAL = 0.020  # between two messages of one side
CHANNEL = "data"


class Failure(Exception):
    """What a case shows that should not be."""


def now():
    return time.monotonic()


class Peer:
    """A process. All that it says is kept, with the moment at which it came."""

    def __init__(self, program, host, name, folder, options):
        self.name, self.lines, self.changed = name, [], threading.Condition()
        self.arrived = []  # (moment, number) of each message
        self.sent = []     # the moment of each message; its place is its number
        self.refused = 0
        self.awake = threading.Event()
        self.awake.set()
        self.input = threading.Lock()
        self.log = open(os.path.join(folder, f"{name}.out"), "wb")
        with open(os.path.join(folder, f"{name}.err"), "wb") as errors:
            self.process = host.space.start(
                [program, "peer", *options, "--event-log", os.path.join(folder, f"{name}.events")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.reader = threading.Thread(target=self.read, daemon=True)

    def read(self):
        for line in self.process.stdout:
            moment = now()
            event = json.loads(line)
            with self.changed:
                if event["type"] == "message":
                    self.arrived.append((moment, int(event["text"])))
                else:
                    self.log.write(b"%.6f %s" % (moment, line))
                    if event["type"] == "error" and event.get("channel") == CHANNEL:
                        self.refused += 1
                    self.lines.append((moment, event))
                self.changed.notify_all()
            self.on_event(event, line)
        with self.changed:
            self.lines.append((now(), {"type": "end"}))
            self.changed.notify_all()

    def on_event(self, event, line):
        """What its pair does about it."""

    def write(self, line):
        with self.input:
            try:
                self.process.stdin.write(line)
                self.process.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass  # it has ended: whoever waits for something sees that

    def command(self, **fields):
        self.write(json.dumps(fields).encode() + b"\n")

    def send_number(self):
        with self.changed:
            number = len(self.sent)
            self.sent.append(now())
        self.command(type="send", channel=CHANNEL, text=str(number))

    def all(self, since=0, **fields):
        """The lines since a moment that bear these fields."""
        with self.changed:
            return [e for moment, e in self.lines if moment >= since and all(e.get(k) == v for k, v in fields.items())]

    def last(self, **fields):
        found = self.all(**fields)
        return found[-1] if found else {}

    def wait(self, condition, seconds, what):
        limit = now() + seconds
        with self.changed:
            while not (found := condition()):
                if self.lines and self.lines[-1][1]["type"] == "end":
                    raise Failure(f"{self.name} ended while waiting for {what}")
                if now() >= limit:
                    raise Failure(f"{what}: not within {seconds:g} s at {self.name}")
                self.changed.wait(min(limit - now(), 0.5))
        return found

    def pause(self):
        """Asleep, with the application that sends."""
        self.awake.clear()
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        self.awake.set()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.log.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Signalling:
    """Carries lines between two peers, in order, each after a delay; while it is cut they wait."""

    def __init__(self):
        self.queue, self.order, self.changed = [], itertools.count(), threading.Condition()
        self.up, self.ended, self.carried = True, False, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def push(self, receiver, line):
        with self.changed:
            heapq.heappush(self.queue, (now() + SIGNALLING_DELAY, next(self.order), receiver, line))
            self.changed.notify()

    def run(self):
        while True:
            with self.changed:
                while not self.ended and not (self.up and self.queue and self.queue[0][0] <= now()):
                    self.changed.wait(self.queue[0][0] - now() if self.up and self.queue else None)
                if self.ended:
                    return
                _, _, receiver, line = heapq.heappop(self.queue)
                self.carried.append((now(), line))
            receiver.write(line)

    def cut(self):
        with self.changed:
            self.up = False

    def restore(self):
        """What has waited arrives after the delay."""
        with self.changed:
            self.up = True
            self.queue = [(max(due, now() + SIGNALLING_DELAY), *rest) for due, *rest in self.queue]
            heapq.heapify(self.queue)
            self.changed.notify()

    def carried_since(self, moment):
        return sum(at >= moment for at, _ in self.carried)

    def mentions(self, text):
        return any(text.encode() in line for _, line in self.carried)

    def close(self):
        with self.changed:
            self.ended = True
            self.changed.notify()
        self.thread.join()


class Pair:
    """An offerer and an answerer. Once their channel is open each sends a number to the other all the time."""

    def __init__(self, program, hosts, folder, options=((), ())):
        self.signalling = Signalling()
        self.quiet = threading.Event()
        self.started = now()
        # The answerer first: it has to be there when the offer comes. Both starts are part of the time to connect.
        self.answerer = self.make(program, hosts[1], folder, ["--answer", *options[1]])
        self.offerer = self.make(program, hosts[0], folder, ["--offer", "--channels", CHANNEL, *options[0]])
        for peer, other in ((self.offerer, self.answerer), (self.answerer, self.offerer)):
            peer.on_event = self.carrier_to(other)
            peer.reader.start()
        self.senders = [threading.Thread(target=self.send_all_the_time, args=(peer,), daemon=True) for peer in self.peers]
        for thread in self.senders:
            thread.start()

    @staticmethod
    def make(program, host, folder, options):
        return Peer(program, host, host.name, folder, options)

    @property
    def peers(self):
        return (self.offerer, self.answerer)

    def ways(self):
        """Each direction: who sends, who receives."""
        return ((self.offerer, self.answerer), (self.answerer, self.offerer))

    def carrier_to(self, other):
        def carry(event, line):
            if event["type"] in ("offer", "answer", "candidate") or event.get("to") == "peer":
                self.signalling.push(other, line)
        return carry

    def send_all_the_time(self, peer):
        try:
            peer.wait(lambda: any(e["type"] == "open" for _, e in peer.lines), 600, "an open channel")
        except Failure:
            return
        while not self.quiet.is_set():
            peer.awake.wait()
            peer.send_number()
            self.quiet.wait(INTERVAL)

    # --- What is measured --------------------------------------------------------------------------------------------

    def wait_connected(self, seconds):
        """Seconds from the start of the processes until a message has arrived at both ends."""
        for peer in self.peers:
            peer.wait(lambda peer=peer: peer.arrived, seconds, "the first message")
        return max(peer.arrived[0][0] for peer in self.peers) - self.started

    def wait_recovered(self, since, seconds):
        """Seconds from `since` until a message sent after it has arrived, at both ends."""
        return max(self.wait_arrival(sender, receiver, since, seconds) for sender, receiver in self.ways()) - since

    @staticmethod
    def wait_arrival(sender, receiver, since, seconds):
        def arrival():
            moment, number = receiver.arrived[-1] if receiver.arrived else (0, 0)
            if moment < since or sender.sent[number] < since:
                return None
            return min(at for at, number in receiver.arrived if at >= since and sender.sent[number] >= since)
        return receiver.wait(arrival, seconds, f"a message of {sender.name}")

    def longest_silence(self, since):
        """The longest time without a message, at either end."""
        longest = 0
        for peer in self.peers:
            moments = [since, *(moment for moment, _ in peer.arrived if moment >= since)]
            longest = max([longest, *(b - a for a, b in zip(moments, moments[1:]))])
        return longest

    def path(self):
        """"direct" or "relayed", as both see it, and by what the relay is reached or the path goes."""
        words = [peer.last(type="state").get("path", "none") for peer in self.peers]
        return words[0] if words[0] == words[1] else "/".join(words)

    def pair_text(self):
        return "; ".join(f"{p.last(type='pair').get('local')} → {p.last(type='pair').get('remote')}" for p in self.peers)

    def finish(self, seconds):
        """Stops sending, and looks whether all that was accepted arrived once and in order."""
        self.quiet.set()
        for thread in self.senders:
            thread.join()
        for sender, receiver in self.ways():
            def complete(sender=sender, receiver=receiver):
                return len(receiver.arrived) + sender.refused >= len(sender.sent)
            try:
                receiver.wait(complete, seconds, "the last message")
            except Failure as failure:
                missing = len(sender.sent) - sender.refused - len(receiver.arrived)
                raise Failure(f"{missing} of {sender.name}'s {len(sender.sent)} messages never arrived ({failure})") from None
            numbers = [number for _, number in receiver.arrived]
            if any(b <= a for a, b in zip(numbers, numbers[1:])):
                raise Failure(f"what {sender.name} sent came doubled or out of order")

    def close(self):
        self.quiet.set()
        for peer in self.peers:
            peer.awake.set()
            peer.close()
        for thread in self.senders:
            thread.join()
        self.signalling.close()
