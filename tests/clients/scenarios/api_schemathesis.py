"""schemathesis against the server's own description: the owner, a bot and nobody ask every operation.

An answer is wrong when it is a 5xx, or when its status, its media type or its shape is none that is described.
A 429 is a legal answer: it is waited for a little, then taken. What paths name is made before, and made anew when
an operation took it away; what would end the session, the guild or the application under test is asked of others.
"""

import collections
import dataclasses
import datetime
import os
import random
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from plain_report import check, tell

ROOT = os.environ["WEB"]
API = f"{ROOT}/api/v10"
SEED = int(os.environ.get("API_SEED", "1"))
# After so long, operations are asked fewer times each.
SECONDS = float(os.environ.get("API_SECONDS", "170"))
# As it is described, and otherwise.
CASES = ((GenerationMode.POSITIVE, 8), (GenerationMode.NEGATIVE, 4))
HURRIED = ((GenerationMode.POSITIVE, 2), (GenerationMode.NEGATIVE, 1))
# How often a path names what there is, and a body does.
KNOWN_PATH = 0.8
KNOWN_BODY = 0.5
# Longest wait for a limit: longer ones are taken for the answer.
PATIENCE = 0.6
# So many operations at least do what they are asked, on the slowest machine.
CARRIED_OUT = 100
# A picture of one dot.
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# These are not asked of what the test itself stands on.
NOT_OURS = {
    ("DELETE", "/guilds/{guild}"),
    ("DELETE", "/users/@me/guilds/{guild}"),
    ("POST", "/applications/{application}/delete"),
    ("POST", "/applications/{application}/reset"),
    ("POST", "/applications/{application}/bot/reset"),
    ("DELETE", "/guilds/{guild}/integrations/{integration}"),
}
# These end the token that asks: a spent one asks.
ENDS_TOKEN = {("POST", "/auth/logout")}
# What is gone afterwards, beside the last thing that a DELETE names.
TAKES_AWAY = {
    ("POST", "/channels/{channel}/messages/bulk-delete"): "message",
    ("POST", "/guilds/{guild}/bulk-ban"): "user",
    ("PUT", "/guilds/{guild}/bans/{user}"): "user",
    ("POST", "/guilds/{guild}/prune"): "user",
}


