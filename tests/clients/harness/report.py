"""The table that people read and the JSON that the docs are made from."""

import dataclasses
import json
import pathlib
from importlib import metadata

from .stage import CLIENTS


@dataclasses.dataclass
class Row:
    """One check of one client."""

    client: str
    check: str
    ok: bool
    detail: str = ""
    scenario: str = ""


def table(rows: list[Row]) -> str:
    """Client x check x ok/detail, in columns; of a long detail its last line."""
    cells = [("client", "check", "result", "detail")]
    for row in rows:
        detail = row.detail.strip().splitlines()
        cells.append((row.client, row.check, "ok" if row.ok else "FAIL", detail[-1][:140] if detail else ""))
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(line, widths)), line[3]]).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    failed = sum(not row.ok for row in rows)
    return "\n".join([*lines, "", f"{len(rows) - failed} of {len(rows)} checks passed"])


def versions() -> dict[str, str]:
    """The clients' versions, as installed."""
    found = {name: metadata.version(name) for name in ("discord.py", "discord-ext-voice-recv", "hikari", "aiortc")}
    for name in ("discord.js", "@discordjs/voice", "playwright-core"):
        package = CLIENTS / "node_modules" / name / "package.json"
        found[name] = json.loads(package.read_text())["version"]
    return found


def write(rows: list[Row], seconds: float, path: pathlib.Path) -> None:
    """Everything as JSON."""
    document = {
        "versions": versions(),
        "seconds": round(seconds, 1),
        "passed": all(row.ok for row in rows),
        "checks": [dataclasses.asdict(row) for row in rows],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
