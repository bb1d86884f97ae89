"""`fugue __complete`: what could stand where the cursor is. The shells' scripts of `fugue completion` call it.

It never starts a daemon and never complains: where there is nothing to say, it says nothing.
"""

from __future__ import annotations

import os

from fugue_core.cli import outcome, output, spec
from fugue_core.cli.command import Command
from fugue_core.cli.spec import GLOBAL_OPTIONS, Argument, Option, Verb
from fugue_core.cli.verb import GROUPS, NAMES, load
from fugue_core.cli.window import what_runs
from fugue_core.client.jsontext import decode
from fugue_core.client.oneshot import Connection, Refused
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from fugue_core.client.jsontext import Encodable

    Candidates = Iterable[tuple[str, str]]

_RECENT_MESSAGES = 500
_FILTER_KEYS = {
    "tag:": "sent to a tag",
    "from:": "sent by",
    "to:": "received by",
    "type:": "of a type",
    "state:": "with a delivery in this state",
    "reply:": "in reply to a message",
    "chain:": "in a chain of replies, by its first message",
    "repo:": "sent from a repository",
    "text:": "with this in type or payload",
}
_STATES = ("queued", "handed", "acked", "expired", "dead")


def run(command: Command) -> int:
    """Print the candidates, each with a tab and what it is."""
    words = command.texts("word") or [""]
    spot = find_spot(words)
    if spot is None:
        return outcome.DONE
    for value, meaning in candidates(spot, _World(Command(spot.values))):
        if value.startswith(spot.current):
            output.put(f"{spot.prefix}{printable(value)}\t{printable(meaning)}")
    return outcome.DONE


class Spot:
    """Where the cursor is.

    Attributes:
        verb: The verb it is in; None: before the verb.
        current: What stands there up to the cursor; the candidates begin with it.
        prefix: What stands before that in the same word (`--from=`).
        option: Whose value is to be completed.
        argument: Which argument is to be completed.
        values: The options that were given, and the sessions that were named.
    """

    def __init__(self) -> None:
        self.verb: Verb | None = None
        self.current = ""
        self.prefix = ""
        self.option: Option | None = None
        self.argument: Argument | None = None
        self.values: dict[str, list[str]] = {}


def find_spot(words: Sequence[str]) -> Spot | None:
    """Read `words`, the last of which is not finished; None where they name no verb that there is."""
    spot = Spot()
    *finished, spot.current = words
    position = 0
    is_plain = False
    for word in finished:
        if spot.option is not None:
            spot.values.setdefault(spot.option.name, []).append(word)
            spot.option = None
        elif word == "--" and not is_plain:
            is_plain = True
        elif word.startswith("-") and len(word) > 1 and not is_plain:
            _pass_option(spot, word)
        elif spot.verb is None or spot.verb.verbs:
            spot.verb = _verb_within(spot.verb, word)
            if spot.verb is None:
                return None
        else:
            argument = _argument_at(spot.verb, position)
            if argument is not None and argument.completes == spec.SESSIONS:
                spot.values.setdefault(argument.name, []).append(word)
            position += 1
            is_plain = is_plain or any(argument.is_rest for argument in spot.verb.arguments)
    if spot.option is None and not is_plain:
        _split_option(spot)
    if spot.option is None and spot.verb is not None and (is_plain or not spot.current.startswith("-")):
        spot.argument = _argument_at(spot.verb, position)
    return spot


def _pass_option(spot: Spot, word: str) -> None:
    flag, equals, value = word.partition("=")
    option = _options(spot).get(flag)
    if option is not None and option.metavar:
        if equals:
            spot.values.setdefault(option.name, []).append(value)
        else:
            spot.option = option


def _split_option(spot: Spot) -> None:
    flag, equals, value = spot.current.partition("=")
    option = _options(spot).get(flag)
    if equals and option is not None and option.metavar:
        spot.option, spot.prefix, spot.current = option, f"{flag}=", value


def _options(spot: Spot) -> dict[str, Option]:
    own = spot.verb.options if spot.verb else ()
    return {flag: option for option in own + GLOBAL_OPTIONS for flag in option.flags}


def _verb_within(outer: Verb | None, name: str) -> Verb | None:
    if outer is None:
        return load(name) if name in NAMES else None
    return outer.within.get(name)


def _argument_at(verb: Verb, position: int) -> Argument | None:
    if position < len(verb.arguments):
        return verb.arguments[position]
    return verb.arguments[-1] if verb.arguments and verb.arguments[-1].is_repeatable else None