class World:
    """A guild with one of everything that a path can name, and who asks."""

    def __init__(self) -> None:
        self.http = requests.Session()
        self.owner = os.environ["OWNER_TOKEN"]
        self.bot = f"Bot {os.environ['BOT_TOKEN']}"
        self.things: dict[str, str] = {}
        self.guild = self.ask("POST", "/guilds", name="Described")["id"]
        self.things["guild"] = self.guild
        self.ben = self._register("ben")
        self.spent = self._register("cai")["token"]
        self._bot_joins()
        for name in ("channel", "application", "user", "role", "event", "rule", "emoji", "template"):
            self.make(name)

    def ask(self, method: str, path: str, token: str | None = None, **body: Any) -> Any:
        """A request of the owner, or by another token, that must succeed; the limit is waited for."""
        return self._ask(method, path, token, body or None)

    def _ask(self, method: str, path: str, token: str | None, body: Any) -> Any:
        for _ in range(40):
            answer = self.http.request(
                method, API + path, headers={"Authorization": token or self.owner}, json=body
            )
            if answer.status_code == 429:
                time.sleep(min(answer.json()["retry_after"], 10) + 0.01)
                continue
            if not answer.ok:
                raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
            return answer.json() if answer.content else None
        raise RuntimeError(f"{method} {path}: limited for ever")

    def _register(self, name: str) -> dict[str, str]:
        channels = self.ask("GET", f"/guilds/{self.guild}/channels")
        text = next(channel["id"] for channel in channels if channel["type"] == 0)
        invite = self.ask("POST", f"/channels/{text}/invites", max_age=0)
        answer = self.http.post(
            f"{API}/auth/register",
            json={"username": name, "password": "correct horse battery", "invite": invite["code"]},
        )
        if not answer.ok:
            raise RuntimeError(f"register: {answer.status_code} {answer.text}")
        return answer.json()

    def _bot_joins(self) -> None:
        """The bot, with all permissions: what it is refused is not for want of them."""
        me = self.ask("GET", "/users/@me", self.bot)["id"]
        self.ask("POST", f"/guilds/{self.guild}/bots", application_id=me)
        role = self.ask("POST", f"/guilds/{self.guild}/roles", name="all", permissions="8")
        self.ask("PUT", f"/guilds/{self.guild}/members/{me}/roles/{role['id']}")
        self.bot_id = me

    def make(self, name: str) -> None:
        """Makes one of these, and what hangs on it."""
        things, guild = self.things, f"/guilds/{self.guild}"
        match name:
            case "channel":
                channel = self.ask("POST", f"{guild}/channels", name="described")["id"]
                things["channel"] = channel
                things["voice"] = self.ask("POST", f"{guild}/channels", name="heard", type=2)["id"]
                for inner in ("message", "invite", "webhook", "thread", "poll"):
                    self.make(inner)
                key = self.ask("POST", f"/channels/{things['voice']}/stream-keys", way="publish")
                things["key"] = key["id"]
            case "message":
                path = f"/channels/{things['channel']}/messages"
                things["message"] = self.ask("POST", path, content="word")["id"]
                self.ask("PUT", f"{path}/{things['message']}/reactions/%F0%9F%8D%BA/@me")
            case "poll":
                poll = {
                    "question": {"text": "Which?"}, "duration": 24,
                    "answers": [{"poll_media": {"text": "this"}}, {"poll_media": {"text": "that"}}],
                }
                things["poll"] = self.ask("POST", f"/channels/{things['channel']}/messages", poll=poll)["id"]
            case "thread":
                path = f"/channels/{things['channel']}/threads"
                things["thread"] = self.ask("POST", path, name="thread", type=11)["id"]
            case "invite":
                things["invite"] = self.ask("POST", f"/channels/{things['channel']}/invites", unique=True)["code"]
            case "webhook":
                hook = self.ask("POST", f"/channels/{things['channel']}/webhooks", name="hook")
                things["webhook"], things["token"] = hook["id"], hook["token"]
            case "role":
                things["role"] = self.ask("POST", f"{guild}/roles", name="low", permissions="0")["id"]
            case "emoji":
                things["emoji"] = self.ask("POST", f"{guild}/emojis", name="dot", image=DOT)["id"]
            case "event":
                now = datetime.datetime.now(datetime.UTC)
                later = [(now + datetime.timedelta(days=days)).isoformat() for days in (1, 2)]
                things["event"] = self.ask(
                    "POST", f"{guild}/scheduled-events", name="feast", privacy_level=2, entity_type=3,
                    entity_metadata={"location": "here"}, scheduled_start_time=later[0],
                    scheduled_end_time=later[1],
                )["id"]
            case "rule":
                things["rule"] = self.ask(
                    "POST", f"{guild}/auto-moderation/rules", name="words", event_type=1, trigger_type=1,
                    trigger_metadata={"keyword_filter": ["nevereversaid"]}, actions=[{"type": 1}],
                )["id"]
            case "template":
                things["template"] = self.ask("POST", f"{guild}/templates", name="model")["code"]
            case "application":
                things["application"] = self.bot_id
                self.make("command")
            case "command":
                body = {"name": "roll", "description": "Rolls a die."}
                path = f"/applications/{self.bot_id}"
                things["command"] = self.ask("POST", f"{path}/commands", self.bot, **body)["id"]
                there = self.ask("POST", f"{path}/guilds/{self.guild}/commands", self.bot, **body)
                things["command there"] = there["id"]
            case "user":
                things["user"] = self.ben["user_id"]
                banned = self.http.delete(
                    f"{API}{guild}/bans/{self.ben['user_id']}", headers={"Authorization": self.owner}
                )
                if banned.status_code not in (204, 404, 429):
                    raise RuntimeError(f"unban: {banned.status_code} {banned.text}")
                invite = self.ask("POST", f"/channels/{things['channel']}/invites", unique=True)
                self.ask("POST", f"/invites/{invite['code']}", self.ben["token"])

    def known(self, path: str, parameter: str) -> str | None:
        """What there is for a parameter of a path."""
        match parameter:
            case "code":
                parameter = "template" if "templates" in path else "invite"
            case "overwrite":
                parameter = "role"
            case "emoji" if "reactions" in path:
                return "🍺"
            case "channel" if "stream-keys" in path or "soundboard" in path:
                parameter = "voice"
            case "channel" if "thread-members" in path:
                parameter = "thread"
            case "message" if "polls" in path:
                parameter = "poll"
            case "command" if "guilds" in path:
                parameter = "command there"
            case "integration":
                parameter = "application"
            case "answer" | "kind":
                return "1"
            case "entity":
                parameter = "event"
        return self.things.get(parameter)

    def mend(self, method: str, path: str) -> None:
        """Makes anew what an operation took away."""
        gone = TAKES_AWAY.get((method, path))
        if gone is None and method == "DELETE":
            last = path.rsplit("{", 1)[-1].split("}")[0]
            # The channel of a thread's member, and who left it, are there still.
            if "thread-members" in path or "permissions" in path or "roles/" in path and "members" in path:
                return
            gone = {
                "code": "template" if "templates" in path else "invite",
                "token": "webhook", "key": "channel",
            }.get(last, last)
        if gone:
            self.make(gone)


@dataclasses.dataclass
class Found:
    """What came of all requests."""

    asked: int = 0
    limited: int = 0
    statuses: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    # By family, then by operation and fault: the first request that showed it.
    faults: dict[str, dict[str, str]] = dataclasses.field(default_factory=lambda: collections.defaultdict(dict))
    # Operations that somebody was answered well.
    done: set[str] = dataclasses.field(default_factory=set)


