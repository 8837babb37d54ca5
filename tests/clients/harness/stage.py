"""What a scenario stands on: server, relay, guild, channels, bots, and a door for its client.

A client under test is a process in any language. It gets its surroundings by environment
variables, reports by JSON lines on stdout, and asks for outside events by HTTP on `CONTROL`.
"""

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import signal
import sys
from typing import Any

from aiohttp import web

from .cut import Relay
from .person import Person
from .server import Server

CLIENTS = pathlib.Path(__file__).resolve().parent.parent
CHECK_TIMEOUT = 120
_serial = itertools.count(1)


class Stage:
    """One server with all its surroundings, shared by the scenarios of one run."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path) -> None:
        self.folder = folder
        self.server = Server(binary, folder)
        self.relay = Relay("127.0.0.1", self.server.port)
        self.guild = ""
        self.channels: dict[str, str] = {}
        self.control = ""
        self._person: Person | None = None
        self._runner: web.AppRunner | None = None
        self._clients: list[Client] = []

    async def open(self) -> None:
        """Starts everything and builds the guild."""
        await self.server.start()
        await self.relay.start()
        await self.server.register_owner("correct horse battery")
        guild = await self.server.rest("POST", "/guilds", name="Conformance")
        self.guild = guild["id"]
        make = lambda **fields: self.server.rest("POST", f"/guilds/{self.guild}/channels", **fields)
        text = await make(name="tavern", type=0)
        # Everyone sees it, nobody but the owner speaks: SEND_MESSAGES is bit 11.
        quiet = await make(
            name="notices",
            type=0,
            permission_overwrites=[{"id": self.guild, "type": 0, "allow": "0", "deny": "2048"}],
        )
        tags = [{"name": "open", "emoji_name": "🍺"}, {"name": "decided", "moderated": True}]
        forum = await make(name="ideas", type=15, available_tags=tags)
        hall = await make(name="Hall", type=2)
        side = await make(name="Side room", type=2)
        stage = await make(name="Bards", type=13)
        self.channels = {
            "text": text["id"], "quiet": quiet["id"], "hall": hall["id"], "side": side["id"],
            "forum": forum["id"], "stage": stage["id"],
        }
        app = web.Application()
        app.router.add_post("/{action}", self._act)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.control = f"http://127.0.0.1:{port}"

    async def close(self) -> None:
        """Ends everything, clients that still run too."""
        for client in self._clients:
            await client.kill()
        if self._person:
            await self._person.close()
        if self._runner:
            await self._runner.cleanup()
        await self.server.stop()

    async def _act(self, request: web.Request) -> web.Response:
        """An outside event that a client asked for."""
        body: dict[str, Any] = await request.json() if request.can_read_body else {}
        match request.match_info["action"]:
            case "say":
                said = await self.server.rest(
                    "POST", f"/channels/{body['channel']}/messages", content=body["content"]
                )
                return web.json_response(said)
            case "type":
                await self.server.rest("POST", f"/channels/{body['channel']}/typing")
            case "remove":
                await self.server.rest("DELETE", f"/channels/{body['channel']}")
            case "vote":
                path = f"/channels/{body['channel']}/polls/{body['message']}/answers/@me"
                await self.server.rest("PUT", path, answer_ids=body["answers"])
            case "cut":
                # What is said while nobody is connected must be replayed by RESUME.
                cut = asyncio.create_task(self.relay.cut(float(body.get("seconds", 1.0))))
                await asyncio.sleep(0.2)
                for content in body.get("say", []):
                    await self.server.rest(
                        "POST", f"/channels/{body['channel']}/messages", content=content
                    )
                return web.json_response({"cut": await cut})
            case "interact":
                return web.json_response(await (await self.person()).interact(**body))
            case "message":
                return web.json_response(await (await self.person()).message(**body))
            case "attend":
                path = f"/guilds/{self.guild}/scheduled-events/{body['event']}/users/@me"
                await self.server.rest("PUT", path)
            case "stage":
                channel = self.channels["stage"]
                if topic := body.get("topic"):
                    await self.server.rest("POST", "/stage-instances", channel_id=channel, topic=topic)
                else:
                    await self.server.rest("DELETE", f"/stage-instances/{channel}")
            case "index":
                index = f"/guilds/{self.guild}/application-command-index"
                return web.json_response(await self.server.rest("GET", index))
            case "webhook":
                path = f"/channels/{body['channel']}/webhooks"
                return web.json_response(await self.server.rest("POST", path, name=body["name"]))
            case "trust":
                roles = f"/guilds/{self.guild}/roles"
                role = await self.server.rest(
                    "POST", roles, name="trusted", permissions=body["permissions"]
                )
                member = f"/guilds/{self.guild}/members/{body['user']}"
                await self.server.rest("PUT", f"{member}/roles/{role['id']}")
                return web.json_response(role)
            case "overwrite":
                path = f"/channels/{body.pop('channel')}/permissions/{body.pop('whom')}"
                await self.server.rest("PUT", path, **body)
            case "member":
                member = body.pop("user")
                await self.member(member, **body)
            case other:
                return web.json_response({"error": other}, status=404)
        return web.json_response({})

    async def person(self) -> Person:
        """The owner at their client, connected when first needed."""
        if self._person is None:
            self._person = Person(self.server)
            await self._person.connect()
        return self._person

    async def member(self, user: str, **changes: Any) -> None:
        """What a moderator does to a member: `mute`, `deaf`, `channel_id`."""
        await self.server.rest("PATCH", f"/guilds/{self.guild}/members/{user}", **changes)

    def environment(self, relay: Relay | None = None, **extra: str) -> dict[str, str]:
        """The surroundings of a client process; by a relay of its own, only it is cut."""
        host = f"localhost:{(relay or self.relay).port}"
        return dict(
            os.environ,
            NODE_EXTRA_CA_CERTS=str(self.server.ca),
            SSL_CERT_FILE=str(self.server.ca),
            PYTHONPATH=str(CLIENTS),
            PYTHONUNBUFFERED="1",
            GUILD=self.guild,
            TEXT_CHANNEL=self.channels["text"],
            QUIET_CHANNEL=self.channels["quiet"],
            FORUM=self.channels["forum"],
            STAGE=self.channels["stage"],
            HALL=self.channels["hall"],
            SIDE_ROOM=self.channels["side"],
            BASE=f"https://{host}",
            HOST=host,
            CONTROL=self.control,
            **extra,
        )

    def client(self, script: str | pathlib.Path, relay: Relay | None = None, **extra: str) -> "Client":
        """A client process that is not started yet: a script among the scenarios, or a program."""
        environment = self.environment(relay, **extra)
        client = Client(CLIENTS / "scenarios" / script, environment, self.folder)
        self._clients.append(client)
        return client


class Client:
    """A client under test: reports by JSON lines, takes orders by lines on stdin."""

    def __init__(self, script: pathlib.Path, environment: dict[str, str], folder: pathlib.Path) -> None:
        self.script = script
        self._environment = environment
        self._log = folder / f"{script.name}-{next(_serial)}.log"
        self._process: asyncio.subprocess.Process | None = None
        self.checks: dict[str, tuple[bool, str]] = {}

    async def start(self) -> None:
        """Starts the process."""
        # What has no interpreter is a program itself.
        python = self._environment.get("PYTHON", sys.executable)
        interpreter = {".mjs": ["node"], ".py": [python]}.get(self.script.suffix, [])
        self._stderr = self._log.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            *interpreter,
            str(self.script),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 20,
            stderr=self._stderr,
            start_new_session=True,
        )

    async def line(self, timeout: float = CHECK_TIMEOUT) -> dict[str, Any] | None:
        """The next report; `None` when the process ended. Other output goes to the log."""
        assert self._process is not None and self._process.stdout is not None
        async with asyncio.timeout(timeout):
            while raw := await self._process.stdout.readline():
                self._stderr.write(raw)
                self._stderr.flush()
                try:
                    report = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(report, dict):
                    if "check" in report:
                        self.checks[report["check"]] = (report["ok"], str(report.get("detail", "")))
                    return report
        return None

    async def wait_for(self, key: str, timeout: float = CHECK_TIMEOUT) -> Any:
        """Reads reports until one has `key`; its value."""
        async with asyncio.timeout(timeout):
            while (report := await self.line(timeout)) is not None:
                if key in report:
                    return report[key]
                if "error" in report:
                    raise RuntimeError(f"{self.script.name}: {report['error']}")
        raise RuntimeError(f"{self.script.name} ended before it reported {key!r}; see {self._log}")

    async def order(self, **order: Any) -> None:
        """Sends an order to the process."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()

    async def ask(self, key: str, timeout: float = 40, **order: Any) -> Any:
        """Sends an order and waits for its answer under `key`."""
        await self.order(**order)
        return await self.wait_for(key, timeout)

    async def finish(self, timeout: float = CHECK_TIMEOUT) -> None:
        """Reads all reports until the process ends by itself."""
        try:
            async with asyncio.timeout(timeout):
                while await self.line(timeout) is not None:
                    pass
        except TimeoutError:
            self.checks["ends by itself"] = (False, f"still running after {timeout} s")
        await self.kill()

    async def kill(self, seconds: float = 5) -> None:
        """Ends the process, and those that it started, if it still runs after so long."""
        if self._process is None:
            return
        if self._process.returncode is None:
            # The end of its orders is the polite way: a browser closes its own processes.
            assert self._process.stdin is not None
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._stderr.close()

    def tail(self) -> str:
        """The end of what the process said, for a failure's report."""
        return self._log.read_text(errors="replace")[-2500:] if self._log.exists() else ""
