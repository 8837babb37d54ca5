"""One call: a server and a bot near it, a bot and Chromium far away. Runs in the server's namespace."""

import argparse
import asyncio
import json
import os
import pathlib
import sys
import tempfile
from typing import Any

from harness import audio
from harness.server import Server

HERE = pathlib.Path(__file__).resolve().parent


class Client:
    """A client process, here or in another namespace."""

    def __init__(self, script: str, namespace: str | None, **environment: str) -> None:
        interpreter = [sys.executable] if script.endswith(".py") else ["node"]
        prefix = ["ip", "netns", "exec", namespace] if namespace else []
        self._command = [*prefix, *interpreter, str(HERE / script)]
        self._environment = dict(os.environ, **environment)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 26,
        )

    async def told(self, key: str, timeout: float) -> dict[str, Any]:
        """The next report that has this key."""
        assert self._process is not None and self._process.stdout is not None
        async with asyncio.timeout(timeout):
            while line := await self._process.stdout.readline():
                report = json.loads(line)
                if "error" in report:
                    raise RuntimeError(report["error"])
                if key in report:
                    return report
        raise RuntimeError(f"{self._command[-1]} ended without {key}")

    async def end(self, key: str) -> dict[str, Any]:
        """Ends its call; what it says of it."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.close()
        return await self.told(key, 60)

    def kill(self) -> None:
        """Ends it at once."""
        if self._process and self._process.returncode is None:
            self._process.kill()


async def play(arguments: argparse.Namespace, folder: pathlib.Path) -> dict[str, Any]:
    """Everything, in order; what everybody noted."""
    server = Server(arguments.binary, folder)
    clients: list[Client] = []
    try:
        await server.start()
        await server.register_owner("correct horse battery")
        guild = (await server.rest("POST", "/guilds", name="Badnet"))["id"]
        hall = (await server.rest("POST", f"/guilds/{guild}/channels", name="Hall", type=2))["id"]
        text = (await server.rest("POST", f"/guilds/{guild}/channels", name="tavern", type=0))["id"]
        invite = (await server.rest("POST", f"/channels/{text}/invites"))["code"]
        host = f"{arguments.host}:{server.port}"
        surroundings = {"CA": str(server.ca), "HOST": host, "GUILD": guild, "CHANNEL": hall}

        async def bot(name: str, namespace: str | None, joins: int) -> tuple[Client, list[dict[str, Any]]]:
            token = await server.add_bot(name, guild)
            client = Client("bot.py", namespace, TOKEN=token, JOINS=str(joins), **surroundings)
            clients.append(client)
            await client.start()
            return client, [await client.told("joined", 120) for _ in range(joins)]

        near, near_joins = await bot("near", None, 1)
        far, far_joins = await bot("far", arguments.far, arguments.joins)
        result: dict[str, Any] = {"near_joins": near_joins, "far_joins": far_joins, "swaps": []}
        chromium = None
        if not arguments.no_browser:
            speech = audio.make_speech(folder)["wav"]
            chromium = Client(
                "browser.mjs",
                arguments.far,
                WEB=f"https://{host}",
                INVITE=invite,
                SPEECH=str(speech),
                MICROPHONE=arguments.microphone,
                JOINS=str(arguments.joins),
            )
            clients.append(chromium)
            await chromium.start()
            result["browser_joins"] = [await chromium.told("joined", 200) for _ in range(arguments.joins)]
            await chromium.told("steady", 60)
        print("steady", flush=True)
        # Whoever started this says when a NAT maps anew, and when it is over.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        if chromium:
            result["browser"] = await chromium.end("arrivals")
        result["far"] = await far.end("heard")
        result["near"] = await near.end("heard")
        return result
    finally:
        for client in clients:
            client.kill()
        await server.stop()


def main() -> None:
    """Prints one line of JSON behind the line `steady`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--far", required=True)
    parser.add_argument("--joins", type=int, required=True)
    parser.add_argument("--microphone", default="on")
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="guildhall-badnet-") as folder:
        print(json.dumps(asyncio.run(play(arguments, pathlib.Path(folder)))), flush=True)


main()
