"""What discord.py and its child py-cord are asked of text. Both call themselves `discord`; where they
differ, their own scenarios say how (`Ways`)."""

import asyncio
import io
import logging
import os
from typing import Any, Protocol

import discord
from report import attempt, check, control

GUILD, TEXT, QUIET, FORUM, STAGE = (
    int(os.environ[key]) for key in ("GUILD", "TEXT_CHANNEL", "QUIET_CHANNEL", "FORUM", "STAGE")
)


class Ways(Protocol):
    """What the two libraries do each in a way of its own."""

    def question(self) -> discord.Poll:
        """Ale (with an emoji) or mead, for an hour."""

    async def post(self, forum: discord.ForumChannel, tag: discord.ForumTag, file: discord.File) -> Any:
        """A new post and its first message."""

    async def forward(self, message: discord.Message, to: discord.TextChannel) -> str:
        """What a forwarded message carries."""

    async def counted(self, poll: discord.Poll) -> None:
        """Demands that the poll is over and the vote counted."""

    async def voters(self, poll: discord.Poll, answer: int) -> list[int]:
        """Who chose an answer."""


class Limits(logging.Handler):
    """Counts the waits that the library's own queue makes."""

    waits = 0

    def emit(self, record: logging.LogRecord) -> None:
        if "rate limit" in record.getMessage().lower():
            Limits.waits += 1


async def next_event(client: discord.Client, event: str, matches=lambda *_: True, seconds: float = 15):
    return await client.wait_for(event, check=matches, timeout=seconds)


