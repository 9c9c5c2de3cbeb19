"""One side of a latency measurement with Debian's aiortc, in a process of its own: side.js tells what the lines say.

    side.py offer|answer
"""
import asyncio
import json
import struct
import sys
import time

from aiortc import RTCPeerConnection, RTCSessionDescription

ASK_SIZE = 100
ASK_EVERY = 0.020
FLOOD = bytes(65536)
BUFFER = 1 << 20
LINE_MAX = 1 << 20
TRIP = struct.Struct("=3d")  # number, sent, there


def clock():
    return time.monotonic() * 1000


def tell(**told):
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


class Side:
    def __init__(self, offers):
        self.offers, self.channels, self.trips = offers, {}, []
        self.received = self.answered = 0
        self.flooding = self.reporting = False
        self.tasks = set()
        self.connection = RTCPeerConnection()
        self.connection.on("datachannel", self.adopt)

    def adopt(self, channel):
        def opened():
            self.channels[channel.label] = channel
            if len(self.channels) == 2:
                tell(type="ready")

        channel.on("message", self.on_files if channel.label == "files" else self.on_sync)
        if channel.readyState == "open":
            opened()
        else:
            channel.on("open", opened)

    def say(self, number, sent, there):
        self.channels["code-sync"].send(TRIP.pack(number, sent, there).ljust(ASK_SIZE, b"\0"))

    def on_files(self, data):
        self.received += len(data)

    def on_sync(self, data):
        number, sent, there = TRIP.unpack_from(data)
        if not self.offers:
            self.say(number, sent, clock())
            return
        self.trips[int(number)] = (sent, there, clock())
        self.answered += 1
        if self.reporting and self.answered == len(self.trips):
            self.report()

    def report(self):
        self.reporting = False
        tell(type="trips", trips=self.trips)

    async def describe(self, description):
        await self.connection.setLocalDescription(description)  # gathers, too
        local = self.connection.localDescription
        tell(type=local.type, sdp=local.sdp)

    async def flood(self):
        channel = self.channels["files"]
        while self.flooding:
            while channel.bufferedAmount < BUFFER:
                channel.send(FLOOD)
            await asyncio.sleep(0.002)

    async def ask(self, seconds):
        start = clock()
        while clock() < start + seconds * 1000:
            self.trips.append((clock(),))
            self.say(len(self.trips) - 1, self.trips[-1][0], 0)
            due = start + len(self.trips) * ASK_EVERY * 1000
            await asyncio.sleep(max(0, due - clock()) / 1000)
        tell(type="asked")

    def begin(self, task):
        self.tasks.add(asyncio.ensure_future(task))

    async def start(self):
        if self.offers:
            for label in ("code-sync", "files"):
                self.adopt(self.connection.createDataChannel(label))
            await self.describe(await self.connection.createOffer())

    async def obey(self, line):
        if "sdp" in line:
            await self.connection.setRemoteDescription(RTCSessionDescription(line["sdp"], line["type"]))
            if line["type"] == "offer":
                await self.describe(await self.connection.createAnswer())
        elif line["type"] == "flood":
            self.flooding = True
            self.begin(self.flood())
        elif line["type"] == "ask":
            self.begin(self.ask(line["seconds"]))
        elif line["type"] == "count":
            tell(type="count", bytes=self.received)
        elif line["type"] == "report":
            # Whoever has waited too long asks again, and gets what there is.
            late, self.flooding, self.reporting = self.reporting, False, True
            if late or self.answered == len(self.trips):
                self.report()


async def main():
    reader = asyncio.StreamReader(limit=LINE_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    side = Side(sys.argv[1] == "offer")
    await side.start()
    while line := await reader.readline():
        await side.obey(json.loads(line))


asyncio.run(main())
