"""Reports of a scenario: one JSON line a check, so that the harness can judge."""

import json
import os
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from plain_report import check, tell

__all__ = ["attempt", "check", "control", "tell"]


async def attempt(name: str, run: Callable[[], Awaitable[object]]) -> None:
    """Runs one check; what it raises is its failure."""
    try:
        check(name, True, await run() or "")
    except BaseException:
        check(name, False, traceback.format_exc(limit=4))


async def control(action: str, **body: Any) -> Any:
    """Asks the harness for an outside event."""
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{os.environ['CONTROL']}/{action}", json=body) as answer:
            text = await answer.text()
            assert answer.status == 200, f"{action}: {answer.status} {text}"
            return json.loads(text)
