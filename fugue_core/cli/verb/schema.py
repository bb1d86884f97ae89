"""`fugue schema`: the JSON Schemas that payloads are held against."""

from __future__ import annotations

import json
import os
import time

from fugue_core.cli import outcome, output
from fugue_core.cli.outcome import Failure
from fugue_core.cli.payload import read_json
from fugue_core.cli.spec import FILES, MESSAGE_TYPES, SCHEMAS, Argument, Option, Verb
from fugue_core.cli.style import paint_for_stdout
from fugue_core.cli.table import lines
from fugue_core.client.jsontext import decode, elements, members
from fugue_core.client.oneshot import Refused
from fugue_core.git import locate
from fugue_core.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fugue_core.cli.command import Command

_HEADS = ("TYPE", "REPO", "BYTES", "SET BY", "SET")
_ROLES = ("strong", "", "faint", "", "faint")
_INDENT = "  "


def put(command: Command) -> int:
    """Set one."""
    schema = read_json(command.required("schema"), "schema")
    params = {"msg_type": command.required("type"), "schema": schema, "repo": _one_repo(command)}
    answer = command.ask("schema.set", params)
    _tell(command, answer, "is held against it from now on")
    return outcome.DONE


def show(command: Command) -> int:
    """Print the one that applies."""
    repo = None if command.has("global") else _named_repo(command) or locate(os.getcwd()).repo
    answer = command.ask("schema.get", {"msg_type": command.required("type"), "repo": repo})
    if command.is_json:
        output.put_json(answer)
        return outcome.DONE
    kept = members(answer)
    info = decode(kept["info"])
    command.say(f"{info['msg_type']}, {_whose(info['repo'])}, set by {info['set_by']} {_when(info['set_at'])}")
    for line in _indented(kept["schema"]).split("\n"):
        output.put_json(line)
    return outcome.DONE


def remove(command: Command) -> int:
    """Remove one; say what holds now."""
    msg_type, repo = command.required("type"), _one_repo(command)
    try:
        answer = command.ask("schema.remove", {"msg_type": msg_type, "repo": repo})
    except Refused as refused:
        if refused.name == "SchemaNotFound" and repo is not None and _has_one_for_all(command, msg_type):
            raise Failure(outcome.NOT_FOUND, f"{refused.message}; --global names the one for all") from None
        raise
    is_free = repo is None or not _has_one_for_all(command, msg_type)
    _tell(command, answer, "is free again" if is_free else "is held against the one for all repositories again")
    return outcome.DONE


def show_all(command: Command) -> int:
    """List them by type, then by repository."""
    answer = command.ask("schema.list")
    if command.is_json:
        for schema in elements(members(answer)["schemas"]):
            output.put_json(schema)
        return outcome.DONE
    rows = [
        [
            printable(info["msg_type"]),
            printable(info["repo"] or "(all)"),
            str(info["size_bytes"]),
            printable(info["set_by"]),
            _when(info["set_at"]),
        ]
        for info in decode(answer)["schemas"]
    ]
    if not rows:
        command.say("no schemas: every type is free; `fugue schema set TYPE @FILE` sets one")
        return outcome.DONE
    for line in lines(_HEADS, rows, _ROLES, paint_for_stdout()):
        output.put(line)
    return outcome.DONE


def _one_repo(command: Command) -> str | None:
    """Return which repository is meant; None for all. Raises `Failure`: what changes it for others is not guessed."""
    if command.has("global"):
        if command.has("repo"):
            raise Failure(outcome.USAGE, "--global is for all repositories, --repo for one: not both")
        return None
    repo = _named_repo(command) or locate(os.getcwd()).repo
    if repo is None:
        raise Failure(outcome.USAGE, "no git repository here: --repo PATH names one, --global means all")
    return repo


def _named_repo(command: Command) -> str | None:
    path = command.text("repo")
    if path is None:
        return None
    repo = locate(path).repo
    if repo is None:
        raise Failure(outcome.FAILED, f"no git repository at {path}")
    return repo


