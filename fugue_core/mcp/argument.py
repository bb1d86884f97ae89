"""Read what a tool is called with. No I/O.

A program writes arguments as the schema says. A model may write a structure as JSON within a string; that is taken for
what it is, and nothing else is: what has the wrong type is refused, by the name of its field.
"""

from __future__ import annotations

import os
import re
from typing import Any, ClassVar, TypeVar

import msgspec

from fugue_core.errors import FugueError
from fugue_core.protocol.message import OrchestrationMessage
from fugue_core.protocol.session import check_tag
from fugue_core.protocol.target import Broadcast, WireTarget, Worktree, parse_target

_PLACE = re.compile(r"(?s)(.*) - at `\$\.?(.*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`\Z", re.DOTALL)
_KINDS = {"tagged": "tag", "session": "session", "broadcast": "broadcast", "worktree": "path"}
_FORMS = (
    '"tag:TAG", "session:NAME-OR-ID", "broadcast" or "worktree:/PATH", or one of {"tag": TAG}, '
    '{"tag": TAG, "repo": REPO}, {"session": NAME-OR-ID}, {"broadcast": true}, {"path": "/PATH"}'
)


class BadArgument(Exception):
    """A field is missing, of the wrong type or out of range; the text names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"`{field}` {reason}")
        self.field = field


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tool takes.

    Class attributes:
        structured: Fields that are arrays, objects or any JSON, and so may be JSON text as well.
    """

    structured: ClassVar[tuple[str, ...]] = ()


Kind = TypeVar("Kind", bound=Arguments)


def read_arguments(kind: type[Kind], raw: bytes) -> Kind:
    """Return the arguments in the JSON `raw`. A null says the same as nothing, but as a payload.

    Raises:
        BadArgument
    """
    given = _fields(raw)
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    for name in given:
        if name not in known:
            raise BadArgument(name, f"is not known here; there are: {', '.join(sorted(known)) or 'none at all'}")
    read = {
        name: _unpacked(name, value) if name in kind.structured else value
        for name, value in given.items()
        if name == "payload" or bytes(value).strip() != b"null"
    }
    try:
        return msgspec.json.decode(msgspec.json.encode(read), type=kind)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from None


def read_target(value: Any) -> WireTarget:
    """Return the target that a text form or an object spells.

    Raises:
        BadArgument: It spells none, or more than one.
    """
    try:
        target = parse_target(value) if isinstance(value, str) else _target_in(value)
    except FugueError as error:
        raise BadArgument("target", f"is none: {error}; it is {_FORMS}") from None
    if isinstance(target, Worktree):
        return Worktree(os.path.realpath(target.path))
    return target


def read_message(msg_type: str, payload: msgspec.Raw | msgspec.UnsetType) -> OrchestrationMessage:
    """Return the message; the payload's bytes stay what they are."""
    return OrchestrationMessage(msg_type, None if payload is msgspec.UNSET else payload)


def _fields(raw: bytes) -> dict[str, msgspec.Raw]:
    if raw[:1] == b'"':
        raw = msgspec.json.decode(raw, type=str).encode()
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadArgument("arguments", f"must be a JSON object: {error}") from None


def _unpacked(name: str, value: msgspec.Raw) -> msgspec.Raw:
    """Return what is within a string, where that is the JSON text of an array or object."""
    if bytes(value)[:1] != b'"':
        return value
    text = msgspec.json.decode(value, type=str).strip()
    if text[:1] not in {"[", "{"}:
        return value
    try:
        return msgspec.json.decode(text.encode(), type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadArgument(
            name, f"is text that begins like JSON, and is none: {error}; for mere text write an object around it"
        ) from None


def _named(words: str) -> BadArgument:
    """Return what msgspec says, beginning with the field."""
    placed = _PLACE.match(words)
    what, where = placed.groups() if placed else (words, "")
    if missing := _MISSING.match(what):
        return BadArgument(f"{where}.{missing[1]}".lstrip("."), "is missing")
    if unknown := _UNKNOWN.match(what):
        return BadArgument(f"{where}.{unknown[1]}".lstrip("."), "is not known here")
    return BadArgument(where or "arguments", f"is refused: {what[:1].lower()}{what[1:]}")


def _target_in(value: Any) -> WireTarget:
    if not isinstance(value, dict):
        raise BadArgument("target", f"must be a text or an object, not {msgspec.json.encode(value).decode()}: {_FORMS}")
    ways = [name for name in ("tag", "session", "broadcast", "path") if name in value]
    kind = value.get("kind")
    if "kind" in value and kind not in _KINDS:
        raise BadArgument("target.kind", f"must be one of {', '.join(_KINDS)}")
    named = _KINDS[kind] if kind else None
    if len(ways) > 1 or (named and ways and ways != [named]):
        said = [*([f"kind {kind}"] if named else []), *ways]
        raise BadArgument("target", f"names more than one kind at once ({', '.join(said)}); send once for each")
    way = named or (ways[0] if ways else None)
    strange = [name for name in value if name not in {"kind", way, *(["repo"] if way == "tag" else [])}]
    if way is None or strange:
        raise BadArgument(".".join(["target", *strange[:1]]), f"is not understood; a target is {_FORMS}")
    if way == "broadcast":
        if value.get("broadcast", True) is not True:
            raise BadArgument("target.broadcast", "must be true, or not there")
        return Broadcast()
    return _checked(way, _text(value, way), _text(value, "repo") if value.get("repo") is not None else None)


def _checked(way: str, text: str, repo: str | None) -> WireTarget:
    if way == "tag":
        limited = "" if repo is None else f" in {repo}"
        return parse_target(f"tag:{check_tag(text)}{limited}")
    return parse_target(f"worktree:{text}" if way == "path" else f"session:{text}")


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise BadArgument(f"target.{name}", f"must be a text, not {msgspec.json.encode(text).decode()}")
    return text
