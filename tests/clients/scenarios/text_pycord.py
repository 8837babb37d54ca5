"""py-cord, unmodified: login, cache, messages, files, limits, threads, resume."""

import asyncio
import os
from typing import Any

import discord
import discord_text

BASE = os.environ["BASE"]
discord.http.Route.API_BASE_URL = f"{BASE}/api/v{{API_VERSION}}"
discord.asset.Asset.BASE = BASE


class Ways:
    """As py-cord does it."""

    def question(self) -> discord.Poll:
        poll = discord.Poll("What tonight?", duration=1)
        return poll.add_answer("ale", emoji="🍺").add_answer("mead")

    async def post(self, forum: discord.ForumChannel, tag: discord.ForumTag, file: discord.File) -> Any:
        post = await forum.create_thread("More beer", "please", file=file, applied_tags=[tag])
        return post, await post.fetch_message(post.id)

    async def forward(self, message: discord.Message, to: discord.TextChannel) -> str:
        return (await message.forward_to(to)).snapshots[0].message.content

    async def counted(self, poll: discord.Poll) -> None:
        assert poll.has_ended() and poll.total_votes() == 1
        assert poll.get_answer(2).count == 1

    async def voters(self, poll: discord.Poll, answer: int) -> list[int]:
        return [user.id async for user in poll.get_answer(answer).voters()]


asyncio.run(discord_text.judge(discord.Client(intents=discord.Intents.all()), Ways()))
