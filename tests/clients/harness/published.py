"""Where published example bots come from: packages, fetched once into a folder that git ignores.

discord.py's are in Debian's documentation of it (apt checks whose that is), hikari's in its source package
(pip checks the hash), discord.js's are what its own `create-discord-bot` writes (npm checks the hash).
None of them is part of this repository.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

from .stage import CLIENTS

FOLDER = CLIENTS / ".examples"
DEBIAN = "python-discord-doc"
HIKARI = CLIENTS / "requirements-examples.txt"
TEMPLATE = CLIENTS / "node_modules" / "create-discord-bot"


def discord_py() -> pathlib.Path:
    """The folder of discord.py's examples."""
    with _fetched("discord.py", pathlib.Path(__file__)) as (folder, wanted):
        if wanted:
            if not _run("apt-get", "-qq", "download", DEBIAN, cwd=folder, may_fail=os.geteuid() == 0):
                _run("apt-get", "-qq", "update")
                _run("apt-get", "-qq", "download", DEBIAN, cwd=folder)
            (package,) = folder.glob("*.deb")
            _run("dpkg-deb", "--extract", package, folder)
    return folder / "usr" / "share" / "doc" / DEBIAN / "examples"


def hikari() -> pathlib.Path:
    """The folder of hikari's examples."""
    with _fetched("hikari", HIKARI) as (folder, wanted):
        if wanted:
            source = ["--no-deps", "--no-binary", "hikari", "--require-hashes", "-r", HIKARI]
            _run(CLIENTS / ".venv" / "bin" / "pip", "-q", "download", *source, "-d", folder)
            (package,) = folder.glob("*.tar.gz")
            _run("tar", "-xzf", package, "-C", folder)
    (examples,) = folder.glob("*/examples")
    return examples


def discord_js() -> pathlib.Path:
    """A project as `create-discord-bot` makes one; among our clients, where it finds what it asks for."""
    with _fetched("my-bot", CLIENTS / "package-lock.json") as (folder, wanted):
        if wanted:
            how = ["--javascript", "--no-install", "--package-manager", "npm"]
            _run("node", TEMPLATE / "dist" / "index.js", folder, *how)
    return folder


@contextlib.contextmanager
def _fetched(name: str, source: pathlib.Path) -> Iterator[tuple[pathlib.Path, bool]]:
    """A folder, and whether it is to be filled: when it never was, or when what says by what changed since."""
    folder, stamp = FOLDER / name, FOLDER / f"{name}.fetched"
    wanted = not stamp.exists() or stamp.stat().st_mtime < source.stat().st_mtime
    if wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    yield folder, wanted
    if wanted:
        stamp.touch()


def _run(*command: str | pathlib.Path, cwd: pathlib.Path | None = None, may_fail: bool = False) -> bool:
    """Runs a command; whether it succeeded. Raises with what it said, unless it may fail."""
    ran = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    if ran.returncode != 0 and not may_fail:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{ran.stdout}{ran.stderr}"[-3000:])
    return ran.returncode == 0
