"""A person's client: speaks with a user token, by REST and by the gateway."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from .server import Server

_nonces = itertools.count(1)
# What tells of a message, or of one that changed.
SAID = ("MESSAGE_CREATE", "MESSAGE_UPDATE")


class Person:
    """Somebody at their client, who calls bots and sees what comes of it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._heard: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._seq: int | None = None
        self.session = ""

    async def connect(self) -> None:
        """Opens a gateway session."""
        assert self._server.http is not None
        url = f"wss://localhost:{self._server.port}/?v=10&encoding=json"
        self._socket = await self._server.http.ws_connect(url, max_msg_size=0)
        hello = await self._socket.receive_json()
        await self._socket.send_json(
            {"op": 2, "d": {"token": self._server.owner_token, "properties": {"browser": "x"}}}
        )
        every = hello["d"]["heartbeat_interval"] / 1000
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._beat(every))]
        ready = await self.wait(0, {"READY"})
        self.session = ready["d"]["session_id"]

    async def close(self) -> None:
        """Ends the session."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
                await task
        if self._socket:
            await self._socket.close()

    async def _listen(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            event = json.loads(message.data)
            self._seq = event.get("s") or self._seq
            async with self._news:
                self._heard.append(event)
                self._news.notify_all()

    async def _beat(self, every: float) -> None:
        assert self._socket is not None
        while True:
            await asyncio.sleep(every)
            await self._socket.send_json({"op": 1, "d": self._seq})

    @property
    def now(self) -> int:
        """How many events were heard so far: what is told later is told after this."""
        return len(self._heard)

    async def heard(
        self, since: int, matches: Callable[[str, dict[str, Any]], bool], seconds: float = 15
    ) -> tuple[int, dict[str, Any]]:
        """The first event of a matching name and data, after the first `since`; and its number."""

        def found() -> int | None:
            for number, event in enumerate(self._heard[since:], since + 1):
                if event.get("t") and matches(event["t"], event["d"]):
                    return number
            return None

        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(found)
        number = found()
        assert number is not None
        return number, self._heard[number - 1]

    async def wait(self, since: int, names: set[str], nonce: str = "", seconds: float = 15) -> dict[str, Any]:
        """The first event of these names, heard after the first `since`; of that nonce, if one is given."""
        matches = lambda name, data: name in names and (not nonce or data.get("nonce") == nonce)
        return (await self.heard(since, matches, seconds))[1]

    async def interact(self, kind: int, **call: Any) -> dict[str, Any]:
        """Does something to a bot; what the gateway said of it, and the messages heard until then."""
        since, nonce = self.now, str(next(_nonces))
        body = {"type": kind, "session_id": self.session, "nonce": nonce, **call}
        await self._server.rest("POST", "/interactions", **body)
        outcome = await self.wait(
            since,
            {
                "INTERACTION_SUCCESS",
                "INTERACTION_FAILURE",
                "INTERACTION_MODAL_CREATE",
                "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE",
            },
            nonce,
        )
        return {"event": outcome["t"], "data": outcome["d"], "since": since}

    async def message(self, since: int, content: str) -> dict[str, Any]:
        """The message of that content, said or changed after the first `since` events."""
        matches = lambda name, data: name in SAID and data["content"] == content
        return (await self.heard(since, matches))[1]["d"]
