"""Runs a published example as it is: only where Discord is, and what it asks its reader to fill in, is ours."""

import json
import os
import pathlib
import signal
import sys
import threading
import time

BASE, HOST = os.environ["BASE"], os.environ["HOST"]
FILE = pathlib.Path(os.environ["EXAMPLE"])


def find_the_server() -> None:
    """Points the library that is installed here to the server."""
    if os.environ["LIBRARY"] == "hikari":
        from hikari import urls

        urls.REST_API_URL, urls.CDN_URL = f"{BASE}/api/v10", BASE
        return
    import discord

    discord.asset.Asset.BASE = BASE
    if os.environ["LIBRARY"] == "py-cord":
        discord.http.Route.API_BASE_URL = f"{BASE}/api/v{{API_VERSION}}"
        return
    import yarl

    discord.http.Route.BASE = f"{BASE}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"wss://{HOST}/")


def end_with_the_harness() -> None:
    """Ends it as whoever tries it would, when nobody gives orders any more: it runs for ever by itself."""
    sys.stdin.read()
    while True:
        os.kill(os.getpid(), signal.SIGINT)
        # A cancellation that comes with a message is lost now and then (asyncio of Python 3.11): then it
        # runs on, and whoever waits for it presses the keys again.
        time.sleep(10)


source = FILE.read_text()
for placeholder, value in json.loads(os.environ["FILL"]).items():
    assert placeholder in source, f"{FILE} has no {placeholder}"
    source = source.replace(placeholder, value)
find_the_server()
threading.Thread(target=end_with_the_harness, daemon=True).start()
exec(compile(source, str(FILE), "exec"), {"__name__": "__main__", "__file__": str(FILE)})
