"""discord.py, unmodified: login, cache, messages, files, limits, resume."""

import asyncio
import io
import logging
import os

import discord
import yarl
from report import attempt, check, control

BASE, HOST = os.environ["BASE"], os.environ["HOST"]
GUILD, TEXT, QUIET = (int(os.environ[key]) for key in ("GUILD", "TEXT_CHANNEL", "QUIET_CHANNEL"))
discord.http.Route.BASE = f"{BASE}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"wss://{HOST}/")
discord.Asset.BASE = BASE


class Limits(logging.Handler):
    """Counts the waits that discord.py's own queue makes."""

    waits = 0

    def emit(self, record: logging.LogRecord) -> None:
        if "rate limit" in record.getMessage().lower():
            Limits.waits += 1


logging.getLogger("discord.http").addHandler(Limits())
logging.getLogger("discord.http").setLevel(logging.DEBUG)
intents = discord.Intents.all()
client = discord.Client(intents=intents)


async def next_event(event: str, matches=lambda *_: True, seconds: float = 15):
    return await client.wait_for(event, check=matches, timeout=seconds)


async def scenario() -> None:
    await client.wait_until_ready()
    check("login", True)
    guild = client.get_guild(GUILD)
    text = client.get_channel(TEXT)
    state: dict[str, discord.Message] = {}

    async def cache() -> None:
        assert guild and guild.name == "Conformance"
        assert text and text.name == "tavern"
        assert guild.me and guild.me.id == client.user.id
        assert guild.chunked and guild.member_count == len(guild.members) >= 2
        assert guild.get_member(guild.owner_id)

    await attempt("cache", cache)

    async def round_trip() -> None:
        heard = asyncio.create_task(
            next_event("message", lambda m: m.content == "Hail, çà và?")
        )
        await asyncio.sleep(0)
        message = state["message"] = await text.send("Hail, çà và?")
        assert (await heard).id == message.id
        assert message.id in [m.id async for m in text.history(limit=5)]

    await attempt("text round trip", round_trip)
    message = state["message"]

    async def reply() -> None:
        answer = await message.reply("And to you.")
        assert answer.reference and answer.reference.message_id == message.id
        assert answer.type is discord.MessageType.reply

    await attempt("reply", reply)

    async def edit() -> None:
        heard = asyncio.create_task(next_event("message_edit", lambda _, m: m.id == message.id))
        await asyncio.sleep(0)
        await message.edit(content="Hail again.")
        _, after = await heard
        assert after.content == "Hail again." and after.edited_at

    await attempt("edit", edit)

    async def reaction() -> None:
        added = asyncio.create_task(
            next_event("raw_reaction_add", lambda r: r.message_id == message.id)
        )
        await asyncio.sleep(0)
        await message.add_reaction("🍺")
        event = await added
        assert event.emoji.name == "🍺" and event.member
        fetched = await text.fetch_message(message.id)
        assert fetched.reactions[0].me and fetched.reactions[0].count == 1
        assert [user.id async for user in fetched.reactions[0].users()] == [client.user.id]
        removed = asyncio.create_task(
            next_event("raw_reaction_remove", lambda r: r.message_id == message.id)
        )
        await asyncio.sleep(0)
        await message.remove_reaction("🍺", client.user)
        await removed

    await attempt("reaction", reaction)

    async def embed() -> None:
        sent = await text.send(embed=discord.Embed(title="Tonight", colour=0xAA5500))
        assert sent.embeds[0].title == "Tonight" and sent.embeds[0].colour.value == 0xAA5500

    await attempt("embed", embed)

    async def attachment() -> None:
        data = os.urandom(300_000)
        sent = await text.send(file=discord.File(io.BytesIO(data), "map of the road.bin"))
        assert sent.attachments[0].size == len(data)
        assert await sent.attachments[0].read() == data

    await attempt("attachment equal byte for byte", attachment)

    async def typing() -> None:
        heard = asyncio.create_task(
            next_event("typing", lambda channel, user, _: channel.id == TEXT)
        )
        await asyncio.sleep(0)
        await control("type", channel=str(TEXT))
        _, user, _ = await heard
        assert user.id == guild.owner_id
        async with text.typing():
            pass

    await attempt("typing", typing)

    async def presence() -> None:
        heard = asyncio.create_task(
            next_event(
                "presence_update",
                lambda _, m: m.id == client.user.id and m.status is discord.Status.idle,
            )
        )
        await asyncio.sleep(0)
        await client.change_presence(
            status=discord.Status.idle,
            activity=discord.Activity(type=discord.ActivityType.watching, name="the tavern"),
        )
        _, member = await heard
        assert member.activity.name == "the tavern"

    await attempt("presence", presence)

    async def denied() -> None:
        try:
            await client.get_channel(QUIET).send("psst")
        except discord.Forbidden as error:
            assert error.code == 50013, error.code
            return
        raise AssertionError("it was allowed")

    await attempt("permission denied with 50013", denied)

    async def limits() -> str:
        sent = await asyncio.gather(*(text.send(f"round {n}") for n in range(12)))
        assert len({m.id for m in sent}) == 12
        assert Limits.waits > 0, "the limit was never felt"
        return f"{Limits.waits} waits"

    await attempt("429 handled by the library's queue", limits)

    async def delete() -> None:
        heard = asyncio.create_task(
            next_event("raw_message_delete", lambda m: m.message_id == message.id)
        )
        await asyncio.sleep(0)
        await message.delete()
        await heard
        try:
            await text.fetch_message(message.id)
        except discord.NotFound as error:
            assert error.code == 10008, error.code
            return
        raise AssertionError("it is still there")

    await attempt("delete", delete)

    async def resume() -> None:
        contents = ["first in the dark", "second in the dark", "third in the dark"]
        heard: list[str] = []
        readies: list[int] = []
        light = asyncio.get_running_loop().create_future()

        @client.event
        async def on_message(m: discord.Message) -> None:
            if m.content in contents:
                heard.append(m.content)
            elif m.content == "light again" and not light.done():
                light.set_result(None)

        @client.event
        async def on_ready() -> None:
            readies.append(1)

        resumed = asyncio.create_task(next_event("resumed", seconds=45))
        await asyncio.sleep(0)
        await control("cut", seconds=1, channel=str(TEXT), say=contents)
        await resumed
        await control("say", channel=str(TEXT), content="light again")
        await asyncio.wait_for(light, 15)
        assert not readies, "it identified anew"
        assert heard == contents, heard

    await attempt("resume after a cut", resume)
    check("ends", True)


async def main() -> None:
    async with client:
        run = asyncio.create_task(client.start(os.environ["BOT_TOKEN"]))
        ready = asyncio.create_task(scenario())
        done, _ = await asyncio.wait({run, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=200)
        if ready not in done:
            check("login", False, run.exception() if run in done else "never ready")


asyncio.run(main())
os._exit(0)