async def scenario(client: discord.Client, ways: Ways) -> None:
    """Asks everything, once the client is connected."""
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

    async def chunks() -> None:
        found = await guild.query_members("ana", limit=5)
        assert [m.id for m in found] == [guild.owner_id], found
        named = await guild.query_members(user_ids=[guild.owner_id, client.user.id])
        assert len(named) == 2, named

    await attempt("member chunks", chunks)

    async def round_trip() -> None:
        heard = asyncio.create_task(
            next_event(client, "message", lambda m: m.content == "Hail, çà và?")
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
        heard = asyncio.create_task(next_event(client, "message_edit", lambda _, m: m.id == message.id))
        await asyncio.sleep(0)
        await message.edit(content="Hail again.")
        _, after = await heard
        assert after.content == "Hail again." and after.edited_at

    await attempt("edit", edit)

    async def reaction() -> None:
        added = asyncio.create_task(
            next_event(client, "raw_reaction_add", lambda r: r.message_id == message.id)
        )
        await asyncio.sleep(0)
        await message.add_reaction("🍺")
        event = await added
        assert event.emoji.name == "🍺" and event.member
        fetched = await text.fetch_message(message.id)
        assert fetched.reactions[0].me and fetched.reactions[0].count == 1
        assert [user.id async for user in fetched.reactions[0].users()] == [client.user.id]
        removed = asyncio.create_task(
            next_event(client, "raw_reaction_remove", lambda r: r.message_id == message.id)
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
            next_event(client, "typing", lambda channel, user, _: channel.id == TEXT)
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
            next_event(client,
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

    async def overwrites() -> None:
        # What the library sums up of roles and overwrites, and what the server decides, must agree.
        quiet, me, send = client.get_channel(QUIET), str(client.user.id), "2048"
        given = asyncio.create_task(next_event(client, "member_update", lambda _, m: m == guild.me))
        await asyncio.sleep(0)
        role = await control("trust", user=me, permissions="0")
        await given
        cases = [
            (role["id"], 0, {"allow": send, "deny": "0"}, True),
            (me, 1, {"allow": "0", "deny": send}, False),
            (me, 1, {"allow": send, "deny": "0"}, True),
        ]
        for whom, kind, overwrite, may in cases:
            told = asyncio.create_task(
                next_event(client, "guild_channel_update", lambda _, channel: channel.id == QUIET)
            )
            await asyncio.sleep(0)
            await control("overwrite", channel=str(QUIET), whom=whom, type=kind, **overwrite)
            await told
            assert quiet.permissions_for(guild.me).send_messages is may, overwrite
            try:
                await quiet.send("psst")
                assert may, overwrite
            except discord.Forbidden as error:
                assert not may and error.code == 50013, (overwrite, error)

    await attempt("permissions by overwrites", overwrites)

    async def limits() -> str:
        sent = await asyncio.gather(*(text.send(f"round {n}") for n in range(12)))
        assert len({m.id for m in sent}) == 12
        assert Limits.waits > 0, "the limit was never felt"
        return f"{Limits.waits} waits"

    await attempt("429 handled by the library's queue", limits)

    async def thread() -> None:
        created = asyncio.create_task(next_event(client, "thread_create", lambda t: t.id == message.id))
        await asyncio.sleep(0)
        thread = await message.create_thread(name="Bread", auto_archive_duration=60)
        assert (await created).parent_id == TEXT
        assert thread.owner_id == client.user.id and thread.me
        heard = asyncio.create_task(
            next_event(client, "message", lambda m: m.channel.id == thread.id and m.content == "rye")
        )
        joined = asyncio.create_task(next_event(client, "thread_member_join", lambda m: m.id == guild.owner_id))
        await asyncio.sleep(0)
        await control("say", channel=str(thread.id), content="rye")
        assert (await heard).channel.parent_id == TEXT
        await joined
        await thread.send("wheat")
        assert {m.id for m in await thread.fetch_members()} == {client.user.id, guild.owner_id}
        assert thread.id in [t.id for t in await guild.active_threads()]
        archived = asyncio.create_task(
            next_event(client, "thread_update", lambda _, t: t.id == thread.id and t.archived)
        )
        await asyncio.sleep(0)
        await thread.edit(archived=True)
        await archived
        assert thread.id in [t.id async for t in text.archived_threads()]
        # The library forgets archived threads: one that comes back is new to it.
        back = asyncio.create_task(
            next_event(client, "thread_join", lambda t: t.id == thread.id and not t.archived)
        )
        await asyncio.sleep(0)
        await control("say", channel=str(thread.id), content="awake")
        await back

    await attempt("thread", thread)

    async def private_thread() -> None:
        thread = await text.create_thread(name="whisper")
        assert thread.is_private()
        owner = discord.Object(guild.owner_id)
        await thread.add_user(owner)
        await thread.remove_user(owner)
        await thread.leave()

    await attempt("private thread", private_thread)

    async def forum_post() -> None:
        forum = client.get_channel(FORUM)
        assert isinstance(forum, discord.ForumChannel)
        tag = next(tag for tag in forum.available_tags if tag.name == "open")
        assert str(tag.emoji) == "🍺"
        file = discord.File(io.BytesIO(b"because"), "why.txt")
        post, first = await ways.post(forum, tag, file)
        assert post.applied_tags == [tag] and first.id == post.id
        assert await first.attachments[0].read() == b"because"
        assert [m.id async for m in post.history()] == [first.id]
        await post.edit(name="Less beer", archived=True)
        assert post.id in [t.id async for t in forum.archived_threads()]

    await attempt("forum post", forum_post)

    async def poll() -> None:
        asked = await text.send(poll=ways.question())
        assert asked.poll and len(asked.poll.answers) == 2
        voted = asyncio.create_task(
            next_event(client, "raw_poll_vote_add", lambda v: v.message_id == asked.id)
        )
        await asyncio.sleep(0)
        await control("vote", channel=str(TEXT), message=str(asked.id), answers=[2])
        event = await voted
        assert (event.user_id, event.answer_id) == (guild.owner_id, 2)
        assert await ways.voters(asked.poll, 2) == [guild.owner_id]
        result = asyncio.create_task(
            next_event(client, "message", lambda m: m.type is discord.MessageType.poll_result)
        )
        await asyncio.sleep(0)
        await asked.end_poll()
        told = await result
        assert told.reference.message_id == asked.id
        assert {f.name: f.value for f in told.embeds[0].fields}["total_votes"] == "1"
        ended = await text.fetch_message(asked.id)
        await ways.counted(ended.poll)

    await attempt("poll", poll)

    async def forward() -> None:
        assert await ways.forward(message, text) == "Hail again."

    await attempt("forward", forward)

    async def history() -> None:
        whole = [one.id async for one in text.history(limit=200, oldest_first=True)]
        assert whole == sorted(whole) and message.id in whole, whole
        first = [one.id async for one in text.history(limit=1, oldest_first=True)]
        assert first == whole[:1], (first, whole)

    await attempt("history from the beginning", history)

    async def delete() -> None:
        heard = asyncio.create_task(
            next_event(client, "raw_message_delete", lambda m: m.message_id == message.id)
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

    async def stage() -> None:
        started = asyncio.create_task(
            next_event(client, "stage_instance_create", lambda s: s.channel_id == STAGE)
        )
        await asyncio.sleep(0)
        await control("stage", topic="Greensleeves")
        instance = await started
        assert instance.topic == "Greensleeves"
        assert (await client.get_channel(STAGE).fetch_instance()).id == instance.id
        ended = asyncio.create_task(
            next_event(client, "stage_instance_delete", lambda s: s.id == instance.id)
        )
        await asyncio.sleep(0)
        await control("stage")
        await ended

    await attempt("stage", stage)

    async def shards() -> None:
        pair = discord.AutoShardedClient(shard_count=2, intents=discord.Intents.all())
        heard: list[str] = []
        last = asyncio.get_running_loop().create_future()

        @pair.event
        async def on_message(m: discord.Message) -> None:
            heard.append(m.content)
            if m.content == "and once more" and not last.done():
                last.set_result(m.guild.shard_id)

        async with pair:
            run = asyncio.create_task(pair.start(os.environ["BOT_TOKEN"]))
            await asyncio.wait_for(pair.wait_until_ready(), 40)
            assert set(pair.shards) == {0, 1}, pair.shards
            await text.send("to one shard")
            await text.send("and once more")
            assert await asyncio.wait_for(last, 15) == (GUILD >> 22) % 2
            assert heard == ["to one shard", "and once more"], heard
        run.cancel()

    await attempt("two shards", shards)

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

        resumed = asyncio.create_task(next_event(client, "resumed", seconds=45))
        await asyncio.sleep(0)
        await control("cut", seconds=1, channel=str(TEXT), say=contents)
        await resumed
        await control("say", channel=str(TEXT), content="light again")
        await asyncio.wait_for(light, 15)
        assert not readies, "it identified anew"
        assert heard == contents, heard

    await attempt("resume after a cut", resume)
    check("ends", True)


async def judge(client: discord.Client, ways: Ways) -> None:
    """Runs the client and the scenario; ends the process."""
    logging.getLogger("discord.http").addHandler(Limits())
    logging.getLogger("discord.http").setLevel(logging.DEBUG)
    async with client:
        run = asyncio.create_task(client.start(os.environ["BOT_TOKEN"]))
        ready = asyncio.create_task(scenario(client, ways))
        done, _ = await asyncio.wait({run, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=200)
        if ready not in done:
            check("login", False, run.exception() if run in done else "never ready")
    os._exit(0)
