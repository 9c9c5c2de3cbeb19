"""Two `holdfast peer` processes on their hosts, the signalling between them, and numbered messages both ways."""
import contextlib
import dataclasses
import heapq
import itertools
import json
import os
import signal
import subprocess
import threading
import time

import history
from history import Failure

SIGNALLING_DELAY = 0.020
TICK = 0.005  # how often a side looks whether something is to be said


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What each side says on a channel: numbers, one each interval. A transfer has so many under way, and each is filled up
    to its size."""
    channel: str
    interval: float = 0.020
    reliable: bool = True
    size: int = 0
    ahead: int = 0


ONE = (Traffic("data"),)

# The five channels of a collaboration session, and a transfer that saturates the link.
LOADED = (Traffic("code-sync"), Traffic("cursor-pos", 0.033, reliable=False), Traffic("ai-stream", 0.050),
          Traffic("presence", 0.2, reliable=False), Traffic("files", size=16384, ahead=64))


def now():
    return time.monotonic()


class Flow:
    """One channel of one side."""

    def __init__(self, traffic):
        self.traffic = traffic
        self.sent = []     # the moment of each message; its place is its number
        self.arrived = []  # (moment, number) of each of the remote's
        self.refused, self.is_open = 0, False
        self.epoch = 0, 0  # how many had been sent and had arrived when continuity was lost

    def hear(self, moment, event):
        if event["type"] == "message":
            self.arrived.append((moment, int(event["text"].split(" ", 1)[0])))
        elif event["type"] == "error":
            self.refused += 1
        elif event["type"] in ("open", "closed"):
            self.is_open = event["type"] == "open"

    def lose_continuity(self):
        self.epoch = len(self.sent), len(self.arrived)

    def since_then(self):
        """What has arrived since continuity was lost."""
        return self.arrived[self.epoch[1]:]

    def room(self, there):
        """How many more of a transfer may be under way; `there`: the other side's of this channel."""
        arrived = there.since_then()
        return self.traffic.ahead - (len(self.sent) - (arrived[-1][1] + 1 if arrived else self.epoch[0]))

    def text(self):
        """The next to be said."""
        number = str(len(self.sent))
        self.sent.append(now())
        return f"{number} ".ljust(self.traffic.size) if self.traffic.size else number


