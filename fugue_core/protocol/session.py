"""Sessions: who can be addressed, and what their names and tags may be. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NewType, TypeAlias
from uuid import UUID

import msgspec

from fugue_core import limits
from fugue_core.errors import InvalidMetadata, InvalidName, InvalidPayload, InvalidTag
from fugue_core.protocol.message import encode_payload

SessionId = NewType("SessionId", UUID)

Wake: TypeAlias = Literal["off", "on", "quiet"]
"""Whether a notice is typed for a session's program when mail waits, and on whose word, see `session.wake`."""

_TAG_RULE = f"1 to {limits.TAG_CHARS} printable characters without white space or comma"
_NAME_RULE = f"1 to {limits.SESSION_NAME_CHARS} printable characters without white space or any of , : / #, and no UUID"
_KEY_RULE = f"a key has 1 to {limits.METADATA_KEY_CHARS} printable characters without white space"


class WorktreeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The git worktree that a session works in.

    Fields:
        path: Absolute, links resolved, no trailing slash.
        branch: None where HEAD is detached.
        is_main: True for the repository's own checkout, False for one made by `git worktree add`.
    """

    path: str
    branch: str | None = None
    is_main: bool = True


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What anybody may know of a session.

    Fields:
        id: Never changes, and is never used again.
        name: Unique among the living sessions.
        created_at: Unix time in whole seconds.
        window_count: Programs that fugue runs for it; 0 where it only joined.
        attached_clients: Connections that speak for it now; 0 means that what is sent to it waits.
        worktree: None outside of git.
        tags: In alphabetical order, so that output is stable; without doubles.
        repo: Identifies the repository for `Broadcast`; None outside of git.
        metadata: Whatever its owner keeps here; fugue reads none of it.
        unread: Deliveries to it that are not acknowledged.
        wake: Whether its program is told of mail that waits, see `session.wake`.
        wake_reason: Why no notice is typed for it now; empty where waking is off, or nobody has looked yet.
    """

    id: UUID
    name: str
    created_at: int
    window_count: int = 0
    attached_clients: int = 0
    worktree: WorktreeInfo | None = None
    tags: tuple[str, ...] = ()
    repo: str | None = None
    metadata: dict[str, Any] = {}
    unread: int = 0
    wake: Wake = "off"
    wake_reason: str = ""


def check_tag(tag: str) -> str:
    """Return `tag`, or raise `InvalidTag`. Case matters; `child:mayor` and `team/red` are fine."""
    if not (0 < len(tag) <= limits.TAG_CHARS and tag.isprintable() and " " not in tag and "," not in tag):
        raise InvalidTag(tag, _TAG_RULE)
    return tag


def check_tags(tags: Iterable[str]) -> frozenset[str]:
    """Return all of a session's tags as a set; raise `InvalidTag` for the first bad one, or for too many."""
    checked = frozenset(map(check_tag, tags))
    if len(checked) > limits.TAGS_PER_SESSION:
        first = ", ".join(sorted(checked)[:3])
        raise InvalidTag(
            f"{first} and {len(checked) - 3} more",
            f"a session carries at most {limits.TAGS_PER_SESSION}, not {len(checked)}",
        )
    return checked


def check_session_name(name: str) -> str:
    """Return `name`, or raise `InvalidName`. A name that reads as a UUID is refused: it would pass for an id."""
    is_fit = 0 < len(name) <= limits.SESSION_NAME_CHARS and name.isprintable() and not set(name) & set(" ,:/#")
    if not is_fit or parse_session_id(name) is not None:
        raise InvalidName(name, _NAME_RULE)
    return name


def check_metadata(metadata: dict[str, Any], limit_bytes: int) -> dict[str, Any]:
    """Return `metadata`.

    Raises:
        InvalidMetadata: A bad key, a value that could not be a payload, or more than `limit_bytes` as JSON.
    """
    for key in metadata:
        if not (0 < len(key) <= limits.METADATA_KEY_CHARS and key.isprintable() and " " not in key):
            raise InvalidMetadata(key, _KEY_RULE)
    try:
        size_bytes = len(encode_payload(metadata))
    except InvalidPayload as error:
        raise InvalidMetadata(", ".join(metadata), error.rule) from None
    if size_bytes > limit_bytes:
        raise InvalidMetadata(", ".join(metadata), f"{size_bytes:,} bytes as JSON exceed the limit of {limit_bytes:,}")
    return metadata


def parse_session_id(text: str) -> SessionId | None:
    """Return the id that `text` spells, with or without dashes or braces, or None where it is a name."""
    try:
        session_id = UUID(text)
    except ValueError:
        return None
    # `UUID` leaves the digits to `int`, which reads `dead_beef...` and the digits of other scripts as well
    return SessionId(session_id) if session_id.hex in text.lower().replace("-", "") else None
