"""discord.py with voice-recv, unmodified: plays and records by orders, one JSON line each."""

import asyncio
import json
import logging
import os
import sys
import threading
import traceback
import wave
from typing import Any

import discord
import yarl
from discord.ext import voice_recv
from report import tell

BASE, HOST, GUILD = os.environ["BASE"], os.environ["HOST"], int(os.environ["GUILD"])
discord.http.Route.BASE = f"{BASE}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"wss://{HOST}/")
discord.opus.load_opus("libopus.so.0")
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
# voice-recv says at INFO whatever it does not know, packet by packet.
logging.getLogger("discord.ext.voice_recv").setLevel(logging.WARNING)


class Tape(voice_recv.AudioSink):
    """Keeps what one person said, as 48 kHz stereo samples.

    It listens all the time: without a listener the library leaves packets in the socket, and the
    next listener would hear the past.
    """

    def __init__(self) -> None:
        super().__init__()
        self._user = 0
        self._lock = threading.Lock()
        self._pcm = bytearray()

    def start(self, user: int) -> None:
        """Forgets everything and keeps what this person says from now on."""
        with self._lock:
            self._user = user
            self._pcm.clear()

    def wants_opus(self) -> bool:
        return False

    def write(self, user: Any, data: voice_recv.VoiceData) -> None:
        with self._lock:
            if user is not None and user.id == self._user:
                self._pcm += data.pcm

    def cleanup(self) -> None:
        pass

    def save(self, path: str) -> float:
        """Writes a WAV; its length in seconds."""
        with self._lock, wave.open(path, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(48_000)
            file.writeframes(bytes(self._pcm))
            self._user = 0
            return len(self._pcm) / (48_000 * 4)


class Bot(discord.Client):
    """Does what the harness orders."""

    voice: voice_recv.VoiceRecvClient | None = None
    tape: Tape | None = None

    async def order_join(self, channel: str) -> dict[str, Any]:
        target = self.get_channel(int(channel))
        there = self.voice and self.voice.is_connected() and self.voice.channel == target
        if not there:
            # Not move_to: discord.py's reader waits on the old socket for up to 30 s then, and
            # misses the one answer to its IP discovery.
            if self.voice:
                await self.voice.disconnect(force=True)
            self.voice = await target.connect(cls=voice_recv.VoiceRecvClient, timeout=20)
        if not self.voice.is_listening():
            self.tape = Tape()
            self.voice.listen(self.tape)
        return {"joined": str(self.voice.channel.id), "mode": self.voice.mode}

    async def order_play(self, file: str) -> dict[str, Any]:
        def over(error: Exception | None) -> None:
            tell(**({"error": repr(error)} if error else {"played": True}))

        source = discord.FFmpegPCMAudio(file)
        self.voice.play(source, after=over, bitrate=64, signal_type="voice")
        return {"playing": True}

    async def order_hush(self) -> dict[str, Any]:
        if self.voice:
            self.voice.stop_playing()
        return {"hushed": True}

    async def order_record(self, user: str) -> dict[str, Any]:
        self.tape.start(int(user))
        return {"recording": True}

    async def order_stop(self, file: str) -> dict[str, Any]:
        await asyncio.sleep(0.3)
        listening = bool(self.voice and self.voice.is_listening())
        return {"recorded": {"seconds": self.tape.save(file), "listening": listening}}

    async def order_state(self) -> dict[str, Any]:
        own = self.get_guild(GUILD).me.voice
        connected = bool(self.voice and self.voice.is_connected())
        return {
            "state": {
                "connected": connected,
                "mode": self.voice.mode if connected else None,
                "channel": str(own.channel.id) if own and own.channel else None,
                "muted": bool(own and own.mute),
            }
        }

    async def order_leave(self) -> dict[str, Any]:
        if self.voice:
            await self.voice.disconnect(force=True)
            self.voice = None
        return {"left": True}

    async def obey(self) -> None:
        """Reads orders until there are no more."""
        await self.wait_until_ready()
        tell(ready=str(self.user.id))
        while line := await asyncio.to_thread(sys.stdin.readline):
            fields = json.loads(line)
            name = fields.pop("order")
            try:
                tell(**await getattr(self, f"order_{name}")(**fields))
            except Exception:
                tell(error=f"{name}: {traceback.format_exc(limit=4)}")


async def main() -> None:
    bot = Bot(intents=discord.Intents.all())
    async with bot:
        run = asyncio.create_task(bot.start(os.environ["BOT_TOKEN"]))
        obey = asyncio.create_task(bot.obey())
        done, _ = await asyncio.wait({run, obey}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.exception():
                tell(error=repr(task.exception()))


asyncio.run(main())
os._exit(0)
