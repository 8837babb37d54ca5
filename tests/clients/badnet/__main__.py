"""Puts a call behind bad networks and prints what it heard.

    sudo tests/clients/badnet/run loss       10 %, 30 %, and 200 ms of jitter with duplicates
    sudo tests/clients/badnet/run rebinding  a NAT that maps both clients anew, again and again
    sudo tests/clients/badnet/run blackout   a firewall that stops UDP in the middle of a call
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

from . import network

HERE = pathlib.Path(__file__).resolve().parent
PROFILES = {
    "nothing lost, 75 ms": ["--delay", "75ms"],
    "10 % lost, 75±25 ms": ["--loss", "10", "--delay", "75ms", "--jitter", "25ms"],
    "30 % lost, 150±100 ms": ["--loss", "30", "--delay", "150ms", "--jitter", "100ms"],
    "10 % lost, 250±200 ms, 2 % twice": ["--loss", "10", "--delay", "250ms", "--jitter", "200ms", "--duplicate", "2"],
    "30 % lost, 30 ms": ["--loss", "30", "--delay", "30ms"],
}
# After a mapping anew, how long a gap may be searched for.
AFTER = 4.0
# After UDP died, likewise, and how long a call is given for it.
AFTER_BLACKOUT, GIVEN = 30.0, 32.0
# What this machine cannot do was not done: neither well nor badly.
LACKING = 77


class Scene:
    """`scene.py` in a namespace."""

    def __init__(self, arguments: argparse.Namespace, near: str, far: str, host: str) -> None:
        options = ["--binary", str(arguments.binary), "--host", host, "--far", far, "--joins", str(arguments.joins)]
        options += ["--microphone", arguments.microphone]
        if arguments.no_browser:
            options.append("--no-browser")
        environment = dict(
            os.environ,
            PYTHONPATH=str(HERE.parent),
            GUILDHALL__SIGNALING__ANNOUNCE_IP=host,
            GUILDHALL__SIGNALING__REQUESTS_PER_SECOND="1000",
        )
        self._log = (pathlib.Path(arguments.log)).open("ab")
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", near, sys.executable, str(HERE / "scene.py"), *options],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "steady\n":
            self._process.wait()
            raise RuntimeError(f"the call did not begin; see {arguments.log}")

    def end(self) -> dict[str, Any]:
        """Ends the call; what everybody noted."""
        told, _ = self._process.communicate()
        return json.loads(told)


def percentile(values: list[float], percent: int) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def share(stream: list[list[float]]) -> float:
    """The part of a stream's numbers that came, of those from its first to its last."""
    numbers = {number for number, _ in stream}
    return len(numbers) / (max(numbers) - min(numbers) + 1)


def gap(times: list[float], at: float, after: float = AFTER) -> float:
    """The longest time without a packet that began or ended soon after `at`, in milliseconds."""
    times = [moment for moment in times if at - 0.2 <= moment <= at + after]
    pairs = zip(times, times[1:])
    return max((later - sooner for sooner, later in pairs), default=float("inf")) * 1e3


def streams(result: dict[str, Any]) -> dict[str, list[list[float]]]:
    """Who heard whom: by the SSRC that each bot was given."""
    far, near = str(result["far_joins"][-1]["ssrc"]), str(result["near_joins"][-1]["ssrc"])
    heard = result["near"]["heard"]
    browser = [stream for ssrc, stream in heard.items() if ssrc != far]
    longest = max(browser, key=len, default=[])
    return {"up": heard.get(far, []), "down": result["far"]["heard"].get(near, []), "browser up": longest}


def tell_joins(result: dict[str, Any]) -> None:
    def line(who: str, of: list[float]) -> None:
        half, most = percentile(of, 50), percentile(of, 95)
        print(f"  {who:<34} {len(of):>3} joins, p50 {half:5.0f} ms, p95 {most:5.0f} ms, longest {max(of):5.0f} ms")

    line("bot, op 4 to the key", [join["joined"] for join in result["far_joins"]])
    if joins := result.get("browser_joins"):
        line("Chromium, click to connected", [join["joined"] for join in joins])
        line("Chromium, answer to a path", [join["path"] for join in joins])
        line("Chromium, answer to connected", [join["media"] for join in joins])


def tell_heard(result: dict[str, Any]) -> None:
    of = streams(result)
    print(f"  bot heard {100 * share(of['down']):.1f} % of the frames, {100 * share(of['up']):.1f} % of its own were heard")
    if browser := result.get("browser"):
        ssrc = str(result["near_joins"][-1]["ssrc"])
        before, after = browser["before"][ssrc], browser["after"][ssrc]
        samples, concealed = (after[key] - before[key] for key in ("samples", "concealed"))
        heard = 100 * (1 - concealed / max(samples, 1))
        print(f"  Chromium played {heard:.2f} % without concealment, {100 * share(of['browser up']):.2f} % of its frames were heard")


def thrown(result: dict[str, Any]) -> list[str]:
    """Who lost its session, and says so."""
    lost = [who for who in ("near", "far", "browser") if result.get(who, {}).get("thrown_out")]
    print(f"  sessions lost: {', '.join(lost) or 'none'}")
    return lost


def loss(arguments: argparse.Namespace) -> int:
    """Each profile for a while; how many sessions were lost."""
    network.require(("ip",), True)
    lost = 0
    for number, (name, options) in enumerate(PROFILES.items()):
        if arguments.profile not in (None, number):
            continue
        with network.namespaces("s", "c") as (near, far):
            tunem = network.Tunem(arguments.tunem, near, far, options)
            scene = Scene(arguments, near, far, network.SERVER_BEHIND_TUN)
            time.sleep(arguments.seconds)
            result = scene.end()
            print(f"{name}, {arguments.seconds} s", flush=True)
            tell_joins(result)
            tell_heard(result)
            lost += len(thrown(result))
            for line in tunem.end().splitlines():
                print(f"    {line}")
            print(flush=True)
    return lost