class _World:
    """What is known of sessions and messages right now; nothing, where no daemon runs."""

    def __init__(self, command: Command) -> None:
        self._command = command

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("session.list", {}).get("sessions", [])
        return found

    def windows(self) -> list[dict[str, Any]]:
        """Return the windows of the session that was named, or else of one's own."""
        session = self._command.text("session") or os.environ.get("FUGUE_SESSION")
        found: list[dict[str, Any]] = (
            self._ask("window.list", {"session": session}).get("windows", []) if session else []
        )
        return found

    def breakers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("breaker.list", {}).get("breakers", [])
        return found

    def types(self) -> list[str]:
        """Return the types of recent messages, the newest first."""
        entries = self._ask("message.list", {"limit": _RECENT_MESSAGES}).get("entries", [])
        return list(dict.fromkeys(entry["envelope"]["message"]["msg_type"] for entry in entries))

    def schemas(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("schema.list", {}).get("schemas", [])
        return found

    def _ask(self, method: str, params: dict[str, Encodable]) -> dict[str, Any]:
        from fugue_core.errors import FugueError  # noqa: PLC0415  # not for `fugue __complete --help`

        try:
            with Connection(self._command.socket_path, may_start=False) as connection:
                answer: dict[str, Any] = decode(connection.ask(method, params))
        except (FugueError, Refused):
            return {}
        return answer


def candidates(spot: Spot, world: _World) -> Candidates:
    """Return what could stand at `spot`, and of each what it is; not all of it need begin with what stands there."""
    wanted = spot.option or spot.argument
    if wanted is not None:
        if wanted.kind.choices:
            return [(choice, "") for choice in wanted.kind.choices]
        if not wanted.completes:
            return []
        return _SOURCES[wanted.completes](world, spot.current)
    if spot.current.startswith("-"):
        return [(flag, option.help) for flag, option in _options(spot).items()]
    if spot.verb is None:
        return _verbs(world, "")
    return [(name, inner.summary) for name, inner in spot.verb.within.items()]


def _verbs(_world: _World, _current: str) -> Candidates:
    return [(name, load(name).summary) for names in GROUPS.values() for name in names]


def _sessions(world: _World, _current: str) -> Candidates:
    return [(session["name"], _about(session)) for session in world.sessions()]


def _windows(world: _World, _current: str) -> Candidates:
    return [(str(window["window"]), what_runs(window)) for window in world.windows()]


def _tags(world: _World, _current: str) -> Candidates:
    names: dict[str, list[str]] = {}
    for session in world.sessions():
        for tag in session["tags"]:
            names.setdefault(tag, []).append(session["name"])
    return [(tag, ", ".join(carriers)) for tag, carriers in sorted(names.items())]


def _targets(world: _World, current: str) -> Candidates:
    if not current.partition(":")[1]:
        return [
            ("tag:", "all who carry a tag"),
            ("session:", "one session"),
            ("broadcast", "all in your repository"),
            ("worktree:", "all in a git worktree"),
        ]
    sessions = world.sessions()
    worktrees = {session["worktree"]["path"]: session["name"] for session in sessions if session.get("worktree")}
    return [
        *((f"tag:{tag}", carriers) for tag, carriers in _tags(world, "")),
        *((f"session:{session['name']}", _about(session)) for session in sessions),
        *((f"worktree:{path}", name) for path, name in worktrees.items()),
    ]


def _types(world: _World, _current: str) -> Candidates:
    with_schema = dict(_schemas(world, ""))
    return [*with_schema.items(), *((msg_type, "") for msg_type in world.types() if msg_type not in with_schema)]


def _schemas(world: _World, _current: str) -> Candidates:
    return [(schema["msg_type"], "has a schema") for schema in world.schemas()]


def _filters(world: _World, current: str) -> Candidates:
    negation = "!" if current.startswith("!") else ""
    key, colon, _ = current.removeprefix("!").partition(":")
    if not colon:
        return [(f"{negation}{key}", meaning) for key, meaning in _FILTER_KEYS.items()]
    values: Candidates = []
    if key in {"from", "to"}:
        values = _sessions(world, "")
    elif key == "tag":
        values = _tags(world, "")
    elif key == "type":
        values = _types(world, "")
    elif key == "state":
        values = [(state, "") for state in _STATES]
    elif key == "repo":
        repos = dict.fromkeys(session["repo"] for session in world.sessions() if session.get("repo"))
        values = [(os.path.basename(repo), repo) for repo in repos]
    return [(f"{negation}{key}:{value}", meaning) for value, meaning in values]


def _files(_world: _World, current: str) -> Candidates:
    """Return files; with an `@` before them where there is one, as in the payload of `send`."""
    mark = "@" if current.startswith("@") else ""
    directory, slash, _ = current.removeprefix("@").rpartition("/")
    try:
        entries = sorted(os.scandir(f"{directory}{slash}" or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    return [(f"{mark}{directory}{slash}{entry.name}{'/' if entry.is_dir() else ''}", "") for entry in entries]


def _breakers(world: _World, _current: str) -> Candidates:
    """Return chains, and the sessions of pairs."""
    found: list[tuple[str, str]] = []
    for breaker in world.breakers():
        if breaker["kind"] == "chain":
            found.append((breaker["chain"], f"a chain of over {breaker['limit']:,} replies"))
        else:
            names = [session["name"] for session in breaker["sessions"]]
            found += [(name, " and ".join(names)) for name in names]
    return found


def _commands(world: _World, current: str) -> Candidates:
    if "/" in current:
        return _files(world, current)
    names: set[str] = set()
    for directory in os.get_exec_path():
        try:
            names.update(name for name in os.listdir(directory) if name.startswith(current))
        except OSError:
            continue
    return [(name, "") for name in sorted(names)]


def _about(session: dict[str, Any]) -> str:
    where = (session.get("worktree") or {}).get("path") or ""
    return "  ".join(filter(None, [" ".join(session["tags"]), where]))


_SOURCES: dict[str, Callable[[_World, str], Candidates]] = {
    spec.SESSIONS: _sessions,
    spec.WINDOWS: _windows,
    spec.TAGS: _tags,
    spec.TARGETS: _targets,
    spec.MESSAGE_TYPES: _types,
    spec.SCHEMAS: _schemas,
    spec.FILTERS: _filters,
    spec.VERBS: _verbs,
    spec.COMMANDS: _commands,
    spec.FILES: _files,
    spec.BREAKERS: _breakers,
}

VERB = Verb(
    "__complete",
    "Print what could stand where the cursor is, for the scripts of `fugue completion`",
    run=run,
    arguments=(Argument("WORD", help="the words after `fugue`, up to the cursor", is_optional=True, is_rest=True),),
    examples=(("fugue __complete -- send tag:", "the tags that there are, each with who carries it"),),
)
