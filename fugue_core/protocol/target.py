"""Targets: who a message is for, as Python values, on the wire, and in the one text form for people. No I/O.

Tagged("mayor")    {"kind": "tagged", "tag": "mayor"}        tag:mayor       of one repository: tag:mayor in REPO
Session(id)        {"kind": "session", "session": "bob"}     session:bob     an id or a name
Broadcast()        {"kind": "broadcast"}                     broadcast
Worktree("/p")     {"kind": "worktree", "path": "/p"}        worktree:/p
"""

from __future__ import annotations

import posixpath
from typing import TypeAlias
from uuid import UUID

import msgspec

from fugue_core.errors import InvalidTarget
from fugue_core.protocol.session import check_session_name, check_tag, parse_session_id

_FORMS = "a target is tag:TAG, session:NAME-OR-ID, broadcast or worktree:PATH"
_IN_REPO = " in "
"""Between a tag and the repository to which it is limited; a tag has no blanks, so that it stands in no tag."""


class Tagged(msgspec.Struct, frozen=True, tag_field="kind", tag="tagged", omit_defaults=True):
    """Every session that carries `tag`, but the sender; with `repo`, only those in that repository."""

    tag: str
    repo: str | None = None


class Session(msgspec.Struct, frozen=True, tag_field="kind", tag="session"):
    """One session; the only target by which a sender may reach itself."""

    id: UUID = msgspec.field(name="session")


class Broadcast(msgspec.Struct, frozen=True, tag_field="kind", tag="broadcast"):
    """Every session in the sender's repository, but the sender."""


class Worktree(msgspec.Struct, frozen=True, tag_field="kind", tag="worktree"):
    """Every session in the worktree at `path`, but the sender. Paths are compared normalised."""

    path: str


class SessionNamed(msgspec.Struct, frozen=True, tag_field="kind", tag="session", omit_defaults=True):
    """`Session` as the wire has it.

    Fields:
        session: In a request an id or a name; in an envelope the id.
        name: In an envelope the session's name; ignored in a request.
    """

    session: str
    name: str | None = None


OrchestrationTarget: TypeAlias = Tagged | Session | Broadcast | Worktree
WireTarget: TypeAlias = Tagged | SessionNamed | Broadcast | Worktree


def parse_target(text: str) -> WireTarget:
    """Return the target that `text` spells. Raises `InvalidTarget`, `InvalidTag` or `InvalidName`."""
    kind, colon, value = text.partition(":")
    match kind, colon, value:
        case "tag", ":", tagged:
            tag, limited, repo = tagged.partition(_IN_REPO)
            return Tagged(check_tag(tag), _checked_repo(text, repo) if limited else None)
        case "session", ":", name:
            return SessionNamed(name if parse_session_id(name) else check_session_name(name))
        case "broadcast", "", "":
            return Broadcast()
        case "worktree", ":", path if path:
            return Worktree(normalise_path(path))
        case _:
            raise InvalidTarget(text, _FORMS)


def format_target(target: OrchestrationTarget | WireTarget) -> str:
    """Return the text form; a session by its name where that is known. `parse_target` reads it back."""
    match target:
        case Tagged(tag, repo):
            return f"tag:{tag}" if repo is None else f"tag:{tag}{_IN_REPO}{repo}"
        case Session(id):
            return f"session:{id}"
        case SessionNamed(session, name):
            return f"session:{name or session}"
        case Worktree(path):
            return f"worktree:{path}"
        case Broadcast():
            return "broadcast"


def to_wire(target: OrchestrationTarget | WireTarget | str) -> WireTarget:
    """Return the wire's form of a target given as a value or as text."""
    if isinstance(target, str):
        return parse_target(target)
    return SessionNamed(str(target.id)) if isinstance(target, Session) else target


def normalise_path(path: str) -> str:
    """Return `path` as worktrees are compared: no `//`, `.`, `..` or trailing slash; links are the edges' affair."""
    if not path.startswith("/") or "\0" in path:
        raise InvalidTarget(path, "a worktree's path is absolute")
    if _has_surrogates(path):
        raise InvalidTarget(path, "a worktree's path is UTF-8")
    return "/" + posixpath.normpath(path).lstrip("/")  # normpath keeps a leading `//`


def _checked_repo(target: str, repo: str) -> str:
    if not repo or _has_surrogates(repo):
        raise InvalidTarget(target, "after `in` comes the repository, in UTF-8")
    return repo


def _has_surrogates(text: str) -> bool:
    """Say whether there is something in `text` that JSON cannot carry: so Python spells bytes that are no UTF-8."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
