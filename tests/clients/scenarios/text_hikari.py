"""hikari, unmodified: login, cache, messages, files, limits, resume."""

import asyncio
import os

import hikari
from hikari import urls
from hikari.events import stage_events
from report import attempt, check, control

BASE = os.environ["BASE"]
GUILD, TEXT, QUIET, FORUM, STAGE = (
    int(os.environ[key]) for key in ("GUILD", "TEXT_CHANNEL", "QUIET_CHANNEL", "FORUM", "STAGE")
)
urls.CDN_URL = BASE


def new_bot() -> hikari.GatewayBot:
    """One client of the library."""
    return hikari.GatewayBot(
        os.environ["BOT_TOKEN"],
        rest_url=f"{BASE}/api/v10",
        intents=hikari.Intents.ALL,
        banner=None,
        suppress_optimization_warning=True,
    )


bot = new_bot()


async def hear(kind, matches=lambda _: True, seconds: float = 15):
    return await bot.wait_for(kind, seconds, matches)


async def during(kind, matches, action, seconds: float = 15):
    """The event that `action` causes, listened for before it happens."""
    heard = asyncio.create_task(hear(kind, matches, seconds))
    await asyncio.sleep(0)
    result = await action
    return await heard, result


async def scenario() -> None:
    me = bot.get_me()
    check("login", me is not None)
    state: dict[str, hikari.Message] = {}

    async def cache() -> None:
        guild = bot.cache.get_available_guild(GUILD)
        assert guild and guild.name == "Conformance"
        channel = bot.cache.get_guild_channel(TEXT)
        assert channel and channel.name == "tavern"
        assert bot.cache.get_member(GUILD, me.id)
        members = await bot.rest.fetch_members(GUILD)
        assert len(members) >= 2

    await attempt("cache", cache)

    async def chunks() -> None:
        owner = bot.cache.get_available_guild(GUILD).owner_id
        named = lambda nonce: lambda e: e.nonce == nonce
        action = bot.request_guild_members(GUILD, query="ana", limit=5, nonce="name")
        event, _ = await during(hikari.MemberChunkEvent, named("name"), action)
        assert set(event.members) == {owner}, event
        action = bot.request_guild_members(GUILD, users=[owner, me.id], nonce="ids")
        event, _ = await during(hikari.MemberChunkEvent, named("ids"), action)
        assert set(event.members) == {owner, me.id}, event

    await attempt("member chunks", chunks)

    async def round_trip() -> None:
        event, message = await during(
            hikari.GuildMessageCreateEvent,
            lambda e: e.content == "Hail, çà và?",
            bot.rest.create_message(TEXT, "Hail, çà và?"),
        )
        assert event.message_id == message.id
        state["message"] = message
        history = await bot.rest.fetch_messages(TEXT).limit(5)
        assert message.id in [m.id for m in history]

    await attempt("text round trip", round_trip)
    message = state["message"]

    async def reply() -> None:
        answer = await bot.rest.create_message(TEXT, "And to you.", reply=message)
        assert answer.message_reference and answer.message_reference.id == message.id

    await attempt("reply", reply)

    async def edit() -> None:
        event, _ = await during(
            hikari.GuildMessageUpdateEvent,
            lambda e: e.message_id == message.id,
            message.edit("Hail again."),
        )
        assert event.content == "Hail again."

    await attempt("edit", edit)

    async def reaction() -> None:
        event, _ = await during(
            hikari.GuildReactionAddEvent,
            lambda e: e.message_id == message.id,
            message.add_reaction("🍺"),
        )
        assert event.emoji_name == "🍺"
        fetched = await bot.rest.fetch_message(TEXT, message.id)
        assert fetched.reactions[0].is_me
        await during(
            hikari.GuildReactionDeleteEvent,
            lambda e: e.message_id == message.id,
            message.remove_reaction("🍺"),
        )

    await attempt("reaction", reaction)

    async def embed() -> None:
        sent = await bot.rest.create_message(TEXT, embed=hikari.Embed(title="Tonight"))
        assert sent.embeds[0].title == "Tonight"

    await attempt("embed", embed)

    async def attachment() -> None:
        data = os.urandom(300_000)
        sent = await bot.rest.create_message(
            TEXT, attachment=hikari.Bytes(data, "map of the road.bin")
        )
        assert sent.attachments[0].size == len(data)
        assert await sent.attachments[0].read() == data

    await attempt("attachment equal byte for byte", attachment)

    async def typing() -> None:
        event, _ = await during(
            hikari.GuildTypingEvent,
            lambda e: e.channel_id == TEXT,
            control("type", channel=str(TEXT)),
        )
        assert event.user_id != me.id

    await attempt("typing", typing)

    async def presence() -> None:
        event, _ = await during(
            hikari.PresenceUpdateEvent,
            lambda e: e.user_id == me.id and e.presence.visible_status == hikari.Status.IDLE,
            bot.update_presence(
                status=hikari.Status.IDLE,
                activity=hikari.Activity(name="the tavern", type=hikari.ActivityType.WATCHING),
            ),
        )
        assert event.presence.activities[0].name == "the tavern"

    await attempt("presence", presence)

    async def denied() -> None:
        try:
            await bot.rest.create_message(QUIET, "psst")
        except hikari.ForbiddenError as error:
            assert error.code == 50013, error.code
            return
        raise AssertionError("it was allowed")

    await attempt("permission denied with 50013", denied)

    async def limits() -> None:
        sent = await asyncio.gather(
            *(bot.rest.create_message(TEXT, f"round {n}") for n in range(12))
        )
        assert len({m.id for m in sent}) == 12

    await attempt("429 handled by the library's queue", limits)

    async def thread() -> None:
        event, thread = await during(
            hikari.GuildThreadCreateEvent,
            lambda e: e.thread.id == message.id,
            bot.rest.create_message_thread(TEXT, message, "Bread"),
        )
        assert event.thread.parent_id == TEXT and thread.owner_id == me.id
        await during(
            hikari.GuildMessageCreateEvent,
            lambda e: e.channel_id == thread.id and e.content == "rye",
            control("say", channel=str(thread.id), content="rye"),
        )
        assert thread.id in [t.id for t in await bot.rest.fetch_active_threads(GUILD)]
        await during(
            hikari.GuildThreadUpdateEvent,
            lambda e: e.thread.id == thread.id and e.thread.is_archived,
            bot.rest.edit_channel(thread.id, archived=True),
        )
        assert thread.id in [t.id async for t in bot.rest.fetch_public_archived_threads(TEXT)]

    await attempt("thread", thread)

    async def forum_post() -> None:
        forum = bot.cache.get_guild_channel(FORUM)
        tag = next(tag for tag in forum.available_tags if tag.name == "open")
        file = hikari.Bytes(b"because", "why.txt")
        post = await bot.rest.create_forum_post(FORUM, "More beer", "please", attachment=file, tags=[tag])
        assert post.parent_id == FORUM and list(post.applied_tag_ids) == [tag.id]
        first = await bot.rest.fetch_message(post.id, post.id)
        assert first.content == "please" and await first.attachments[0].read() == b"because"
        await during(
            hikari.GuildThreadDeleteEvent,
            lambda e: e.thread_id == post.id,
            control("remove", channel=str(post.id)),
        )

    await attempt("forum post", forum_post)

    async def poll() -> None:
        owner = bot.cache.get_available_guild(GUILD).owner_id
        question = hikari.impl.PollBuilder(
            question_text="What tonight?", duration=1, allow_multiselect=False
        )
        question.add_answer(text="ale").add_answer(text="mead")
        asked = await bot.rest.create_message(TEXT, poll=question)
        event, _ = await during(
            hikari.PollVoteCreateEvent,
            lambda e: e.message_id == asked.id,
            control("vote", channel=str(TEXT), message=str(asked.id), answers=[2]),
        )
        assert (event.user_id, event.answer_id) == (owner, 2)
        voters = await bot.rest.fetch_poll_voters(TEXT, asked, 2)
        assert [user.id for user in voters] == [owner]
        await during(
            hikari.GuildMessageCreateEvent,
            lambda e: e.message.type == 46 and e.message.message_reference.id == asked.id,
            bot.rest.end_poll(TEXT, asked),
        )

    await attempt("poll", poll)

    async def stage() -> None:
        event, _ = await during(
            stage_events.StageInstanceCreateEvent,
            lambda e: e.stage_instance.channel_id == STAGE,
            control("stage", topic="Greensleeves"),
        )
        assert event.stage_instance.topic == "Greensleeves"
        assert (await bot.rest.fetch_stage_instance(STAGE)).id == event.stage_instance.id
        ended = lambda e: e.stage_instance.id == event.stage_instance.id
        await during(stage_events.StageInstanceDeleteEvent, ended, control("stage"))

    await attempt("stage", stage)

    async def shards() -> None:
        pair = new_bot()
        heard: list[tuple[int, str]] = []

        @pair.listen()
        async def on_message(event: hikari.GuildMessageCreateEvent) -> None:
            heard.append((event.shard.id, event.content))

        await asyncio.wait_for(pair.start(shard_count=2, check_for_updates=False), 40)
        try:
            assert set(pair.shards) == {0, 1}
            await bot.rest.create_message(TEXT, "to one shard")
            await bot.rest.create_message(TEXT, "and once more")
            last = lambda e: e.content == "and last"
            waiting = asyncio.create_task(pair.wait_for(hikari.GuildMessageCreateEvent, 15, last))
            await asyncio.sleep(0)
            await bot.rest.create_message(TEXT, "and last")
            await waiting
        finally:
            await pair.close()
        home = (GUILD >> 22) % 2
        assert [one for one in heard if one[0] != home] == [], heard
        assert len(heard) >= 2 and heard[0][1] == "to one shard", heard

    await attempt("two shards", shards)

    async def delete() -> None:
        await during(
            hikari.GuildMessageDeleteEvent,
            lambda e: e.message_id == message.id,
            message.delete(),
        )
        try:
            await bot.rest.fetch_message(TEXT, message.id)
        except hikari.NotFoundError as error:
            assert error.code == 10008, error.code
            return
        raise AssertionError("it is still there")

    await attempt("delete", delete)

    async def resume() -> None:
        contents = ["first in the dark", "second in the dark", "third in the dark"]
        heard: list[str] = []
        readies: list[int] = []

        @bot.listen()
        async def on_message(event: hikari.GuildMessageCreateEvent) -> None:
            if event.content in contents:
                heard.append(event.content)

        @bot.listen()
        async def on_ready(_: hikari.ShardReadyEvent) -> None:
            readies.append(1)

        resumed = asyncio.create_task(hear(hikari.ShardResumedEvent, seconds=45))
        await asyncio.sleep(0)
        await control("cut", seconds=1, channel=str(TEXT), say=contents)
        await resumed
        await during(
            hikari.GuildMessageCreateEvent,
            lambda e: e.content == "light again",
            control("say", channel=str(TEXT), content="light again"),
        )
        assert not readies, "it identified anew"
        assert heard == contents, heard

    await attempt("resume after a cut", resume)
    check("ends", True)


async def main() -> None:
    try:
        available = asyncio.get_running_loop().create_future()

        @bot.listen()
        async def on_available(_: hikari.GuildAvailableEvent) -> None:
            if not available.done():
                available.set_result(None)

        await asyncio.wait_for(bot.start(), 40)
        await asyncio.wait_for(available, 40)
    except BaseException as error:
        check("login", False, repr(error))
        os._exit(0)
    await scenario()


asyncio.run(main())
os._exit(0)
