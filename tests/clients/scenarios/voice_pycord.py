"""py-cord, unmodified: speaks by orders, one JSON line each. It hears nothing: of packets without DAVE its
receiver yields none."""

import asyncio
import json
import logging
import os
import sys
import traceback
from typing import Any

import discord
from report import tell

BASE, GUILD = os.environ["BASE"], int(os.environ["GUILD"])
discord.http.Route.API_BASE_URL = f"{BASE}/api/v{{API_VERSION}}"
discord.opus.load_opus("libopus.so.0")
logging.basicConfig(level=logging.INFO, stream=sys.stderr)


class Bot(discord.Client):
    """Does what the harness orders."""

    voice: discord.VoiceClient | None = None

    async def order_join(self, channel: str) -> dict[str, Any]:
        target = self.get_channel(int(channel))
        there = self.voice and self.voice.is_connected() and self.voice.channel == target
        if not there:
            if self.voice:
                await self.voice.disconnect(force=True)
            self.voice = await target.connect(timeout=20)
        return {"joined": str(self.voice.channel.id), "mode": self.voice.mode}

    async def order_play(self, file: str) -> dict[str, Any]:
        def over(error: Exception | None) -> None:
            tell(**({"error": repr(error)} if error else {"played": True}))

        self.voice.play(discord.FFmpegPCMAudio(file), after=over, bitrate=64, signal_type="voice")
        return {"playing": True}

    async def order_hush(self) -> dict[str, Any]:
        if self.voice and self.voice.is_playing():
            self.voice.stop()
        return {"hushed": True}

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
    os._exit(0)


asyncio.run(main())
