"""aiortc as a program that streams: publishes by WHIP and listens by WHEP, by orders as the others."""

import asyncio
import json
import logging
import os
import ssl
import sys
import traceback
import wave
from typing import Any
from urllib.parse import urljoin

import aiohttp
import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError
from report import tell

BASE = os.environ["SERVER"]
logging.basicConfig(level=logging.INFO, stream=sys.stderr)


class Tape:
    """Keeps what arrives on a track, as 48 kHz stereo samples."""

    def __init__(self, track: Any) -> None:
        self.pcm = bytearray()
        self._resampler = av.AudioResampler(format="s16", layout="stereo", rate=48_000)
        self._task = asyncio.create_task(self._run(track))

    async def _run(self, track: Any) -> None:
        try:
            while True:
                for frame in self._resampler.resample(await track.recv()):
                    self.pcm += bytes(frame.planes[0])[: frame.samples * 4]
        except MediaStreamError:
            pass


class Session:
    """One WHIP or WHEP session."""

    def __init__(self, http: aiohttp.ClientSession, token: str) -> None:
        self.http = http
        self.headers = {"Authorization": f"Bearer {token}"}
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.url = ""
        self.tapes: list[Tape] = []
        self.connected = asyncio.Event()

        @self.pc.on("connectionstatechange")
        def changed() -> None:
            print("connection is", self.pc.connectionState, file=sys.stderr)
            if self.pc.connectionState == "connected":
                self.connected.set()

        @self.pc.on("track")
        def heard(track: Any) -> None:
            self.tapes.append(Tape(track))

    async def begin(self, endpoint: str) -> dict[str, str]:
        """Offers, and takes the answer; the headers that matter."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        headers = {**self.headers, "Content-Type": "application/sdp"}
        async with self.http.post(endpoint, data=self.pc.localDescription.sdp, headers=headers) as answer:
            text = await answer.text()
            if answer.status != 201:
                raise RuntimeError(f"{endpoint}: {answer.status} {text}")
            print(text, file=sys.stderr)
            self.url = urljoin(endpoint, answer.headers["Location"])
            tag = answer.headers["ETag"]
        await self.pc.setRemoteDescription(RTCSessionDescription(text, "answer"))
        async with asyncio.timeout(10):
            await self.connected.wait()
        return {"url": self.url, "tag": tag}

    async def end(self) -> int:
        """Ends it; the status of the answer."""
        async with self.http.delete(self.url, headers=self.headers) as answer:
            status = answer.status
        await self.pc.close()
        return status


class Streamer:
    """Does what the harness orders."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.sessions: dict[str, Session] = {}

    async def order_publish(self, channel: str, token: str, file: str) -> dict[str, Any]:
        session = self.sessions["publish"] = Session(self.http, token)
        player = MediaPlayer(file)
        session.pc.addTrack(player.audio)
        began = await session.begin(f"{BASE}/whip/{channel}")

        @player.audio.on("ended")
        def over() -> None:
            tell(played=True)

        return {"publishing": began}

    async def order_listen(self, channel: str, token: str, streams: int = 1) -> dict[str, Any]:
        session = self.sessions["listen"] = Session(self.http, token)
        for _ in range(streams):
            session.pc.addTransceiver("audio", direction="recvonly")
        return {"listening": await session.begin(f"{BASE}/whep/{channel}")}

    async def order_record(self, user: str = "") -> dict[str, Any]:
        for tape in self.sessions["listen"].tapes:
            tape.pcm.clear()
        return {"recording": True}

    async def order_stop(self, file: str, stream: int = 0) -> dict[str, Any]:
        await asyncio.sleep(0.3)
        pcm = bytes(self.sessions["listen"].tapes[stream].pcm)
        with wave.open(file, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(48_000)
            out.writeframes(pcm)
        return {"recorded": {"seconds": len(pcm) / (48_000 * 4)}}

    async def order_end(self, which: str) -> dict[str, Any]:
        return {"ended": await self.sessions.pop(which).end()}

    async def order_state(self) -> dict[str, Any]:
        return {"state": {name: one.pc.connectionState for name, one in self.sessions.items()}}

    async def obey(self) -> None:
        """Reads orders until there are no more."""
        tell(ready=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            fields = json.loads(line)
            name = fields.pop("order")
            try:
                tell(**await getattr(self, f"order_{name}")(**fields))
            except Exception:
                tell(error=f"{name}: {traceback.format_exc(limit=4)}")


async def main() -> None:
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        await Streamer(http).obey()


asyncio.run(main())
os._exit(0)
