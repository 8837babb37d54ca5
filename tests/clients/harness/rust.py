"""The clients in Rust: built before they are judged, in the project's own target folder."""

import os
import pathlib
import subprocess

from .stage import CLIENTS

MANIFEST = CLIENTS / "rust" / "Cargo.toml"


def build(name: str) -> pathlib.Path:
    """The program of one client, built if needed; what cargo prints is shown."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", CLIENTS.parent.parent / "target")).resolve()
    command = ["cargo", "build", "--locked", "--quiet", "--manifest-path", str(MANIFEST)]
    subprocess.run([*command, "--target-dir", str(target), "--bin", name], check=True)
    return target / "debug" / name
