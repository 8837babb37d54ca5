"""discord.py, unmodified: login, cache, messages, files, limits, threads, resume."""

import asyncio
import datetime
import os
from typing import Any

import discord
import discord_text
import yarl

BASE, HOST = os.environ["BASE"], os.environ["HOST"]
discord.http.Route.BASE = f"{BASE}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"wss://{HOST}/")
discord.Asset.BASE = BASE


class Ways:
    """As discord.py does it."""

    def question(self) -> discord.Poll:
        poll = discord.Poll("What tonight?", datetime.timedelta(hours=1))
        return poll.add_answer(text="ale", emoji="🍺").add_answer(text="mead")

    async def post(self, forum: discord.ForumChannel, tag: discord.ForumTag, file: discord.File) -> Any:
        return await forum.create_thread(name="More beer", content="please", file=file, applied_tags=[tag])

    async def forward(self, message: discord.Message, to: discord.TextChannel) -> str:
        return (await message.forward(to)).message_snapshots[0].content

    async def counted(self, poll: discord.Poll) -> None:
        assert poll.is_finalized() and poll.total_votes == 1
        assert poll.get_answer(2).vote_count == 1

    async def voters(self, poll: discord.Poll, answer: int) -> list[int]:
        return [user.id async for user in poll.get_answer(answer).voters()]


asyncio.run(discord_text.judge(discord.Client(intents=discord.Intents.all()), Ways()))
