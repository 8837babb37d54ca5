"""Voice checks: who hears whom, how well, and who hears nothing any more.

Each bot has a relay of its own, so that one client's connections are cut and not the other's.
UDP goes straight to the server. discord.js uses aead_aes256_gcm, discord.py xchacha20_poly1305.
"""

import asyncio
import pathlib
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import numpy

from . import audio
from .cut import Relay
from .stage import Client, Stage

ALIKE = 0.9
SILENT = 0.001
LOUD = 0.01
# Times that somebody who was moved is listened for again, three seconds each.
PATIENCE = 3
MODES = {"discord.js": "aead_aes256_gcm_rtpsize", "discord.py": "aead_xchacha20_poly1305_rtpsize"}
# Longer than one media idle timeout (30 s): a listener that only listens must not be thrown out.
LONG_SILENCE = 40

Check = Callable[[str, str, Callable[[], Awaitable[str]]], Awaitable[None]]


def demand(condition: object, what: str) -> None:
    """Raises with `what` when the condition does not hold."""
    if not condition:
        raise AssertionError(what)


class Actor:
    """A voice client under orders."""

    def __init__(self, name: str, client: Client, relay: Relay) -> None:
        self.name = name
        self.client = client
        self.relay = relay
        self.id = ""

    async def join(self, channel: str) -> None:
        """Enters a channel by the client's own choice."""
        await self.client.ask("joined", order="join", channel=channel)

    async def state(self) -> dict[str, Any]:
        """What the client believes."""
        return await self.client.ask("state", order="state")

    async def until(self, what: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 15) -> dict[str, Any]:
        """Waits until the client's state holds."""
        state: dict[str, Any] = {}
        for _ in range(int(seconds * 4)):
            state = await self.state()
            if holds(state):
                return state
            await asyncio.sleep(0.25)
        raise AssertionError(f"{self.name}: not {what} within {seconds} s: {state}")


