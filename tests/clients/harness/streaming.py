"""Streaming checks: a program publishes by WHIP and listens by WHEP, together with a bot in the call."""

import asyncio
import pathlib
import subprocess
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from . import audio
from .stage import Client, Stage
from .voice import ALIKE, SILENT, demand

# Of the speech, as long as its first sentence.
SECONDS = 6
# GStreamer's bindings are of the system's Python.
PYTHON = "/usr/bin/python3"
GSTREAMER = """
import gi
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("webrtcbin", "nicesrc", "opusenc", "wavparse", "rtpopuspay")))
"""


def has_gstreamer() -> bool:
    """Whether this machine has GStreamer with WebRTC, for Python."""
    return pathlib.Path(PYTHON).exists() and subprocess.run([PYTHON, "-c", GSTREAMER], capture_output=True).returncode == 0


class Streaming:
    """The streaming checks on one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        # The first sentence is enough, and keeps this short.
        whole = audio.make_speech(stage.folder)
        self._speech = {kind: stage.folder / f"sentence.{kind}" for kind in whole}
        for kind, file in self._speech.items():
            audio.run("ffmpeg", "-i", whole[kind], "-t", SECONDS, file)
        self._reference = audio.load(self._speech["wav"])
        self._seconds = len(self._reference) / audio.RATE
        self._hall = stage.channels["hall"]
        self._takes = 0
        self._clients: dict[str, Client] = {}
        self.checks: list[tuple[str, str, bool, str]] = []
        self.bea: dict[str, str] = {}
        self.bot_id = ""

    async def run(self) -> None:
        """Everything, in order."""
        server = self._stage.server
        invite = await server.rest("POST", f"/channels/{self._stage.channels['text']}/invites")
        self.bea = await server.rest(
            "POST", "/auth/register", "", username="bea", password="correct horse battery", invite=invite["code"]
        )
        token = await server.add_bot("streamhearer", self._stage.guild)
        bot = self._clients["bot"] = self._stage.client("voice_discordpy.py", BOT_TOKEN=token)
        streamer = self._clients["aiortc"] = self._stage.client("stream_aiortc.py", SERVER=server.base)
        await bot.start()
        await streamer.start()
        self.bot_id = await bot.wait_for("ready", 40)
        await streamer.wait_for("ready", 40)
        await bot.ask("joined", order="join", channel=self._hall)

        page = self._clients["page"] = self._stage.client(
            "stream_page.mjs", WEB=f"http://localhost:{server.port}", SPEECH=str(self._speech["wav"])
        )
        await page.start()
        await self._check("publishes by WHIP, heard by discord.py", "aiortc", self._publishes)
        await page.wait_for("ready", 40)
        await self._check("listens by WHEP to discord.py", "aiortc and page", self._listen)
        await self._check("publishes by WHIP from another origin", "page", self._page_publishes)
        if not has_gstreamer():
            print("  skip gstreamer: not here with WebRTC for Python (apt: gstreamer1.0-plugins-{good,bad} gstreamer1.0-nice gir1.2-gst-plugins-bad-1.0 python3-gi)", flush=True)
            return
        gstreamer = self._clients["gstreamer"] = self._stage.client("stream_gstreamer.py", SERVER=server.base, PYTHON=PYTHON)
        await gstreamer.start()
        await gstreamer.wait_for("ready", 40)
        await self._check("publishes by WHIP with an ECDSA certificate", "gstreamer", self._gstreamer_publishes)

    async def _gstreamer_publishes(self) -> str:
        key = self._stage.folder / "gstreamer-key.pem"
        certificate = self._stage.folder / "gstreamer.pem"
        audio.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=WebRTC", "-days", 30, "-keyout", key, "-out", certificate,
        )
        certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
        return await self._publishes("gstreamer", certificate=str(certificate))

    async def _publishes(self, name: str = "aiortc", **more: str) -> str:
        bot, streamer = self._clients["bot"], self._clients[name]
        path = f"/channels/{self._hall}/stream-keys"
        key = await self._stage.server.rest("POST", path, self.bea["token"], way="publish", name=name)
        await bot.ask("recording", order="record", user=self.bea["user_id"])
        began = await streamer.ask(
            "publishing",
            order="publish",
            channel=self._hall,
            token=key["key"],
            file=str(self._speech["wav"]),
            **more,
        )
        demand("/whip/" in began["url"] and began["tag"].startswith('"'), str(began))
        state = await self._voice_state()
        demand(state and state["channel_id"] == self._hall and state["self_deaf"], f"not seen there: {state}")
        await streamer.wait_for("played", self._seconds + 30)
        await asyncio.sleep(0.5)
        likeness = await self._heard(bot)
        status = await streamer.ask("ended", order="end", which="publish")
        demand(status == 200, f"DELETE: {status}")
        demand(await self._voice_state() is None, "still in the call after DELETE")
        return likeness

    async def _listen(self) -> str:
        """A player and a plain page hear the bot, and are seen."""
        bot, streamer, page = (self._clients[name] for name in ("bot", "aiortc", "page"))
        where = {"order": "listen", "channel": self._hall}
        path = f"/channels/{self._hall}/stream-keys"
        key = await self._stage.server.rest("POST", path, self.bea["token"], way="listen", name="players")
        await streamer.ask("listening", token=key["key"], **where)
        state = await self._voice_state()
        demand(state and state["self_mute"] and not state["self_deaf"], f"not seen there: {state}")
        # Both listen by one key; video is refused, and the page does not mind.
        seen = await page.ask("listening", token=key["key"], **where)
        demand(seen["tag"] and seen["directions"][0] == "recvonly", str(seen))
        demand(seen["trickled"] and set(seen["trickled"]) == {204}, f"candidates: {seen}")
        for client in (streamer, page):
            await client.ask("recording", order="record")
        await bot.ask("playing", order="play", file=str(self._speech["ogg"]))
        await bot.wait_for("played", self._seconds + 30)
        await asyncio.sleep(0.5)
        heard = [await self._heard(client) for client in (streamer, page)]
        for client in (streamer, page):
            demand(await self._voice_state(), "not seen while one still listens")
            status = await client.ask("ended", order="end", which="listen")
            demand(status == 200, f"DELETE: {status}")
        demand(await self._voice_state() is None, "still in the call after DELETE")
        return ", ".join(heard)

    async def _page_publishes(self) -> str:
        """A page with microphone and camera: both are taken, and the microphone heard."""
        bot, page = self._clients["bot"], self._clients["page"]
        await bot.ask("recording", order="record", user=self.bea["user_id"])
        seen = await page.ask("publishing", order="publish", channel=self._hall, token=self.bea["token"])
        demand(seen["directions"] == ["sendonly", "sendonly"], str(seen))
        demand((await self._voice_state())["self_stream"], "its camera is not told of")
        await asyncio.sleep(2.5)
        heard = await self._take(bot)
        level = audio.level(heard)
        demand(level > SILENT, f"level {level:.4f} of {len(heard) / audio.RATE:.1f} s")
        # A moderator's word counts here as well.
        await self._stage.member(self.bea["user_id"], mute=True)
        await asyncio.sleep(0.7)
        await bot.ask("recording", order="record", user=self.bea["user_id"])
        await asyncio.sleep(1.5)
        muted = audio.level(await self._take(bot))
        demand(muted < SILENT, f"level {muted:.4f} while muted")
        await self._stage.member(self.bea["user_id"], mute=False, channel_id=None)
        for _ in range(40):
            if await self._voice_state() is None:
                return f"level {level:.3f}, muted {muted:.4f}, kicked"
            await asyncio.sleep(0.1)
        raise AssertionError("still in the call after it was kicked")

    # -- tools -------------------------------------------------------------------------------

    async def _voice_state(self) -> Any:
        """Where bea is, as everybody sees it."""
        path = f"/guilds/{self._stage.guild}/voice-states/{self.bea['user_id']}"
        try:
            return await self._stage.server.rest("GET", path)
        except RuntimeError as error:
            demand("10065" in str(error), str(error))
            return None

    async def _take(self, client: Client, **which: Any) -> Any:
        """What a client has recorded."""
        self._takes += 1
        file = self._stage.folder / f"stream-{self._takes}.wav"
        await client.ask("recorded", order="stop", file=str(file), **which)
        return audio.load(file)

    async def _heard(self, client: Client) -> str:
        """Demands that the speech was recorded."""
        heard = await self._take(client)
        likeness = audio.likeness(self._reference, heard)
        demand(likeness >= ALIKE, f"likeness {likeness:.3f} of {len(heard) / audio.RATE:.1f} s")
        return f"likeness {likeness:.3f}"

    async def _check(self, name: str, who: str, run: Callable[[], Awaitable[str]]) -> None:
        try:
            async with asyncio.timeout(60):
                detail = await run()
            self._note(who, name, True, detail)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                raise
            self._note(who, name, False, traceback.format_exc(limit=3))

    def _note(self, client: str, name: str, ok: bool, detail: str) -> None:
        self.checks.append((client, name, ok, detail))
        print(f"  {'ok  ' if ok else 'FAIL'} {client}: {name}  {detail.strip().splitlines()[-1] if detail.strip() else ''}", flush=True)

    def tails(self) -> dict[str, str]:
        """What each client said at the end."""
        return {name: client.tail() for name, client in self._clients.items()}

    async def close(self) -> None:
        """Ends the clients."""
        for client in self._clients.values():
            await client.kill()
