"""`python -m harness`: one server, every client, one table."""

import argparse
import asyncio
import dataclasses
import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback

from . import ledger, report, rust
from .example_uses import EXAMPLES as PUBLISHED
from .examples import Examples
from .report import Row
from .stage import CLIENTS, Client, Stage
from .streaming import Streaming
from .voice import Voice

TEXT = {
    "discord.js": "text_discordjs.mjs",
    "discord.py": "text_discordpy.py",
    "hikari": "text_hikari.py",
    "py-cord": "text_pycord.py",
    "oceanic": "text_oceanic.mjs",
    "eris": "text_eris.mjs",
}
# What bots are called for: commands, buttons, forms, webhooks.
APPS = {
    "discord.js": "apps_discordjs.mjs",
    "discord.py": "apps_discordpy.py",
    "hikari": "apps_hikari.py",
    "py-cord": "apps_pycord.py",
    "oceanic": "apps_oceanic.mjs",
    "eris": "apps_eris.mjs",
}
# py-cord calls itself `discord`, as discord.py does: each has an environment of its own.
PYTHON = {"py-cord": {"PYTHON": str(CLIENTS / ".venv-pycord" / "bin" / "python")}}
RUST = {"twilight": "text_twilight", "serenity": "text_serenity"}
VOICE = ("voice", "songbird", "speakers", "browser", "browser_tcp", "browser_tls")
PICTURES = "pictures"
CALLS = "calls"
OAUTH2 = "oauth2"
EXAMPLES = "examples"
API = "api"
NAMES = [*TEXT, *RUST, EXAMPLES, *VOICE, "stream", PICTURES, CALLS, OAUTH2, API]
TEXT_TIMEOUT = 120
VOICE_TIMEOUT = 600
SONGBIRD_TIMEOUT = 300
SPEAKERS_TIMEOUT = 200
BROWSER_TIMEOUT = 240
STREAM_TIMEOUT = 150
EXAMPLES_TIMEOUT = 400
API_TIMEOUT = 600


def named(path: str) -> pathlib.Path:
    """A path as the caller means it: from where the harness was called."""
    return pathlib.Path(os.environ.get("CALLED_FROM", "")) / path


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    parser.add_argument("--binary", type=named, help="the server; default: debug build, then release")
    parser.add_argument("--only", action="append", choices=NAMES, help="run only this; may be repeated")
    parser.add_argument("--json", type=named, help="write the results to this file")
    parser.add_argument("--keep", type=named, help="work in this folder and keep it")
    return parser.parse_args()


