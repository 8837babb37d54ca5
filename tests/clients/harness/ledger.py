"""What has been seen to work: kept in git, only ever more, and told in docs/compatibility.md.

    tests/clients/ledger merge RESULTS.json...   takes in what passed in runs with `--json`
    tests/clients/ledger docs                    writes the table of docs/compatibility.md
    tests/clients/ledger verify                  fails when the table is another one

A run fails when a check of its scenarios is in the ledger and did not pass. Who renames or drops a check
changes ledger.json by hand, where it is seen. Nothing but the standard library is used here.
"""

import fnmatch
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
LEDGER = HERE / "ledger.json"
DOCS = HERE.parent.parent / "docs" / "compatibility.md"
BEGIN = "<!-- matrix: written by tests/clients/ledger docs -->\n"
END = "<!-- end of matrix -->\n"

CLIENTS = {
    "discord.js": "discord.js",
    "oceanic": "Oceanic",
    "eris": "Eris",
    "discord.py": "discord.py",
    "py-cord": "py-cord",
    "hikari": "hikari",
    "twilight": "twilight",
    "serenity": "serenity",
    "songbird": "songbird",
}
# A row holds for a client that passed all checks of any of these lists; `*` stands for anything. A check
# that another client reports is told by its name and a slash.
ROWS: dict[str, list[list[str]]] = {
    "login, cache": [["login", "cache"]],
    "text": [["text round trip", "reply", "edit", "delete", "reaction", "typing", "presence"]],
    "files": [["attachment equal byte for byte"]],
    "embeds": [["embed"]],
    "slash commands": [["apps: register commands"]],
    "deferred replies": [["apps: deferred answer*"]],
    "autocomplete": [["apps: autocomplete"]],
    "components": [["apps: button*"]],
    "components of version 2": [["apps: components of version 2*"]],
    "modals": [["apps: modal*"]],
    "webhooks": [["apps: webhook*"]],
    "threads": [["thread"]],
    "forums": [["forum post*"]],
    "polls": [["poll"]],
    "scheduled events": [["*scheduled event*"]],
    "audit log": [["apps: audit log*"]],
    "automod": [["*automod*"], ["*auto moderation*"]],
    "permissions": [["permission*"]],
    "rate limits": [["429*"]],
    "sharding": [["two shards*"]],
    "resume": [["resume after a cut"]],
    "member chunks": [["member chunks*"]],
    "voice: send": [["is heard by*"]],
    "voice: receive": [["hears*"], ["discord.py/is heard by discord.js"]],
    "voice: move": [["moved while speaking"]],
    "voice: mute": [["muted by a moderator"]],
    "stage": [["stage*"]],
}
VOICE = ("voice: send", "voice: receive", "voice: move", "voice: mute")
TEXT = tuple(row for row in ROWS if row not in VOICE)
# What the client itself does not do, as it is published.
NOT_OFFERED: dict[str, tuple[str, ...]] = {
    # Its one mode of encryption is none that Discord, or this server, still takes.
    "eris": (*VOICE, "components of version 2"),
    # Its receiver yields nothing without DAVE.
    "py-cord": ("voice: receive",),
    "hikari": VOICE,
    # Voice is songbird's.
    "twilight": VOICE,
    "serenity": (*VOICE, "components of version 2"),
    "songbird": TEXT,
}
# What discord.js and discord.py hear is reported of who is heard.
HEARS = {"discord.js": "discord.py/is heard by discord.js", "discord.py": "discord.js/is heard by discord.py"}

Ledger = dict[str, dict[str, list[str]]]


def load() -> Ledger:
    """Scenario, then client, then the checks that passed."""
    return json.loads(LEDGER.read_text()) if LEDGER.exists() else {}


def merge(paths: list[str]) -> None:
    """Takes in what passed in runs."""
    ledger = load()
    for path in paths:
        for row in json.loads(pathlib.Path(path).read_text())["checks"]:
            if row["ok"]:
                checks = ledger.setdefault(row["scenario"], {}).setdefault(row["client"], [])
                checks[:] = sorted({*checks, row["check"]})
    LEDGER.write_text(json.dumps(ledger, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def lost(scenarios: list[str], passed: set[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """What the ledger has of these scenarios (scenario, client, check) and did not pass now."""
    ledger = load()
    known = (
        (scenario, client, check)
        for scenario in scenarios
        for client, checks in ledger.get(scenario, {}).items()
        for check in checks
    )
    return [one for one in known if one not in passed]


def holds(patterns: list[str], client: str, seen: dict[str, set[str]]) -> bool:
    """Whether each pattern is one that was seen."""
    for pattern in patterns:
        who, _, what = pattern.rpartition("/")
        if who and HEARS.get(client) != pattern:
            return False
        if not fnmatch.filter(seen.get(who or client, set()), what):
            return False
    return True


def cell(row: str, client: str, seen: dict[str, set[str]]) -> str:
    """`ok`, `-` for what the client does not offer, or `missing`."""
    lists = ROWS[row] + ([[HEARS[client]]] if row == "voice: receive" and client in HEARS else [])
    if any(holds(patterns, client, seen) for patterns in lists):
        return "ok"
    return "-" if row in NOT_OFFERED.get(client, ()) else "missing"


def table() -> str:
    """The table of the docs."""
    seen: dict[str, set[str]] = {}
    for clients in load().values():
        for client, checks in clients.items():
            seen.setdefault(client, set()).update(checks)
    lines = [
        "| | " + " | ".join(CLIENTS.values()) + " |",
        "|---" * (len(CLIENTS) + 1) + "|",
    ]
    cells = {client: [cell(row, client, seen) for row in ROWS] for client in CLIENTS}
    for at, row in enumerate(ROWS):
        lines.append(f"| {row} | " + " | ".join(cells[client][at] for client in CLIENTS) + " |")
    count = lambda found: f"**{found.count('ok')} of {len(found) - found.count('-')}**"
    lines.append("| rows that pass | " + " | ".join(count(cells[client]) for client in CLIENTS) + " |")
    checks = (len(seen.get(client, ())) for client in CLIENTS)
    lines.append("| checks that pass | " + " | ".join(map(str, checks)) + " |")
    return BEGIN + "\n".join(lines) + "\n" + END


def told() -> str:
    """The docs with the table as it is now."""
    docs = DOCS.read_text()
    before, rest = docs.split(BEGIN)
    _, after = rest.split(END)
    return before + table() + after


def main(arguments: list[str]) -> int:
    """The exit code."""
    match arguments:
        case ["merge", *paths] if paths:
            merge(paths)
        case ["docs"]:
            DOCS.write_text(told())
        case ["verify"]:
            if DOCS.read_text() != told():
                print("docs/compatibility.md is out of step: run tests/clients/ledger docs")
                return 1
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
