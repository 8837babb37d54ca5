"""Networks of namespaces: two that `tunem` joins badly, or three with a NAT in the middle."""

import contextlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

SERVER_BEHIND_TUN = "10.91.0.1"
SERVER_BEHIND_NAT = "10.92.2.2"
# Where the NAT maps UDP to, in turns; TCP stays at the third.
OUTSIDES = ("10.92.2.101", "10.92.2.102", "10.92.2.100")


class Missing(Exception):
    """What this machine lacks, and the remedy."""


def require(tools: tuple[str, ...], devices: bool) -> None:
    """Raises when namespaces and devices cannot be made here."""
    if os.geteuid() != 0:
        raise Missing("namespaces and devices need root: run it with sudo")
    if devices and not pathlib.Path("/dev/net/tun").exists():
        raise Missing("there is no /dev/net/tun: load the module `tun`, or pass the device into the container")
    packages = {"ip": "iproute2", "nft": "nftables", "conntrack": "conntrack"}
    absent = [packages[tool] for tool in tools if shutil.which(tool) is None]
    if absent:
        raise Missing(f"apt-get install {' '.join(absent)}")
    # A container's root may lack either, with all of that there.
    try:
        with namespaces("probe") as (probe,):
            if devices:
                call("ip", "netns", "exec", probe, "ip", "tuntap", "add", "dev", "probe", "mode", "tun")
    except RuntimeError as error:
        raise Missing(f"namespaces and devices cannot be made here: {error}") from error


def call(*command: str, text: str | None = None) -> None:
    """Runs a command; raises with what it said when it failed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")


@contextlib.contextmanager
def namespaces(*parts: str) -> Iterator[list[str]]:
    """Namespaces of this process, which go with the block."""
    names = [f"badnet-{os.getpid()}-{part}" for part in parts]
    made: list[str] = []
    try:
        for name in names:
            call("ip", "netns", "add", name)
            made.append(name)
            call("ip", "-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def address(namespace: str, device: str, *addresses: str) -> None:
    """Gives a device its addresses and switches it on."""
    for one in addresses:
        call("ip", "-n", namespace, "addr", "add", one, "dev", device)
    call("ip", "-n", namespace, "link", "set", device, "up")


class Tunem:
    """The bad network between two namespaces."""

    def __init__(self, program: pathlib.Path, near: str, far: str, options: list[str]) -> None:
        devices = [f"bn{os.getpid() % 100_000}s", f"bn{os.getpid() % 100_000}c"]
        self._process = subprocess.Popen(
            [str(program), "--devices", *devices, "--spare-tcp", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(self._process.stderr.read().strip())
        for namespace, device, host in zip((near, far), devices, ("1", "2")):
            call("ip", "link", "set", device, "netns", namespace)
            address(namespace, device, f"10.91.0.{host}/24")

    def block(self) -> None:
        """From now on TCP alone passes."""
        assert self._process.stdin is not None
        self._process.stdin.write("block\n")
        self._process.stdin.flush()

    def end(self) -> str:
        """Ends it; what became of the packets."""
        told, _ = self._process.communicate()
        return told.strip()


class Nat:
    """A router that maps UDP to one of two outside addresses."""

    def __init__(self, near: str, router: str, far: str) -> None:
        self._router, self._at = router, 0
        for namespace, device in ((near, "south"), (far, "north")):
            call("ip", "-n", router, "link", "add", device, "type", "veth", "peer", "name", "way", "netns", namespace)
        address(near, "way", f"{SERVER_BEHIND_NAT}/24")
        address(router, "south", "10.92.2.1/24", *(f"{outside}/24" for outside in OUTSIDES))
        address(router, "north", "10.92.1.1/24")
        address(far, "way", "10.92.1.2/24")
        call("ip", "-n", far, "route", "add", "default", "via", "10.92.1.1")
        call("ip", "netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self._map()

    def _map(self) -> None:
        # In one transaction: between two, a packet would go out as it is.
        rules = f"""
            table ip badnet
            delete table ip badnet
            table ip badnet {{
                chain out {{
                    type nat hook postrouting priority 100;
                    oifname south ip protocol udp snat to {OUTSIDES[self._at]}:40000-40999 random
                    oifname south ip protocol tcp snat to {OUTSIDES[2]}
                }}
            }}"""
        call("ip", "netns", "exec", self._router, "nft", "-f", "-", text=rules)

    def map_anew(self) -> None:
        """The router forgets its mappings and takes another address."""
        self._at = 1 - self._at
        self._map()
        call("ip", "netns", "exec", self._router, "conntrack", "-D", "-p", "udp")