def binary(given: pathlib.Path | None) -> pathlib.Path:
    """The server to judge."""
    target = CLIENTS.parent.parent / "target"
    candidates = [given] if given else [target / "debug" / "guildhall", target / "release" / "guildhall"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise SystemExit(f"no server at {' or '.join(map(str, candidates))}: build it, or name it by --binary")


async def text(stage: Stage, name: str, script: str | pathlib.Path) -> tuple[list[Row], Client]:
    """One text scenario with a bot of its own."""
    token = await stage.server.add_bot(pathlib.Path(script).stem.replace("_", ""), stage.guild)
    return await judged(name, stage.client(script, BOT_TOKEN=token, **PYTHON.get(name, {})))


async def pictures(stage: Stage) -> tuple[list[Row], Client]:
    """Two Chromiums with the web client: a camera and a screen."""
    invite = await stage.server.rest("POST", f"/channels/{stage.channels['text']}/invites")
    web = f"http://localhost:{stage.server.port}"
    client = stage.client("pictures_chromium.mjs", WEB=web, INVITE=invite["code"], PICTURES=str(stage.folder))
    return await judged("chromium", client, BROWSER_TIMEOUT)


async def calls(stage: Stage) -> tuple[list[Row], Client]:
    """Three windows of Chromium with the web client: a call that rings, is answered, declined and missed."""
    invite = await stage.server.rest("POST", f"/channels/{stage.channels['text']}/invites")
    web = f"http://localhost:{stage.server.port}"
    client = stage.client("calls_chromium.mjs", WEB=web, INVITE=invite["code"], PICTURES=str(stage.folder))
    return await judged("chromium", client, BROWSER_TIMEOUT)


async def oauth2(stage: Stage) -> tuple[list[Row], Client]:
    """An application that signs people in and invites its bot; the person is a Chromium."""
    server = stage.server
    invite = await server.rest("POST", f"/channels/{stage.channels['text']}/invites")
    web = f"http://localhost:{server.port}"
    client = stage.client(
        "oauth2_chromium.mjs", WEB=web, API=f"{web}/api/v10", OWNER_TOKEN=server.owner_token,
        INVITE=invite["code"], PICTURES=str(stage.folder),
    )
    return await judged("oauth4webapi", client)


async def api(stage: Stage) -> tuple[list[Row], Client]:
    """schemathesis, which asks every operation of the API's description."""
    server = stage.server
    token = await server.add_bot("described", stage.guild)
    client = stage.client(
        "api_schemathesis.py", WEB=f"http://localhost:{server.port}", OWNER_TOKEN=server.owner_token,
        BOT_TOKEN=token, PYTHON=str(CLIENTS / ".venv-schemathesis" / "bin" / "python"),
    )
    return await judged("schemathesis", client, API_TIMEOUT)


async def docs(stage: Stage) -> tuple[list[Row], Client]:
    """The page of the API, in Chromium."""
    web = f"http://localhost:{stage.server.port}"
    return await judged("chromium", stage.client("docs_chromium.mjs", WEB=web, PICTURES=str(stage.folder)))


async def judged(name: str, client: Client, timeout: float = TEXT_TIMEOUT) -> tuple[list[Row], Client]:
    """What a client that judges by itself found."""
    await client.start()
    await client.finish(timeout)
    if "ends" not in client.checks:
        client.checks["ends"] = (False, "the client ended before its last check")
    rows = [Row(name, check, ok, detail) for check, (ok, detail) in client.checks.items()]
    for row in rows:
        print(f"  {'ok  ' if row.ok else 'FAIL'} {name}: {row.check}", flush=True)
    return rows, client


async def scenarios(stage: Stage, wanted: list[str], rows: list[Row], tails: dict[str, str]) -> None:
    """Runs what is wanted; a scenario that breaks is a failed row."""
    for name in [*TEXT, *RUST]:
        if name not in wanted:
            continue
        try:
            script = TEXT.get(name) or rust.build(RUST[name])
            found, client = await text(stage, name, script)
            rows += found
            tails[name] = client.tail()
            if name in APPS:
                found, client = await text(stage, name, APPS[name])
                rows += [dataclasses.replace(row, check=f"apps: {row.check}") for row in found]
                tails[name] += client.tail()
        except Exception:
            rows.append(Row(name, "scenario", False, traceback.format_exc(limit=3)))
        belong(rows, name)
    if EXAMPLES in wanted:
        examples = Examples(stage, PYTHON)
        try:
            await bounded(examples.run(PUBLISHED), EXAMPLES, EXAMPLES_TIMEOUT, rows)
        finally:
            rows += [Row(*check) for check in examples.checks]
            tails.update(examples.tails())
        belong(rows, EXAMPLES)
    if "stream" in wanted:
        streaming = Streaming(stage)
        try:
            await bounded(streaming.run(), "stream", STREAM_TIMEOUT, rows)
        finally:
            rows += [Row(*check) for check in streaming.checks]
            tails.update(streaming.tails())
            await streaming.close()
        belong(rows, "stream")
    for scenario, name, play in (
        (PICTURES, "chromium", pictures), (CALLS, "chromium", calls), (OAUTH2, "oauth4webapi", oauth2),
        (API, "schemathesis", api), (API, "chromium", docs),
    ):
        if scenario not in wanted:
            continue
        try:
            found, client = await play(stage)
            rows += found
            tails[name] = tails.get(name, "") + client.tail()
        except Exception:
            rows.append(Row(name, "scenario", False, traceback.format_exc(limit=3)))
        belong(rows, scenario)
    if not set(VOICE) & set(wanted):
        return
    voice = Voice(stage)
    try:
        await bounded(voice.enter(), "voice", 120, rows)
        scenes = {
            "voice": (voice.run, VOICE_TIMEOUT),
            "songbird": (lambda: voice.songbird(rust.build("voice_songbird")), SONGBIRD_TIMEOUT),
            "speakers": (lambda: voice.speakers(PYTHON["py-cord"]), SPEAKERS_TIMEOUT),
            "browser": (voice.browser, BROWSER_TIMEOUT),
            "browser_tcp": (lambda: voice.browser("chromium by TCP", "tcp"), BROWSER_TIMEOUT),
            "browser_tls": (lambda: voice.browser("chromium by TLS", "tls"), BROWSER_TIMEOUT),
        }
        for name in VOICE:
            if name not in wanted:
                continue
            scene, seconds = scenes[name]
            told = len(voice.checks)
            await bounded(scene(), name, seconds, rows)
            rows += [Row(*check) for check in voice.checks[told:]]
            belong(rows, name)
    finally:
        tails.update(voice.tails())
        await voice.close()


def belong(rows: list[Row], scenario: str) -> None:
    """Says of new rows what scenario they are of."""
    for row in rows:
        row.scenario = row.scenario or scenario


async def bounded(run: object, name: str, seconds: float, rows: list[Row]) -> None:
    """Awaits a scenario for so long; what it raises is a failed row."""
    try:
        async with asyncio.timeout(seconds):
            await run  # type: ignore[misc]
    except Exception:
        rows.append(Row(name, "scenario", False, traceback.format_exc(limit=3)))


async def main(arguments: argparse.Namespace, folder: pathlib.Path) -> int:
    """Runs everything; the exit code."""
    rows: list[Row] = []
    tails: dict[str, str] = {}
    wanted = arguments.only or NAMES
    stage = Stage(binary(arguments.binary), folder)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    started = time.monotonic()
    try:
        await stage.open()
        await scenarios(stage, wanted, rows, tails)
        passed = {(row.scenario, row.client, row.check) for row in rows if row.ok}
        for scenario, client, check in ledger.lost(wanted, passed):
            if not any((row.client, row.check) == (client, check) for row in rows):
                rows.append(Row(client, check, False, "the ledger has it, and it was not reported", scenario))
        code = stage.server.process.returncode if stage.server.process else None
        if code is not None:
            rows.append(Row("server", "still runs", False, f"ended with {code}"))
    except Exception:
        rows.append(Row("stage", "opens", False, traceback.format_exc()))
    finally:
        await stage.close()
    seconds = time.monotonic() - started
    failed = [row for row in rows if not row.ok]
    for name in {row.client for row in failed} & set(tails):
        print(f"\n--- the end of {name}'s log\n{tails[name]}")
    if failed:
        log = stage.server.log
        print(f"\n--- the end of the server's log\n{log.read_text(errors='replace')[-4000:] if log.exists() else ''}")
        for row in failed:
            print(f"\n--- {row.client}: {row.check}\n{row.detail}")
    print(f"\n{report.table(rows)} in {seconds:.0f} s")
    if arguments.json:
        report.write(rows, seconds, arguments.json)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    given = parse()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        sys.exit(asyncio.run(main(given, given.keep.resolve())))
    with tempfile.TemporaryDirectory(prefix="guildhall-clients-") as name:
        sys.exit(asyncio.run(main(given, pathlib.Path(name))))