def rebinding(arguments: argparse.Namespace) -> int:
    """Maps anew every eight seconds; how many sessions were lost."""
    network.require(("ip", "nft", "conntrack"), False)
    with network.namespaces("s", "r", "c") as (near, router, far):
        nat = network.Nat(near, router, far)
        scene = Scene(arguments, near, far, network.SERVER_BEHIND_NAT)
        time.sleep(3)
        swaps = []
        for _ in range(arguments.swaps):
            swaps.append(time.time())
            nat.map_anew()
            time.sleep(8)
        result = scene.end()
        of = streams(result)
        lines = {"bot, up": of["up"], "bot, down": of["down"]}
        if browser := result.get("browser"):
            ssrc = str(result["near_joins"][-1]["ssrc"])
            if arguments.microphone == "on":
                lines["Chromium, up"] = of["browser up"]
            lines["Chromium, down"] = browser["arrivals"][ssrc]
        print(f"gaps around {len(swaps)} mappings anew, in milliseconds; a packet is sent every 20 ms")
        if browser and arguments.microphone != "on":
            heard = len(of["browser up"])
            print(f"  Chromium only listens, its microphone {arguments.microphone}; {heard} packets of it were heard")
        for who, stream in lines.items():
            gaps = [gap(sorted(moment for _, moment in stream), at) for at in swaps]
            print(f"  {who:<15} p50 {percentile(gaps, 50):4.0f}, longest {max(gaps):4.0f}")
        return len(thrown(result))


def blackout(arguments: argparse.Namespace) -> int:
    """UDP dies in the middle of calls; in how many the browser did not come back by itself."""
    network.require(("ip",), True)
    gone, gaps, ways, noticed = 0, {"up": [], "down": []}, [], []
    for _ in range(arguments.swaps):
        with network.namespaces("s", "c") as (near, far):
            tunem = network.Tunem(arguments.tunem, near, far, ["--delay", "30ms"])
            scene = Scene(arguments, near, far, network.SERVER_BEHIND_TUN)
            time.sleep(5)
            at = time.time()
            tunem.block()
            time.sleep(GIVEN)
            result = scene.end()
            tunem.end()
            browser, ssrc = result["browser"], str(result["near_joins"][-1]["ssrc"])
            times = {
                "up": sorted(moment for _, moment in streams(result)["browser up"]),
                "down": sorted(moment for _, moment in browser["arrivals"][ssrc]),
            }
            for way, moments in times.items():
                back = bool(moments) and moments[-1] > at + GIVEN - 2
                gaps[way].append(gap(moments, at, AFTER_BLACKOUT) if back else float("inf"))
            gone += any(of[-1] == float("inf") for of in gaps.values())
            ways.append(browser["way"])
            shaky = [moment for state, moment in browser["states"] if state == "disconnected" and moment > at]
            noticed.append((min(shaky, default=float("inf")) - at) * 1e3)
    print(f"gaps around {arguments.swaps} deaths of UDP, in milliseconds")
    for way, of in gaps.items():
        print(f"  Chromium, {way:<5} p50 {percentile(of, 50):5.0f}, longest {max(of):5.0f}")
    print(f"  Chromium noticed p50 {percentile(noticed, 50):5.0f}, longest {max(noticed):5.0f}")
    print(f"  it came back by {', '.join(sorted(set(ways)))}; lost: {gone or 'none'}")
    return gone


def main() -> int:
    """Returns 1 when a session was lost, 2 when it was called wrongly, 77 when this machine lacks something,
    which is said."""
    called = pathlib.Path(os.environ.get("CALLED_FROM", "."))
    root = HERE.parent.parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["loss", "rebinding", "blackout"])
    parser.add_argument("--binary", type=pathlib.Path, default=root / "target/debug/guildhall")
    parser.add_argument("--tunem", type=pathlib.Path, default=root / "target/debug/tunem")
    parser.add_argument("--seconds", type=int, default=60, help="of each profile")
    parser.add_argument("--profile", type=int, help=f"one alone: {', '.join(f'{n} {p}' for n, p in enumerate(PROFILES))}".replace("%", "%%"))
    parser.add_argument("--joins", type=int, default=10, help="how often each client joins")
    parser.add_argument("--swaps", type=int, default=10, help="how often the NAT maps anew, or UDP dies")
    parser.add_argument("--microphone", choices=["on", "muted", "none"], default="on", help="Chromium's: it speaks, or only listens")
    parser.add_argument("--no-browser", action="store_true", help="bots alone")
    parser.add_argument("--log", default="badnet.log", help="what servers and clients said")
    arguments = parser.parse_args()
    arguments.binary, arguments.tunem = called / arguments.binary, called / arguments.tunem
    arguments.log = str(called / arguments.log)
    for program in (arguments.binary, arguments.tunem):
        if not program.exists():
            print(f"{program} is not there: cargo build --bin guildhall --bin tunem", file=sys.stderr)
            return 2
    # Namespaces and processes go by the way of an error.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        lost = {"loss": loss, "rebinding": rebinding, "blackout": blackout}[arguments.what](arguments)
    except network.Missing as missing:
        print(missing, file=sys.stderr)
        return LACKING
    return 1 if lost else 0


sys.exit(main())