class Peer:
    """A process. All that it says is kept, with the moment at which it came."""

    def __init__(self, program, host, name, folder, options, traffic):
        self.name, self.lines, self.changed = name, [], threading.Condition()
        self.program, self.host, self.folder, self.options = program, host, folder, options
        self.flows = {part.channel: Flow(part) for part in traffic}
        self.main = self.flows[traffic[0].channel]
        self.awake = threading.Event()
        self.awake.set()
        self.sleeps = []  # since when, until when
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
                if flow := self.flows.get(event.get("channel")):
                    flow.hear(moment, event)
                if event["type"] == "continuity" and not event["kept"]:
                    for flow in self.flows.values():
                        flow.lose_continuity()
                if event["type"] != "message":
                    self.log.write(b"%.6f %s" % (moment, line))
                    self.lines.append((moment, event))
                self.changed.notify_all()
            self.on_event(event, line)
        with self.changed:
            self.lines.append((now(), {"type": "end"}))
            self.changed.notify_all()

    def on_event(self, event, line):
        """What its pair does about it."""

    def has_ended(self):
        return bool(self.lines) and self.lines[-1][1]["type"] == "end"

    def write(self, line):
        with self.input:
            try:
                self.process.stdin.write(line)
                self.process.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass  # it has ended: whoever waits for something sees that

    def command(self, **fields):
        self.write(json.dumps(fields).encode() + b"\n")

    def say(self, flow):
        with self.changed:
            text = flow.text()
        self.command(type="send", channel=flow.traffic.channel, text=text)

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
                if self.has_ended():
                    raise Failure(f"{self.name} ended while waiting for {what}")
                if now() >= limit:
                    raise Failure(f"{what}: not within {seconds:g} s at {self.name}")
                self.changed.wait(min(limit - now(), 0.5))
        return found

    def wait_line(self, seconds, since=0, **fields):
        """The moment of the first line that bears these fields."""
        def found():
            return next((moment for moment, e in self.lines
                         if moment >= since and all(e.get(k) == v for k, v in fields.items())), None)
        return self.wait(found, seconds, " ".join(str(value) for value in fields.values()))

    def pause(self):
        """Asleep, with the application that sends."""
        self.awake.clear()
        self.sleeps.append([now(), None])
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        self.sleeps[-1][1] = now()
        self.awake.set()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

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
    """Carries lines between two places, in order, each after a delay, to whoever is there then; while it is cut they wait."""

    def __init__(self, peer_at):
        self.peer_at = peer_at
        self.queue, self.order, self.changed = [], itertools.count(), threading.Condition()
        self.up, self.ended, self.carried = True, False, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def push(self, place, line):
        with self.changed:
            heapq.heappush(self.queue, (now() + SIGNALLING_DELAY, next(self.order), place, line))
            self.changed.notify()

    def run(self):
        while True:
            with self.changed:
                while not self.ended and not (self.up and self.queue and self.queue[0][0] <= now()):
                    self.changed.wait(self.queue[0][0] - now() if self.up and self.queue else None)
                if self.ended:
                    return
                _, _, place, line = heapq.heappop(self.queue)
                self.carried.append((now(), line))
            self.peer_at(place).write(line)

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
    """An offerer and an answerer. As soon as a channel is open each sends numbers to the other on it, all the time."""

    def __init__(self, program, hosts, folder, options=((), ()), traffic=ONE):
        self.signalling = Signalling(lambda place: self.peers[place])
        self.quiet = threading.Event()
        self.traffic = traffic
        self.started = now()
        self.ended = []  # those that others have taken the place of
        self.senders = []
        channels = traffic[0].channel if traffic is ONE else "collab"
        # The answerer first: it has to be there when the offer comes. Both starts are part of the time to connect.
        answerer = self.make(program, hosts[1], hosts[1].name, folder, ["--answer", *options[1]])
        offerer = self.make(program, hosts[0], hosts[0].name, folder, ["--offer", "--channels", channels, *options[0]])
        self.peers = [offerer, answerer]
        for place in range(2):
            self.begin(place)

    def make(self, program, host, name, folder, options):
        return Peer(program, host, name, folder, options, self.traffic)

    def begin(self, place):
        peer = self.peers[place]
        peer.on_event = self.carrier_to(1 - place)
        peer.reader.start()
        self.senders.append(threading.Thread(target=self.send_all_the_time, args=(peer, place), daemon=True))
        self.senders[-1].start()

    def replace(self, place, **changed):
        """Kills a process, and starts another in its place, with these options changed. Returns the new one."""
        old = self.peers[place]
        old.kill()
        options = list(old.options)
        for name, value in changed.items():
            options[options.index(f"--{name}") + 1] = value
        self.ended.append(old)
        self.peers[place] = self.make(old.program, old.host, f"{old.name}-again", old.folder, options)
        self.begin(place)
        return self.peers[place]

    @property
    def offerer(self):
        return self.peers[0]

    @property
    def answerer(self):
        return self.peers[1]

    def ways(self):
        """Each direction: who sends, who receives."""
        return ((self.offerer, self.answerer), (self.answerer, self.offerer))

    def carrier_to(self, place):
        def carry(event, line):
            if event["type"] in ("offer", "answer", "candidate") or event.get("to") == "peer":
                self.signalling.push(place, line)
        return carry

    def send_all_the_time(self, peer, place):
        due = {name: now() for name in peer.flows}
        while not self.quiet.is_set() and not peer.has_ended():
            peer.awake.wait()
            for name, flow in peer.flows.items():
                if not flow.is_open or due[name] > now():
                    continue
                if flow.traffic.ahead:
                    for _ in range(flow.room(self.peers[1 - place].flows[name])):
                        peer.say(flow)
                else:
                    peer.say(flow)
                due[name] = max(due[name] + flow.traffic.interval, now() - flow.traffic.interval)
            self.quiet.wait(TICK)

    # --- What is measured --------------------------------------------------------------------------------------------

    def wait_connected(self, seconds):
        """Seconds from the start of the processes until a message has arrived at both ends."""
        for peer in self.peers:
            peer.wait(lambda peer=peer: peer.main.arrived, seconds, "the first message")
        return max(peer.main.arrived[0][0] for peer in self.peers) - self.started

    def wait_recovered(self, since, seconds):
        """Seconds from `since` until a message sent after it has arrived, at both ends and on every channel of theirs; of
        the first channel's."""
        for sender, receiver in self.ways():
            for name in sender.flows:
                self.wait_arrival(sender, receiver, name, since, seconds)
        main = self.traffic[0].channel
        return max(self.wait_arrival(sender, receiver, main, since, seconds) for sender, receiver in self.ways()) - since

    @staticmethod
    def wait_arrival(sender, receiver, name, since, seconds):
        sent, arrived = sender.flows[name].sent, receiver.flows[name].arrived

        def arrival():
            moment, number = arrived[-1] if arrived else (0, 0)
            if moment < since or number >= len(sent) or sent[number] < since:
                return None
            return min(at for at, number in arrived if at >= since and number < len(sent) and sent[number] >= since)
        return receiver.wait(arrival, seconds, f"a message of {sender.name} on {name}")

    def longest_silence(self, since):
        """The longest time without a message on the first channel, at either end."""
        longest = 0
        for peer in self.peers:
            moments = [since, *(moment for moment, _ in peer.main.arrived if moment >= since)]
            longest = max([longest, *(b - a for a, b in zip(moments, moments[1:]))])
        return longest

    def rate(self, since, until):
        """Bytes a second of the transfers in that time, both ways."""
        total = 0
        for peer in self.peers:
            for flow in peer.flows.values():
                total += flow.traffic.size * sum(since <= moment < until for moment, _ in flow.arrived)
        return total / (until - since)

    def path(self):
        """"direct" or "relayed", as both see it, and by what the relay is reached or the path goes."""
        words = [peer.last(type="state").get("path", "none") for peer in self.peers]
        return words[0] if words[0] == words[1] else "/".join(words)

    def pair_text(self):
        return "; ".join(f"{p.last(type='pair').get('local')} → {p.last(type='pair').get('remote')}" for p in self.peers)

    def finish(self, seconds):
        """Stops sending, and looks whether all that was accepted arrived once and in order, and nothing stale."""
        self.fall_silent()
        for sender, receiver in self.ways():
            for name, flow in sender.flows.items():
                if flow.traffic.reliable:
                    self.wait_complete(sender, receiver, name, seconds)
                history.check(name, sender, receiver)

    def fall_silent(self):
        self.quiet.set()
        for thread in self.senders:
            thread.join()

    def wait_still(self, seconds):
        """Until nothing has arrived for a second."""
        for peer in self.peers:
            def still(peer=peer):
                return all(not flow.arrived or flow.arrived[-1][0] < now() - 1 for flow in peer.flows.values())
            peer.wait(still, seconds, "an end of what arrives")

    @staticmethod
    def wait_complete(sender, receiver, name, seconds):
        sent, there = sender.flows[name], receiver.flows[name]

        def missing():
            return len(sent.sent) - sent.refused - len(there.arrived)
        try:
            receiver.wait(lambda: missing() <= 0, seconds, "the last message")
        except Failure as failure:
            count = f"{missing()} of {sender.name}'s {len(sent.sent)} messages"
            raise Failure(f"{name}: {count} never arrived ({failure})") from None

    def close(self):
        self.quiet.set()
        for peer in (*self.peers, *self.ended):
            peer.awake.set()
            peer.close()
        for thread in self.senders:
            thread.join()
        self.signalling.close()