class Judge:
    """Asks operations, and holds their answers against the description."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found = Found()
        self.chance = random.Random(SEED)
        self.http = requests.Session()

    def operations(self) -> Iterator[Any]:
        """Those that read first, those that take away last."""
        schema = schemathesis.openapi.from_url(f"{ROOT}/api/openapi.json")
        schema.config.update(base_url=API)
        found = [result.ok() for result in schema.get_all_operations()]
        order = {"get": 0, "put": 1, "post": 1, "patch": 1, "delete": 2}
        # Whoever leaves or is removed is last of all.
        yield from sorted(found, key=lambda one: order[one.method])

    def settle(self, case: Any, operation: Any, first: bool) -> None:
        """Puts what there is into a case; into the paths of the first ones always."""
        own = (operation.method.upper(), operation.path) not in NOT_OURS
        if case.path_parameters and own and (first or self.chance.random() < KNOWN_PATH):
            for name in case.path_parameters:
                known = self.world.known(operation.path, name)
                if known is not None:
                    case.path_parameters[name] = known
        if isinstance(case.body, dict) and self.chance.random() < KNOWN_BODY:
            for name in list(case.body):
                known = self.world.things.get(name.removesuffix("_id")) if name.endswith("_id") else None
                # The guild stays with its owner.
                if known is not None and name != "owner_id":
                    case.body[name] = known

    def send(self, case: Any, token: str | None) -> Any:
        """Sends a case, again when a limit is over soon."""
        headers = {} if token is None else {"Authorization": token}
        if case.headers:
            case.headers.pop("Authorization", None)
        for attempt in range(3):
            answer = case.call(session=self.http, headers=headers, timeout=10, allow_redirects=False)
            self.found.asked += 1
            self.found.statuses[answer.status_code] += 1
            if answer.status_code != 429 or attempt == 2:
                return answer
            wait = float(answer.headers["retry-after"][0])
            if wait > PATIENCE:
                self.found.limited += 1
                return answer
            time.sleep(wait)
        raise AssertionError("unreachable")

    def fault(self, family: str, what: str, detail: str) -> None:
        """Keeps a fault that was not seen before; the log has it at once."""
        known = self.found.faults[family]
        if what not in known:
            known[what] = detail
            tell(fault=what, detail=detail)

    def judge(self, operation: Any, token: str | None, mode: GenerationMode, cases: int) -> bool:
        """Asks an operation that often; whether anything was done."""
        name = f"{operation.method.upper()} {operation.path}"
        family = operation.tags[0] if operation.tags else "other"
        done = False
        first = mode == GenerationMode.POSITIVE

        @hypothesis.seed(SEED)
        @hypothesis.settings(
            max_examples=cases, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck), derandomize=False,
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            nonlocal done, first
            self.settle(case, operation, first)
            first = False
            answer = self.send(case, token)
            if 200 <= answer.status_code < 300:
                done = True
                self.found.done.add(name)
            try:
                case.validate_response(answer, checks=CHECKS)
            except FailureGroup as group:
                for failure in group.exceptions:
                    key = f"{name}: {failure.title}: {answer.status_code}"
                    self.fault(family, key, str(group)[:2_000])

        try:
            ask()
        except hypothesis.errors.Unsatisfiable:
            # There is nothing to do wrong with an operation that takes nothing.
            pass
        except Exception:
            self.fault(family, f"{name}: was not asked", traceback.format_exc(limit=6))
        return done


def main() -> None:
    """Asks everything; one check a family."""
    world = World()
    judge = Judge(world)
    began = time.monotonic()
    families: dict[str, int] = collections.Counter()
    operations = list(judge.operations())
    only = os.environ.get("OPERATION")
    for at, operation in enumerate(operations):
        if only and only not in f"{operation.method.upper()} {operation.path}":
            continue
        families[operation.tags[0] if operation.tags else "other"] += 1
        what = (operation.method.upper(), operation.path)
        behind = time.monotonic() - began > SECONDS * (at + 1) / len(operations)
        for token in (None, world.bot, world.owner):
            if what in ENDS_TOKEN and token is not None:
                token = world.spent
            for mode, cases in HURRIED if behind else CASES:
                if judge.judge(operation, token, mode, cases) and (what in TAKES_AWAY or what[0] == "DELETE"):
                    world.mend(*what)
    found = judge.found
    tell(
        asked=found.asked, limited=found.limited, statuses=dict(found.statuses), seconds=time.monotonic() - began,
        done=len(found.done), operations=len(operations),
    )
    missed = sorted(
        {f"{one.method.upper()} {one.path}" for one in operations} - found.done
    )
    tell(never_done=missed)
    for family in sorted(families):
        faults = found.faults.get(family, {})
        detail = "\n\n".join(f"{name}\n{told}" for name, told in faults.items())
        check(f"answers are as described: {family}", not faults, detail or f"{families[family]} operations")
    if not only:
        # Else limits or missing things have swallowed what was to be judged.
        check("operations are carried out", len(found.done) >= CARRIED_OUT, f"{len(found.done)}: not {missed}")
    check("ends", True)


if __name__ == "__main__":
    main()
