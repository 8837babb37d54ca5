"""Measures how much later a chirp is heard than said, through two Chromiums with the web client.

    tests/clients/ear/run --binary target/release/guildhall

One Chromium's microphone is a file with a chirp every second. Its page and the page of another
Chromium in the same channel record what the microphone gives and what is heard of it, on one clock.
Everything of WebRTC is in between: encoder, network, server, jitter buffer, decoder; of sound
hardware nothing is. `guildhall bench mouth-to-ear` measures the same through two plain clients.
"""

import argparse
import asyncio
import json
import pathlib
import tempfile

import numpy

from harness.__main__ import binary, named
from harness.stage import Stage

from . import chirp

SCRIPT = pathlib.Path(__file__).resolve().parent / "browser.mjs"
# Until the jitter buffer has found its depth.
SETTLE = 8
# Half a period: a later chirp could be the next one.
MOST = 500.0


async def measure(stage: Stage, seconds: int) -> dict[str, float | int | None]:
    """The call, and what came of it, in milliseconds."""
    speech = stage.folder / "chirps.wav"
    chirp.microphone(speech)
    quiet = stage.folder / "quiet.wav"
    chirp.silence(quiet)
    invite = await stage.server.rest("POST", f"/channels/{stage.channels['text']}/invites")
    surroundings = {"WEB": f"http://localhost:{stage.server.port}", "INVITE": invite["code"]}
    mouth = stage.client(SCRIPT, NAME="mouth", SPEECH=str(speech), **surroundings)
    ear = stage.client(SCRIPT, NAME="ear", SPEECH=str(quiet), **surroundings)
    for client in (mouth, ear):
        await client.start()
        await client.wait_for("started", 60)
    speaker = await mouth.ask("entered", 90, order="enter")
    await ear.ask("entered", 90, order="enter")
    await asyncio.sleep(SETTLE)
    files = {client: stage.folder / f"{name}.pcm" for client, name in ((mouth, "mouth"), (ear, "ear"))}

    async def record(client, user: str | None, length: int):
        order = {"order": "record", "user": user, "seconds": length, "file": str(files[client])}
        return await client.ask("recorded", length + 60, **order)

    # The ear listens on for the last chirp.
    said, heard = await asyncio.gather(record(mouth, None, seconds), record(ear, speaker, seconds + 2))

    def times(client, recorded: dict[str, float]) -> list[float]:
        samples = numpy.frombuffer(files[client].read_bytes(), dtype="<i2").astype(float) / 32_768
        return [recorded["began"] + place * 1_000 / chirp.RATE for place in chirp.places(samples)]

    # What was said before the ear listened is no chirp that it missed.
    spoken = [at for at in times(mouth, said) if at >= heard["began"]]
    lags, missed = chirp.lags(spoken, times(ear, heard), MOST)
    if not lags:
        raise SystemExit(f"of {len(spoken)} chirps none was heard; the recordings are in {stage.folder}")
    return {
        "chirps": len(spoken),
        "missed": missed,
        "whole_path_p50_ms": chirp.percentile(lags, 50),
        "whole_path_p95_ms": chirp.percentile(lags, 95),
        "jitter_buffer_mean_ms": heard["waited"],
        "round_trip_to_server_ms": heard["trip"],
    }


async def main() -> None:
    parser = argparse.ArgumentParser(prog="run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=named, help="the server; default: debug build, then release")
    parser.add_argument("--seconds", type=int, default=20, help="a chirp each (20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--keep", type=named, help="work in this folder and keep it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        stage = Stage(binary(arguments.binary), folder)
        try:
            await stage.open()
            figures = await measure(stage, arguments.seconds)
        finally:
            await stage.close()
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{figures['chirps']} chirps, {figures['missed']} not heard\n")
    print(f"{'':<52} {'p50 ms':>8} {'p95 ms':>8}")
    whole = (figures["whole_path_p50_ms"], figures["whole_path_p95_ms"])
    print(f"{'whole path: microphone to what the page hears':<52} {whole[0]:>8.1f} {whole[1]:>8.1f}")
    for name, key in (("jitter buffer, mean", "jitter_buffer_mean_ms"), ("round trip to the server", "round_trip_to_server_ms")):
        told = "-" if figures[key] is None else f"{figures[key]:.1f}"
        print(f"of which {name:<43} {told:>8}")


asyncio.run(main())
