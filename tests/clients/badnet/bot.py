"""A client of Discord's UDP transport under measure: joins, speaks numbered frames, notes what comes.

One process, so that it can live in a namespace of its own. Reports by JSON lines: `joined` with the
time from op 4 to the key, then, at the end of its standard input, `heard`: for each SSRC the numbers and
times of all packets.
"""

import asyncio
import contextlib
import json
import os
import ssl
import struct
import sys
import time
from typing import Any

import aiohttp
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as unseal
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as seal

MODE = "aead_xchacha20_poly1305_rtpsize"
FRAME = 0.02
OPUS = 0x78
VERSION = 0x80
NONCE = 4


class Socket(asyncio.DatagramProtocol):
    """The UDP socket: what arrives, with its time."""

    def __init__(self) -> None:
        self.arrived: list[tuple[float, bytes]] = []
        self.transport: asyncio.DatagramTransport | None = None
        self.discovered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, _from: Any) -> None:
        if data[:2] == b"\0\2" and len(data) == 74 and not self.discovered.done():
            self.discovered.set_result(data)
        elif data and data[0] >> 6 == 2 and not 192 <= data[1] <= 223:
            self.arrived.append((time.time(), data))

    def error_received(self, _error: Exception) -> None:
        pass


class Line:
    """A WebSocket of JSON with heartbeats."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, voice: bool) -> None:
        self._socket, self._voice, self._seq = socket, voice, None
        self._beat: asyncio.Task[None] | None = None
        self.closed = False

    async def until(self, holds: Any) -> Any:
        async for message in self._socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                continue
            told = json.loads(message.data)
            self._seq = told.get("seq" if self._voice else "s") or self._seq
            if told["op"] == (8 if self._voice else 10):
                self._beat = asyncio.create_task(self._beats(told["d"]["heartbeat_interval"] / 1000))
            if holds(told):
                return told["d"]
        self.closed = True
        return None

    async def _beats(self, every: float) -> None:
        while not self._socket.closed:
            await asyncio.sleep(every)
            d = {"t": 0, "seq_ack": self._seq} if self._voice else self._seq
            with contextlib.suppress(aiohttp.ClientConnectionError):
                await self.send(3 if self._voice else 1, d)

    async def send(self, op: int, d: Any) -> None:
        await self._socket.send_json({"op": op, "d": d})


async def join(http: aiohttp.ClientSession, gateway: Line, guild: str, user: str, session: str, channel: str) -> Any:
    """From op 4 to the key."""
    began = time.time()
    await gateway.send(4, {"guild_id": guild, "channel_id": channel, "self_mute": False, "self_deaf": False})
    server = await gateway.until(lambda told: told["t"] == "VOICE_SERVER_UPDATE")
    voice = Line(await http.ws_connect(f"wss://{server['endpoint']}/?v=8"), True)
    await voice.until(lambda told: told["op"] == 8)
    identify = {"server_id": guild, "user_id": user, "session_id": session, "token": server["token"]}
    await voice.send(0, identify)
    ready = await voice.until(lambda told: told["op"] == 2)
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_datagram_endpoint(Socket, remote_addr=(ready["ip"], ready["port"]))
    asked = time.time()
    while not socket.discovered.done():
        socket.transport.sendto(struct.pack(">HHI66x", 1, 70, ready["ssrc"]))
        await asyncio.wait([socket.discovered], timeout=0.25)
    found = time.time()
    data = socket.discovered.result()
    address, port = data[8:72].split(b"\0")[0].decode(), struct.unpack(">H", data[72:])[0]
    choice = {"protocol": "udp", "data": {"address": address, "port": port, "mode": MODE}}
    await voice.send(1, choice)
    description = await voice.until(lambda told: told["op"] == 4)
    await voice.send(5, {"speaking": 1, "delay": 0, "ssrc": ready["ssrc"]})
    took = {"joined": (time.time() - began) * 1e3, "discovery": (found - asked) * 1e3, "ssrc": ready["ssrc"]}
    return voice, socket, ready["ssrc"], bytes(description["secret_key"]), took


async def speak(socket: Socket, ssrc: int, key: bytes) -> None:
    """A numbered frame every 20 ms."""
    start = time.monotonic()
    number = 0
    while True:
        header = struct.pack(">BBHII", VERSION, OPUS, number & 0xFFFF, number * 960 & 0xFFFFFFFF, ssrc)
        payload = bytes([OPUS]) + struct.pack(">I", number) + bytes(75)
        counter = struct.pack(">I", number)
        socket.transport.sendto(header + seal(payload, header, counter.ljust(24, b"\0"), key) + counter)
        number += 1
        await asyncio.sleep(max(0.0, start + number * FRAME - time.monotonic()))


def heard(socket: Socket, key: bytes) -> dict[int, list[tuple[int, float]]]:
    """For each SSRC its packets: RTP sequence numbers, extended, and times. Authentic ones alone."""
    streams: dict[int, list[tuple[int, float]]] = {}
    for at, packet in socket.arrived:
        sequence, _, ssrc = struct.unpack(">HII", packet[2:12])
        counter = packet[-NONCE:].ljust(24, b"\0")
        unseal(packet[12:-NONCE], packet[:12], counter, key)
        stream = streams.setdefault(ssrc, [])
        last = stream[-1][0] if stream else sequence
        # The number nearest to the one before.
        extended = last + ((sequence - last + 0x8000) & 0xFFFF) - 0x8000
        stream.append((extended, at))
    return streams


def tell(report: Any) -> None:
    print(json.dumps(report), flush=True)


async def main() -> None:
    environment = os.environ
    context = ssl.create_default_context(cafile=environment["CA"])
    context.check_hostname = False
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=60)
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        gateway = Line(await http.ws_connect(f"wss://{environment['HOST']}/?v=10&encoding=json"), False)
        await gateway.until(lambda told: told["op"] == 10)
        properties = {"os": "linux", "browser": "badnet", "device": "badnet"}
        await gateway.send(2, {"token": environment["TOKEN"], "intents": 1, "properties": properties})
        ready = await gateway.until(lambda told: told["t"] == "READY")
        user, session = ready["user"]["id"], ready["session_id"]
        guild, channel = environment["GUILD"], environment["CHANNEL"]
        joins = int(environment.get("JOINS", "1"))
        for again in reversed(range(joins)):
            voice, socket, ssrc, key, took = await join(http, gateway, guild, user, session, channel)
            tell(took)
            if again:
                leave = {"guild_id": guild, "channel_id": None, "self_mute": False, "self_deaf": False}
                await gateway.send(4, leave)
                await asyncio.sleep(0.5)
                socket.transport.close()
        watches = [asyncio.create_task(line.until(lambda _: False)) for line in (gateway, voice)]
        speaking = asyncio.create_task(speak(socket, ssrc, key))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        speaking.cancel()
        await asyncio.sleep(1)
        said = {str(of): stream for of, stream in heard(socket, key).items()}
        tell({"heard": said, "thrown_out": any(watch.done() for watch in watches)})
        os._exit(0)


asyncio.run(main())