class Voice:
    """The voice checks on one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._speech = audio.make_speech(stage.folder)
        self._reference = audio.load(self._speech["wav"])
        self._seconds = len(self._reference) / audio.RATE
        self._actors: dict[str, Actor] = {}
        self._takes = 0
        self.checks: list[tuple[str, str, bool, str]] = []

    async def enter(self) -> None:
        """Logs the bots in."""
        await self._enter("discord.js", "voice_discordjs.mjs", "voicejs")
        await self._enter("discord.py", "voice_discordpy.py", "voicepy")
        await self._enter("discord.js hearer", "voice_discordjs.mjs", "voicejs2")

    async def run(self) -> None:
        """All checks between bots."""
        js, py, ear = (self._actors[n] for n in ("discord.js", "discord.py", "discord.js hearer"))
        hall, side = self._stage.channels["hall"], self._stage.channels["side"]

        check = self._checks((js, py, ear), hall)

        async def modes() -> str:
            js_mode, py_mode = (await js.state())["mode"], (await py.state())["mode"]
            demand(js_mode == MODES["discord.js"], f"discord.js: {js_mode}")
            demand(py_mode == MODES["discord.py"], f"discord.py: {py_mode}")
            return f"{js_mode}, {py_mode}"

        await check("joins in its mode", "both", modes)
        await check("is heard by discord.py", "discord.js", lambda: self._plays(js, [py, ear]))
        await check("is heard by discord.js", "discord.py", lambda: self._plays(py, [js, ear]))
        await check("muted by a moderator", "discord.js", lambda: self._muted(js, [py, ear]))
        await check("muted by a moderator", "discord.py", lambda: self._muted(py, [js, ear]))
        await check("moved while speaking", "discord.js", lambda: self._moved(js, py, ear, side))
        await check("moved while speaking", "discord.py", lambda: self._moved(py, js, ear, side))
        await check("kicked while speaking", "discord.js", lambda: self._kicked(js, [py, ear]))
        await check("kicked while speaking", "discord.py", lambda: self._kicked(py, [js, ear]))
        await check("cut while speaking: resumes", "discord.js", lambda: self._cut(js, js, py))
        await check("cut while hearing: resumes", "discord.js", lambda: self._cut(ear, py, ear))

        async def patient() -> str:
            await asyncio.sleep(LONG_SILENCE)
            return await self._plays(js, [py, ear])

        await check(f"hears after {LONG_SILENCE} s of silence", "both", patient)

    async def songbird(self, program: pathlib.Path) -> None:
        """songbird in one call with discord.js and discord.py."""
        await self._enter("songbird", program, "voicebird")
        await self._reset()
        bird, js, py = (self._actors[n] for n in ("songbird", "discord.js", "discord.py"))
        hall, side = self._stage.channels["hall"], self._stage.channels["side"]
        check = self._checks((bird, js, py), hall)

        async def joins() -> str:
            return (await bird.until("in voice", lambda state: state["connected"]))["mode"]

        async def cut() -> str:
            before = await bird.state()
            await js.client.ask("recording", order="record", user=bird.id)
            await asyncio.sleep(0.3)
            await self._play(bird)
            await asyncio.sleep(4)
            count = await bird.relay.cut(0.3)
            demand(count >= 2, f"{count} connections were cut: not gateway and voice gateway")
            await bird.client.wait_for("played", self._seconds + 40)
            await asyncio.sleep(0.7)
            heard = await self._collect([js])
            state = await bird.until("resumed", lambda now: now["resumes"] > before["resumes"])
            demand(state["readies"] == before["readies"], f"identified anew: {before} -> {state}")
            return f"{count} connections cut, resumed; " + await self._judge(heard, {js.name: js})

        await check("joins in its mode", "songbird", joins)
        await check("is heard by both", "songbird", lambda: self._plays(bird, [js, py]))
        await check("hears discord.js", "songbird", lambda: self._plays(js, [bird]))
        await check("hears discord.py", "songbird", lambda: self._plays(py, [bird]))
        await check("muted by a moderator", "songbird", lambda: self._muted(bird, [js, py]))
        await check("moved while speaking", "songbird", lambda: self._moved(bird, js, py, side))
        await check("kicked while speaking", "songbird", lambda: self._kicked(bird, [js, py]))
        await check("cut while speaking: resumes", "songbird", cut)

    async def speakers(self, python: dict[str, str]) -> None:
        """Oceanic and py-cord in a call with discord.js and discord.py.

        py-cord hears nothing without DAVE, and reads nothing of its voice socket any more once somebody
        who spoke has left its channel. So nobody leaves where it is.
        """
        await self._enter("oceanic", "voice_oceanic.mjs", "voiceocean")
        await self._reset()
        ocean, js, py = (self._actors[n] for n in ("oceanic", "discord.js", "discord.py"))
        hall, side = self._stage.channels["hall"], self._stage.channels["side"]
        check = self._checks((ocean, js, py), hall)
        await check("is heard by both", "oceanic", lambda: self._plays(ocean, [js, py]))
        await check("hears discord.py", "oceanic", lambda: self._plays(py, [ocean]))
        await check("muted by a moderator", "oceanic", lambda: self._muted(ocean, [js]))
        await check("moved while speaking", "oceanic", lambda: self._moved(ocean, js, py, side))
        await self._reset()
        await py.join(side)
        await self._enter("py-cord", "voice_pycord.py", "voicecord", **python)
        cord = self._actors["py-cord"]
        check = self._checks((js, ocean, cord), hall)
        await check("is heard by both", "py-cord", lambda: self._plays(cord, [js, ocean]))
        await check("muted by a moderator", "py-cord", lambda: self._muted(cord, [js]))
        await check("moved while speaking", "py-cord", lambda: self._moved(cord, js, py, side))

    async def browser(self, name: str = "chromium", network: str = "") -> None:
        """Chromium in the server's web client, with discord.js and discord.py. `network` is what its
        network lets through: everything, ICE over TCP ("tcp"), or nothing but TLS ("tls")."""
        relay = await self._relay()
        hall = self._stage.channels["hall"]
        invite = await self._stage.server.rest("POST", f"/channels/{self._stage.channels['text']}/invites")
        client = self._stage.client(
            "browser_voice.mjs",
            relay,
            WEB=f"{'https' if network == 'tls' else 'http'}://localhost:{self._stage.server.port}",
            INVITE=invite["code"],
            SPEECH=str(self._speech["wav"]),
            NETWORK=network,
        )
        chromium = Actor(name, client, relay)
        try:
            await client.start()
            await client.wait_for("started", 40)
            chromium.id = await client.ask("ready", order="register", username=f"bea{network}", password="correct horse battery")
            self._note(name, "registers by invite", True, "")
        except Exception:
            self._note(name, "registers by invite", False, traceback.format_exc())
            await self._picture(chromium)
            return
        self._actors[name] = chromium
        await self._reset()
        js, py = self._actors["discord.js"], self._actors["discord.py"]

        async def check(what: str, run: Callable[[], Awaitable[str]]) -> bool:
            try:
                async with asyncio.timeout(110):
                    self._note(name, what, True, await run())
                    return True
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError):
                    raise
                self._note(name, what, False, traceback.format_exc())
                await self._picture(chromium)
                return False

        async def joins() -> str:
            await js.join(hall)
            await py.join(hall)
            await client.ask("joined", order="join", name="Hall")
            await asyncio.sleep(3)
            stats = (await chromium.state())["stats"]
            sent = stats and stats["packetsSent"]
            demand(sent, f"connected, but no packet was sent: {stats}")
            way = {"": "udp", "tcp": "tcp", "tls": "tls relay"}[network]
            demand(stats["remote"].startswith(way), f"not by {way}: {stats['remote']}")
            return f"{sent} packets sent to {stats['remote']}"

        async def heard_by_bots() -> str:
            # The file goes round; a little more than one round holds every window of it.
            takes = await self._listen([py, js], chromium.id, self._seconds + 3)
            return await self._judge(takes, {"discord.py": py, "discord.js": js})

        if not await check("joins by WebRTC", joins):
            return
        await check("its microphone is heard by bots", heard_by_bots)
        await check("hears discord.js", lambda: self._plays(js, [chromium]))
        await check("hears discord.py", lambda: self._plays(py, [chromium]))

        async def muted() -> str:
            await self._stage.member(chromium.id, mute=True)
            try:
                await asyncio.sleep(0.7)
                silent = await self._listen([py, js], chromium.id, 4)
            finally:
                await self._stage.member(chromium.id, mute=False)
            self._silent(silent)
            await asyncio.sleep(0.7)
            loud = await self._listen([py, js], chromium.id, 4)
            self._loud(loud)
            return "silent while muted, heard again after"

        await check("muted by a moderator", muted)

        async def renewed() -> str:
            found = await client.ask("renewed", order="renew")
            before, after = found["before"], found["after"]
            demand(before["peers"] == after["peers"], f"another connection was made: {found}")
            demand(before["theirs"] != after["theirs"], f"ICE did not begin anew: {found}")
            return await heard_by_bots()

        await check("ICE begins anew, and it is heard on", renewed)
        await self._picture(chromium)

    async def close(self) -> None:
        """Ends the relays; clients are ended by the stage."""
        for actor in self._actors.values():
            await actor.client.kill()
            await actor.relay.stop()

    def tails(self) -> dict[str, str]:
        """What each client said at the end."""
        return {name: actor.client.tail() for name, actor in self._actors.items()}

    # -- the checks --------------------------------------------------------------------------

    async def _plays(self, speaker: Actor, hearers: list[Actor]) -> str:
        for hearer in hearers:
            await hearer.client.ask("recording", order="record", user=speaker.id)
        await asyncio.sleep(0.3)
        await self._play(speaker)
        await speaker.client.wait_for("played", self._seconds + 30)
        await asyncio.sleep(0.7)
        return await self._judge(await self._collect(hearers), {hearer.name: hearer for hearer in hearers})

    def _checks(self, cast: tuple[Actor, ...], hall: str) -> Check:
        """Checks that begin with everybody in the hall and nothing playing."""

        async def meet() -> None:
            for actor in cast:
                await actor.client.ask("hushed", order="hush")
                await actor.join(hall)
            await asyncio.sleep(0.5)

        async def check(name: str, who: str, run: Callable[[], Awaitable[str]]) -> None:
            try:
                async with asyncio.timeout(110):
                    await meet()
                    detail = await run()
                self._note(who, name, True, detail)
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError):
                    raise
                where = traceback.format_exc()
                believed = [f"{actor.name}: {await self._believed(actor)}" for actor in cast]
                self._note(who, name, False, "\n".join([where, *believed, f"{error!r}"]))
                await self._reset()

        return check

    async def _muted(self, speaker: Actor, hearers: list[Actor]) -> str:
        await self._play(speaker)
        before = await self._listen(hearers, speaker.id, 2.5)
        await self._stage.member(speaker.id, mute=True)
        try:
            # What was under way when the moderator's request was answered may still arrive.
            await asyncio.sleep(0.5)
            during = await self._listen(hearers, speaker.id, 2.5)
            state = await speaker.state()
        finally:
            await self._stage.member(speaker.id, mute=False)
        await asyncio.sleep(0.3)
        after = await self._listen(hearers, speaker.id, 2.5)
        await speaker.client.ask("hushed", order="hush")
        self._loud(before)
        self._silent(during)
        self._loud(after)
        demand(state["muted"], f"{speaker.name} was not told")
        return self._levels(before, during, after)

    async def _moved(self, speaker: Actor, stays: Actor, goes: Actor, side: str) -> str:
        await goes.join(side)
        await asyncio.sleep(0.5)
        await self._play(speaker)
        before = await self._listen([stays], speaker.id, 2)
        await self._stage.member(speaker.id, channel_id=side)
        await speaker.until("in the side room", lambda state: state["channel"] == side)
        await asyncio.sleep(1.5)
        after = await self._listen([stays, goes], speaker.id, 3)
        left = after[stays.name]
        # Libraries that connect anew when they are moved take their time where there is little.
        for _ in range(PATIENCE):
            if audio.level(after[goes.name]) > LOUD:
                break
            await speaker.client.ask("hushed", order="hush")
            try:
                await self._play(speaker)
            except RuntimeError as not_yet:
                print(f"  {speaker.name} after its move: {str(not_yet).strip().splitlines()[-1]}", flush=True)
                await asyncio.sleep(1)
            after = await self._listen([goes], speaker.id, 3)
        await speaker.client.ask("hushed", order="hush")
        self._loud(before)
        self._silent({stays.name: left})
        self._loud({goes.name: after[goes.name]})
        return self._levels(before, {stays.name: left, goes.name: after[goes.name]})

    async def _kicked(self, speaker: Actor, hearers: list[Actor]) -> str:
        await self._play(speaker)
        before = await self._listen(hearers, speaker.id, 2)
        await self._stage.member(speaker.id, channel_id=None)
        await asyncio.sleep(0.3)
        after = await self._listen(hearers, speaker.id, 2.5)

        def out(state: dict[str, Any]) -> bool:
            gone = state.get("connection") in ("disconnected", "destroyed") or state.get("connected") is False
            return gone and state["channel"] is None

        await speaker.until("out of the channel", out)
        self._loud(before)
        self._silent(after)
        await speaker.client.ask("hushed", order="hush")
        await speaker.client.ask("left", order="leave")
        return self._levels(before, after)

    async def _cut(self, victim: Actor, speaker: Actor, hearer: Actor) -> str:
        before = await victim.state()
        await hearer.client.ask("recording", order="record", user=speaker.id)
        await asyncio.sleep(0.3)
        await self._play(speaker)
        await asyncio.sleep(4)
        cut = await victim.relay.cut(0.3)
        demand(cut >= 2, f"{cut} connections were cut: not gateway and voice gateway")
        await speaker.client.wait_for("played", self._seconds + 40)
        await asyncio.sleep(0.7)
        heard = await self._collect([hearer])
        state = await victim.until(
            "resumed",
            lambda now: now["resumes"] > before["resumes"] and now["voiceResumed"] > before["voiceResumed"],
        )
        for counter, what in (("readies", "gateway"), ("voiceIdentifies", "voice gateway")):
            demand(state[counter] == before[counter], f"{what} identified anew: {before} -> {state}")
        return f"{cut} connections cut, both resumed; " + await self._judge(heard, {hearer.name: hearer})

    # -- tools -------------------------------------------------------------------------------

    async def _relay(self) -> Relay:
        relay = Relay("127.0.0.1", self._stage.server.port)
        await relay.start()
        return relay

    async def _enter(self, name: str, script: str | pathlib.Path, bot: str, **extra: str) -> None:
        token = await self._stage.server.add_bot(bot, self._stage.guild)
        relay = await self._relay()
        actor = Actor(name, self._stage.client(script, relay, BOT_TOKEN=token, **extra), relay)
        self._actors[name] = actor
        await actor.client.start()
        actor.id = await actor.client.wait_for("ready", 40)

    async def _reset(self) -> None:
        """After a failure: everybody leaves, so that the next check starts clean."""
        for actor in self._actors.values():
            if actor.name.startswith("chromium"):
                continue
            for answer, order in (("hushed", "hush"), ("left", "leave")):
                try:
                    await actor.client.ask(answer, 10, order=order)
                except Exception:
                    pass
            try:
                await self._stage.member(actor.id, mute=False)
            except Exception:
                pass
        await asyncio.sleep(1)

    @staticmethod
    async def _believed(actor: Actor) -> str:
        """What a client believes after a failure; late answers to earlier orders are passed over."""
        try:
            return str(await actor.client.ask("state", 5, order="state"))
        except Exception as error:
            return f"does not say: {error!r}"

    async def _play(self, speaker: Actor) -> None:
        # Each client plays what it need not encode anew: Opus packets, or samples.
        file = self._speech["ogg" if speaker.client.script.suffix == ".mjs" else "wav"]
        await speaker.client.ask("playing", order="play", file=str(file))

    async def _listen(self, hearers: list[Actor], user: str, seconds: float) -> dict[str, numpy.ndarray]:
        for hearer in hearers:
            await hearer.client.ask("recording", order="record", user=user)
        await asyncio.sleep(seconds)
        return await self._collect(hearers)

    async def _collect(self, hearers: list[Actor]) -> dict[str, numpy.ndarray]:
        takes = {}
        for hearer in hearers:
            self._takes += 1
            file = self._stage.folder / f"take-{self._takes}.wav"
            recorded = await hearer.client.ask("recorded", order="stop", file=str(file))
            demand(recorded.get("listening", True), f"{hearer.name} had stopped to listen")
            takes[hearer.name] = await asyncio.to_thread(audio.load, file) if recorded["seconds"] else numpy.zeros(0)
        return takes

    async def _judge(self, takes: dict[str, numpy.ndarray], hearers: dict[str, Actor]) -> str:
        # In a thread, as all that takes long: the relays must go on meanwhile.
        likeness = lambda heard: asyncio.to_thread(audio.likeness, self._reference, heard)
        figures = {name: await likeness(heard) for name, heard in takes.items()}
        said = ", ".join(
            f"{name} {figures[name]:.3f} ({len(takes[name]) / audio.RATE:.1f} s)" for name in hearers
        )
        demand(min(figures.values()) >= ALIKE, f"not alike enough: {said}")
        return f"alike: {said}"

    @staticmethod
    def _levels(*takes: dict[str, numpy.ndarray]) -> str:
        spoken = (", ".join(f"{n} {audio.level(h):.4f}" for n, h in take.items()) for take in takes)
        return "levels: " + " -> ".join(spoken)

    @staticmethod
    def _silent(takes: dict[str, numpy.ndarray]) -> None:
        # A take without packets is empty; what was heard of a few packets counts as it is.
        for name, heard in takes.items():
            level = audio.level(heard)
            demand(level < SILENT, f"{name} heard {level:.4f} in {len(heard) / audio.RATE:.2f} s of silence")

    @staticmethod
    def _loud(takes: dict[str, numpy.ndarray]) -> None:
        for name, heard in takes.items():
            level = audio.level(heard)
            demand(level > LOUD, f"{name} heard only {level:.4f} in {len(heard) / audio.RATE:.2f} s")

    async def _picture(self, chromium: Actor) -> None:
        file: pathlib.Path = self._stage.folder / "chromium.png"
        try:
            await chromium.client.ask("picture", 10, order="picture", file=str(file))
        except Exception:
            pass

    def _note(self, client: str, name: str, ok: bool, detail: str) -> None:
        self.checks.append((client, name, ok, detail))
        print(f"  {'ok  ' if ok else 'FAIL'} {client}: {name}  {detail.strip().splitlines()[-1] if detail.strip() else ''}", flush=True)