def _has_one_for_all(command: Command, msg_type: str) -> bool:
    try:
        command.ask("schema.get", {"msg_type": msg_type})
    except Refused as refused:
        if refused.name == "SchemaNotFound":
            return False
        raise
    return True


def _tell(command: Command, answer: str, what: str) -> None:
    if command.is_json:
        output.put_json(answer)
    else:
        info = decode(answer)
        output.put(printable(f"{info['msg_type']} {what}, {_whose(info['repo'])}"))


def _whose(repo: str | None) -> str:
    return "where a repository has none of its own" if repo is None else f"for what is sent in {repo}"


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def _indented(text: str, margin: str = "") -> str:
    """Return JSON text over several lines, its values as they are spelt."""
    inner = margin + _INDENT
    if text.startswith("{"):
        parts = [
            f"{json.dumps(name, ensure_ascii=False)}: {_indented(value, inner)}"
            for name, value in members(text).items()
        ]
    elif text.startswith("["):
        parts = [_indented(value, inner) for value in elements(text)]
    else:
        return text
    body = f",\n{inner}".join(parts)
    return f"{text[0]}\n{inner}{body}\n{margin}{text[-1]}" if parts else f"{text[0]}{text[-1]}"


_TYPE = Argument("TYPE", help="the type of message", completes=SCHEMAS)
_PLACE = (
    Option("-g", "--global", help="for all repositories that have none of their own for the type"),
    Option("--repo", metavar="PATH", help="for the repository of this directory, not of your own", completes=FILES),
)

VERB = Verb(
    "schema",
    "Set, show, remove or list the JSON Schemas of types of messages",
    details="""\
Where a type has a JSON Schema, what breaks it is refused before anything is sent: by fugue send, ask and reply, by the
tools of fugue mcp, and in the screen. The error names the field, as a JSON Pointer, and the rule.
Types without a schema stay free, and fugue does nothing else with one.

A schema is that of the repository in which the sender works, and where that has none for the type, the one for all. You
set and remove the one of the repository that you are in, unless you say otherwise.""",
    verbs=(
        Verb(
            "schema set",
            "Hold payloads of a type against a JSON Schema",
            run=put,
            details="""\
Drafts 4, 6, 7, 2019-09 and 2020-12 are understood; without `$schema` it is the last. A schema is one piece: references
lead to its own parts, and nothing is fetched. Patterns have neither look-around nor back-references, and `format` is
not checked.

What was sent before stays as it is.""",
            arguments=(
                Argument("TYPE", help="the type of message", completes=MESSAGE_TYPES),
                Argument("SCHEMA", help="JSON, - to read it from stdin, @FILE to read it from a file", completes=FILES),
            ),
            options=_PLACE,
            examples=(
                ("fugue schema set gas_town.bid @bid.schema.json", "for the repository that you are in"),
                ("""fugue schema set --global note '{"type": "string"}'""", "for all that have none of their own"),
            ),
        ),
        Verb(
            "schema show",
            "Print the schema that a type is held against here",
            run=show,
            arguments=(_TYPE,),
            options=_PLACE,
            examples=(
                ("fugue schema show gas_town.bid", "the repository's own, else the one for all"),
                ("fugue schema show gas_town.bid --global", "the one for all"),
            ),
        ),
        Verb(
            "schema rm",
            "Let payloads of a type be free again",
            run=remove,
            arguments=(_TYPE,),
            options=_PLACE,
            examples=(("fugue schema rm gas_town.bid", "in the repository that you are in"),),
        ),
        Verb(
            "schema list",
            "List all schemas",
            run=show_all,
            examples=(("fugue schema list", "of all repositories, by type"),),
        ),
    ),
    examples=(
        ("fugue schema set gas_town.bid @bid.schema.json", "what breaks it is refused from now on"),
        ("fugue schema list", "which types have one?"),
    ),
)
