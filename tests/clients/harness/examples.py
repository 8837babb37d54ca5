"""Published example bots, as they are, used by a person at their client, and judged by what appears there.

`published` says where they come from. Nothing of them is changed but what they ask their reader to fill in.
What each is asked for is in `example_uses`.
"""

import asyncio
import base64
import dataclasses
import json
import pathlib
import re
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from . import published
from .person import SAID, Person
from .stage import CLIENTS, Client, Stage

PATIENCE = 20
CHANNEL_MESSAGE, PRIVATE = 0, 64


@dataclasses.dataclass(frozen=True)
class Example:
    """One example: the library that it is for, its file, who uses it, and how."""

    client: str
    file: str
    use: Callable[["Bot"], Awaitable[None]]
    # What its reader is told to put their own in place of, and what we put there: `{guild}`, `{channel}`,
    # or what `before` says of it.
    fill: dict[str, str] = dataclasses.field(default_factory=dict)
    # What must be there before it starts, as its comments demand.
    before: Callable[["Bot"], Awaitable[dict[str, str]]] | None = None
    # Made on the developers' pages by the person, who so is its owner.
    owned: bool = False
    # What it is called, where its file does not say it.
    name: str = ""


class Bot:
    """An example, and the person who uses it, in a channel of their own."""

    def __init__(self, stage: Stage, person: Person, python: dict[str, dict[str, str]]) -> None:
        self.stage = stage
        self.server = stage.server
        self.guild = stage.guild
        self.ana: dict[str, Any] = {}
        self.channel = ""
        self.id = ""
        self.client: Client | None = None
        self._person = person
        self._python = python
        self._token = ""
        self._since = 0
        self._new: Callable[[], Client] | None = None

    async def prepare(self, example: Example, number: int) -> None:
        """Makes its account and its channel."""
        self.ana = await self.server.rest("GET", "/users/@me")
        made = await self.server.rest("POST", f"/guilds/{self.guild}/channels", name=f"example-{number}", type=0)
        self.channel = made["id"]
        self._token = await (self._owned(number) if example.owned else self.server.add_bot(f"example{number}", self.guild))
        user = self._token.split(".")[0]
        self.id = base64.urlsafe_b64decode(user + "=" * (-len(user) % 4)).decode()

    async def _owned(self, number: int) -> str:
        """The token of a bot that the person made, with the intents of its example, and brought in."""
        made = await self.server.rest("POST", "/applications", name=f"example{number}")
        limited = 1 << 19 | 1 << 15
        await self.server.rest("PATCH", f"/applications/{made['id']}", flags=limited)
        token = (await self.server.rest("POST", f"/applications/{made['id']}/bot/reset"))["token"]
        query = f"client_id={made['id']}&scope=bot&permissions=0"
        await self.server.rest("POST", f"/oauth2/authorize?{query}", authorize=True, guild_id=self.guild)
        return token

    async def start(self, example: Example, file: pathlib.Path) -> None:
        """Starts it, and waits until the person sees that it came."""
        own = await example.before(self) if example.before else {}
        own |= {"guild": self.guild, "channel": self.channel, "token": self._token}
        fill = {placeholder: value.format(**own) for placeholder, value in example.fill.items()}
        if file.is_dir():
            environment = {"DISCORD_TOKEN": self._token, "APPLICATION_ID": self.id}
            environment["PRELOAD"] = (CLIENTS / "scenarios" / "example.mjs").as_uri()
            script = "example.sh"
        else:
            environment = {"FILL": json.dumps(fill), "LIBRARY": example.client, "BOT_TOKEN": self._token}
            environment |= self._python.get(example.client, {})
            script = "example.py"
        self._new = lambda: self.stage.client(script, EXAMPLE=str(file), **environment)
        await self._begin()

    async def _begin(self) -> None:
        self._since = self._person.now
        assert self._new is not None
        self.client = self._new()
        await self.client.start()
        await self._comes(online=True)

    async def _comes(self, online: bool) -> None:
        """Waits until the person sees that it came, or went."""
        await self.sees(
            lambda name, data: name == "PRESENCE_UPDATE"
            and data["user"]["id"] == self.id
            and (data["status"] != "offline") is online,
            # Beside other scenarios an interpreter takes its time to come and to go.
            3 * PATIENCE,
        )

    async def again(self) -> None:
        """Ends it and starts it anew."""
        if self.client:
            # Who is killed says no goodbye, and is waited for as one who may resume.
            await self.client.kill(3 * PATIENCE)
        await self._comes(online=False)
        await self._begin()

    async def stop(self) -> None:
        """Ends it, if it runs."""
        if self.client:
            await self.client.kill()

    # -- what the person sees ---------------------------------------------------------------------------

    async def sees(self, matches: Callable[[str, dict[str, Any]], bool], seconds: float = PATIENCE) -> dict[str, Any]:
        """The next event that matches; what comes before it is passed over."""
        self._since, event = await self._person.heard(self._since, matches, seconds)
        return event["d"]

    async def reads(self, wanted: str | re.Pattern[str], channel: str | None = None) -> dict[str, Any]:
        """The next message of the example, or one that it changed, of that content."""
        fits = wanted.fullmatch if isinstance(wanted, re.Pattern) else lambda content: content == wanted
        return await self.sees(
            lambda name, data: name in SAID
            and data["channel_id"] == (channel or self.channel)
            and data.get("author", {}).get("id") == self.id
            and bool(fits(data["content"]))
        )

    # -- what the person does ---------------------------------------------------------------------------

    async def says(self, content: str, channel: str | None = None) -> dict[str, Any]:
        """Says something where the example hears it."""
        return await self.server.rest("POST", f"/channels/{channel or self.channel}/messages", content=content)

    async def asks(self, content: str, *wanted: str | re.Pattern[str], channel: str | None = None) -> dict[str, Any]:
        """Says something, and reads each answer; the last of them."""
        await self.says(content, channel)
        answer: dict[str, Any] = {}
        for one in wanted:
            answer = await self.reads(one, channel)
        return answer

    async def command(self, name: str, kind: int = 1) -> dict[str, Any]:
        """One of its commands, as soon as it is registered."""
        async with asyncio.timeout(PATIENCE):
            while True:
                index = await self.server.rest("GET", f"/guilds/{self.guild}/application-command-index")
                for command in index["application_commands"]:
                    if (command["application_id"], command["name"], command["type"]) == (self.id, name, kind):
                        return command
                await asyncio.sleep(0.5)

    async def calls(self, name: str, *options: tuple[str, int, Any], kind: int = 1, target: str = "") -> dict[str, Any]:
        """Calls one of its commands; what came of it."""
        command = await self.command(name, kind)
        given = [{"name": option, "type": type_, "value": value} for option, type_, value in options]
        data = {"id": command["id"], "name": name, "type": kind, "options": given}
        if target:
            data["target_id"] = target
        return await self.interacts(2, data)

    async def presses(self, message: dict[str, Any], label: str) -> dict[str, Any]:
        """Presses the button of a label."""
        button = next(one for one in controls(message) if one.get("label") == label)
        return await self.uses(message, button)

    async def uses(self, message: dict[str, Any], control: dict[str, Any], *values: str) -> dict[str, Any]:
        """Presses a button, or chooses of a menu."""
        data: dict[str, Any] = {"component_type": control["type"], "custom_id": control["custom_id"]}
        if values:
            data["values"] = list(values)
        flags = message.get("flags", CHANNEL_MESSAGE)
        return await self.interacts(3, data, message_id=message["id"], message_flags=flags)

    async def interacts(self, kind: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Does something to the example; what came of it. What it says of it is read afterwards."""
        place = {"guild_id": self.guild, "channel_id": self.channel, "application_id": self.id}
        told = await self._person.interact(kind, data=data, **place, **more)
        demand(told["event"] != "INTERACTION_FAILURE", f"nobody answered: {told}")
        return told

    async def trusted(self, *permissions: int) -> dict[str, Any]:
        """Gives it permissions (numbers of bits), by a role of its own."""
        bits = sum(1 << bit for bit in permissions)
        role = await self.server.rest("POST", f"/guilds/{self.guild}/roles", name="example", permissions=str(bits))
        await self.server.rest("PUT", f"/guilds/{self.guild}/members/{self.id}/roles/{role['id']}")
        return role


def demand(holds: object, detail: object = "") -> None:
    """Raises unless it holds."""
    if not holds:
        raise AssertionError(detail)


def controls(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The buttons and menus of a message, as they stand."""
    return [one for row in message["components"] for one in row["components"]]


class Examples:
    """All examples on one stage, one after the other."""

    def __init__(self, stage: Stage, python: dict[str, dict[str, str]]) -> None:
        self._stage = stage
        self._python = python
        self._tails: dict[str, str] = {}
        self.checks: list[tuple[str, str, bool, str]] = []

    async def run(self, examples: list[Example]) -> None:
        """Each in turn; one that fails stops no other."""
        folders = {
            "discord.py": published.discord_py(),
            "py-cord": published.discord_py(),
            "hikari": published.hikari(),
            "discord.js": published.discord_js(),
        }
        person = await self._stage.person()
        for number, example in enumerate(examples):
            bot = Bot(self._stage, person, self._python)
            check = f"example {example.name or example.file}"
            try:
                await bot.prepare(example, number)
                await bot.start(example, folders[example.client] / example.file)
                await example.use(bot)
                self._tell(example.client, check, True)
            except Exception:
                self._tell(example.client, check, False, traceback.format_exc(limit=4))
                tail = bot.client.tail() if bot.client else ""
                self._tails[example.client] = self._tails.get(example.client, "") + f"\n{check}\n{tail}"
            finally:
                await bot.stop()

    def _tell(self, client: str, check: str, ok: bool, detail: str = "") -> None:
        self.checks.append((client, check, ok, detail))
        print(f"  {'ok  ' if ok else 'FAIL'} {client}: {check}", flush=True)

    def tails(self) -> dict[str, str]:
        """The logs of those that failed."""
        return self._tails
