"""What endpoint.js is for other stacks, for aiortc. Speaks as process.mjs says."""
import asyncio
import base64
import json
import random
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

PATIENCE = 30
BUFFERED_MAX = 1024 * 1024
LINE_MAX = 1 << 24


def write(told):
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def pattern(size):
    return random.Random(size).randbytes(size)


def text_of(size):
    made = "aö€🥊" * (size // 10)
    return made + "b" * (size - len(made.encode()))


def difference(sent, came):
    if came is None:
        return f"nothing came back in {PATIENCE} s"
    if type(sent) is not type(came):
        return f"{type(sent).__name__} came back as {type(came).__name__}"
    return None if sent == came else f"{len(sent)} went, {len(came)} came back changed"


class Connection:
    def __init__(self, name):
        self.name, self.channels, self.takers, self.expected, self.held = name, {}, {}, {}, []

    def tell(self, **event):
        write({"report": {"of": self.name, "event": event}})

    # Signals

    def adopt(self, channel):
        label = channel.label
        self.channels[label] = channel

        def tell_open():
            self.tell(type="open", channel=label, id=channel.id, ordered=channel.ordered, protocol=channel.protocol,
                      maxRetransmits=channel.maxRetransmits, maxPacketLifeTime=channel.maxPacketLifeTime)

        channel.on("message", lambda data: self.on_message(channel, data))
        channel.on("close", lambda: self.tell(type="closed", channel=label))
        if channel.readyState == "open":
            tell_open()
        else:
            channel.on("open", tell_open)

    async def describe(self, description):
        await self.connection.setLocalDescription(description)  # gathers, too
        local = self.connection.localDescription
        self.tell(type="signal", signal={"type": local.type, "sdp": local.sdp})

    async def start(self, options):
        self.echo = options.get("echo", False)
        self.connection = RTCPeerConnection()
        self.connection.on("datachannel", self.adopt)
        self.connection.on("connectionstatechange",
                           lambda: self.tell(type="state", connection=self.connection.connectionState))
        for init in options.get("channels", []):
            self.adopt(self.connection.createDataChannel(**init))
        if options.get("offer"):
            await self.offer()

    async def offer(self):
        await self.describe(await self.connection.createOffer())

    async def signal(self, signal):
        if signal["type"] == "candidate":
            self.held.append(signal)
        else:
            await self.connection.setRemoteDescription(RTCSessionDescription(signal["sdp"], signal["type"]))
            if signal["type"] == "offer":
                await self.describe(await self.connection.createAnswer())
        if not self.connection.remoteDescription:
            return
        held, self.held = self.held, []
        for candidate in held:
            if candidate["candidate"]:  # it has no words for the end of candidates
                parsed = candidate_from_sdp(candidate["candidate"].split(":", 1)[1])
                parsed.sdpMid = candidate["sdpMid"]
                await self.connection.addIceCandidate(parsed)

    async def addTransceivers(self, *kinds):
        for kind in kinds:
            self.connection.addTransceiver(kind)
        await self.offer()

    def openChannel(self, label, init):
        self.adopt(self.connection.createDataChannel(label, **init))

    def sections(self):
        lines = self.connection.remoteDescription.sdp.split("\r\n")
        return [" ".join(line[2:].split(" ")[:2]) for line in lines if line.startswith("m=")]

    def signalingState(self):
        return self.connection.signalingState

    # Messages

    def on_message(self, channel, data):
        taker = self.takers.get(channel.label)
        if taker:
            taker(data)
        elif self.echo:
            channel.send(data)
        elif isinstance(data, str):
            self.tell(type="message", channel=channel.label, text=data)
        else:
            self.tell(type="message", channel=channel.label, base64=base64.b64encode(data).decode())

    def receive(self, label, count):
        """A task that takes the next messages of a channel, or as many as come in time."""
        messages, done = [], asyncio.get_running_loop().create_future()

        def take(data):
            messages.append(data)
            if len(messages) == count and not done.done():
                done.set_result(None)

        async def wait():
            try:
                await asyncio.wait_for(done, PATIENCE)
            except asyncio.TimeoutError:
                pass
            self.takers.pop(label, None)
            return messages

        self.takers[label] = take
        return asyncio.ensure_future(wait())

    async def send_all(self, label, count, message):
        channel = self.channels[label]
        for i in range(count):
            while channel.bufferedAmount > BUFFERED_MAX:
                await asyncio.sleep(0.01)
            channel.send(message(i))
            if i % 64 == 0:
                await asyncio.sleep(0)

    def sendText(self, label, text):
        self.channels[label].send(text)

    async def differenceInEcho(self, label, kind, size):
        sent = text_of(size) if kind == "text" else pattern(size)
        echo = self.receive(label, 1)
        self.channels[label].send(sent)
        return difference(sent, next(iter(await echo), None))

    def errorOfSending(self, label, size):
        try:
            self.channels[label].send(pattern(size))
        except Exception as error:
            return type(error).__name__

    async def sendMany(self, label, size, count):
        data = pattern(size)
        await self.send_all(label, count, lambda i: data)

    def expect(self, label, count):
        self.expected[label] = self.receive(label, count)

    async def receivedMany(self, label):
        messages = await self.expected[label]
        return {"bytes": sum(map(len, messages)), "messages": len(messages)}

    async def exchangeNumbers(self, label, count):
        await self.send_all(label, count, str)
        came = await self.expected[label]
        return {"received": len(came), "wrong": next((n for i, n in enumerate(came) if n != str(i)), None)}

    # The end

    def closeChannel(self, label):
        self.channels[label].close()

    async def closeConnection(self):
        await self.connection.close()

    # What there is to see

    async def transport(self):
        dtls = self.connection.sctp.transport
        pair = dtls.transport._connection._nominated.get(1)  # there is no public way
        ends = {}
        if pair:
            ends = {"local": f"{pair.local_candidate.type} {pair.local_addr[0]}:{pair.local_addr[1]}",
                    "remote": f"{pair.remote_candidate.type} {pair.remote_addr[0]}:{pair.remote_addr[1]}"}
        return {"dtlsRole": dtls._role, **ends}


async def main():
    connections, reader = {}, asyncio.StreamReader(limit=LINE_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    last_signal = {}

    async def call(id, connection, method, given, after=None):
        try:
            if after:
                await asyncio.wait([after])  # signals one after the other, as they came
            value = getattr(connections.setdefault(connection, Connection(connection)), method)(*given)
            write({"id": id, "value": await value if asyncio.iscoroutine(value) else value})
        except Exception as error:
            write({"id": id, "error": f"{type(error).__name__}: {error}"})

    while line := await reader.readline():
        told = json.loads(line)
        name = told["connection"]
        in_turn = told["method"] == "signal"
        task = asyncio.ensure_future(call(**told, after=last_signal.get(name) if in_turn else None))
        if in_turn:
            last_signal[name] = task


asyncio.run(main())
