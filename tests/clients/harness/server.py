"""A real server in a folder of its own, with an owner, a guild, and bots."""

import asyncio
import json
import os
import pathlib
import re
import signal
import socket
import ssl
from typing import Any

import aiohttp


def free_port() -> int:
    """A port that is free for TCP and UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """One server process and what is known of it."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path) -> None:
        self.binary = binary
        self.folder = folder
        self.port = free_port()
        self.private_port = free_port()
        self.process: asyncio.subprocess.Process | None = None
        self.log = folder / "server.log"
        self.ca = folder / "data" / "tls" / "ca.pem"
        self.owner_token = ""
        self.http: aiohttp.ClientSession | None = None

    @property
    def arguments(self) -> list[str]:
        """Flags that every command needs."""
        return ["--data-dir", str(self.folder / "data")]

    @property
    def base(self) -> str:
        """Where REST is, without the relay."""
        return f"https://localhost:{self.port}"

    async def start(self) -> None:
        """Starts the server and waits until it is ready."""
        environment = dict(
            os.environ,
            GUILDHALL__SERVER__LISTEN=f"0.0.0.0:{self.port}",
            GUILDHALL__SERVER__PRIVATE_LISTEN=f"127.0.0.1:{self.private_port}",
            GUILDHALL__SERVER__LOG=os.environ.get("GUILDHALL_TEST_LOG", "info"),
        )
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                str(self.binary), "serve", *self.arguments, stdout=log, stderr=log, env=environment
            )
        async with aiohttp.ClientSession() as http:
            for _ in range(600):
                if self.process.returncode is not None:
                    break
                try:
                    async with http.get(f"http://127.0.0.1:{self.private_port}/readyz") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
            else:
                raise RuntimeError("the server was not ready within a minute")
        if self.process.returncode is not None:
            raise RuntimeError(f"the server ended at once:\n{self.log.read_text()[-3000:]}")
        context = ssl.create_default_context(cafile=str(self.ca))
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

    async def stop(self, how: int = signal.SIGTERM) -> None:
        """Ends the server."""
        if self.http:
            await self.http.close()
        if self.process and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()

    async def rest(self, method: str, path: str, token: str | None = None, **body: Any) -> Any:
        """One REST request as a person; raises with the server's answer when it failed."""
        assert self.http is not None
        for _ in range(20):
            async with self.http.request(
                method,
                f"{self.base}/api/v10{path}",
                headers={"Authorization": token if token is not None else self.owner_token},
                json=body or None,
            ) as answer:
                text = await answer.text()
                if answer.status == 429:
                    await asyncio.sleep(float(json.loads(text)["retry_after"]))
                    continue
                if answer.status >= 400:
                    raise RuntimeError(f"{method} {path}: {answer.status} {text}")
                return json.loads(text) if text else None
        raise RuntimeError(f"{method} {path}: rate limited for ever")

    async def command(self, *arguments: str) -> str:
        """One admin command through the binary; what it printed."""
        process = await asyncio.create_subprocess_exec(
            str(self.binary),
            *arguments,
            *self.arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"guildhall {' '.join(arguments)}: {err.decode()[-2000:]}")
        return out.decode()

    async def register_owner(self, password: str) -> None:
        """Registers the owner by the link that the server printed."""
        # The server is ready a moment before it has said so.
        for _ in range(100):
            link = re.search(r"/invite/([A-Za-z0-9_-]+)", self.log.read_text())
            if link is not None:
                break
            await asyncio.sleep(0.1)
        else:
            raise RuntimeError(f"no owner invite in:\n{self.log.read_text()[-3000:]}")
        answer = await self.rest(
            "POST", "/auth/register", "", username="ana", password=password, invite=link[1]
        )
        self.owner_token = answer["token"]

    async def add_bot(self, name: str, guild: str) -> str:
        """A bot that is a member of the guild; its token."""
        printed = await self.command("bot", "add", name, "--guild", guild)
        token = re.search(r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{20,}", printed)
        if token is None:
            raise RuntimeError(f"no token in: {printed}")
        return token[0]
