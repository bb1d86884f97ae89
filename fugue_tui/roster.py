"""The session list as plain values: which lines there are and in which order. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

from fugue_core.filter import Filter, session_fields
from fugue_core.protocol.session import SessionInfo
from fugue_core.protocol.target import WireTarget
from fugue_core.protocol.window import WindowInfo

Order: TypeAlias = Literal["joined", "name", "unread", "recent"]
ORDERS: dict[Order, str] = {"joined": "as joined", "name": "by name", "unread": "by unread", "recent": "by recent"}
"""The orders that there are, each as the title has it. Repositories and worktrees follow their first session."""

RowKey: TypeAlias = UUID | tuple[str, ...]
"""What a line is about: a session's id, or the names of the group that it heads."""


class LastMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a session sent last; `at` is Unix time in seconds."""

    at: float
    msg_type: str
    target: WireTarget


class KnownTag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag that somebody carries, carried, or was written to.

    Fields:
        sessions: How many carry it now.
        used_at: When it was last written to, or last given up, in Unix seconds; None: not seen.
    """

    name: str
    sessions: int = 0
    used_at: float | None = None


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """All that the session list shows.

    Fields:
        sessions: In order of registration.
        last: What each sent last, for those of whom it is known.
        windows: Those of each session that has any, by their numbers.
        unheard: How often a window has rung since it was last looked at, by its id.
        you: The human's own session.
        now: Unix time in seconds; ages count from it.
    """

    sessions: tuple[SessionInfo, ...] = ()
    last: Mapping[UUID, LastMessage] = {}
    windows: Mapping[UUID, tuple[WindowInfo, ...]] = {}
    unheard: Mapping[UUID, int] = {}
    you: UUID | None = None
    now: float = 0.0


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the session list.

    Fields:
        kind: A blank line, a repository's heading, a worktree's, or a session.
        key: The same for the same thing, whatever has become of it.
        label: The repository's name, the branch or the session's name.
        path: Of a worktree.
        sessions: The session, or all those below the heading.
    """

    kind: Literal["blank", "repo", "worktree", "session"]
    key: RowKey = ()
    label: str = ""
    path: str = ""
    sessions: tuple[SessionInfo, ...] = ()
    is_folded: bool = False

    @property
    def session(self) -> SessionInfo | None:
        """The session, where the line is one's."""
        return self.sessions[0] if self.kind == "session" else None

    @property
    def unread(self) -> int:
        """How much is unread, of the session or of all below."""
        return sum(info.unread for info in self.sessions)


def arrange(
    roster: Roster, *, order: Order = "joined", wanted: Filter | None = None, folded: frozenset[RowKey] = frozenset()
) -> list[SessionRow]:
    """Return the lines: by repository, then by worktree. A filter looks into what is folded, too.

    Cost: linear in the sessions, but for the sorting.
    """
    is_filtered = wanted is not None and bool(wanted.terms)
    shown: Iterable[SessionInfo] = roster.sessions
    if wanted is not None and is_filtered:
        shown = [info for info in roster.sessions if wanted.matches(session_fields(info))]
    by_repo: dict[str | None, dict[str | None, list[SessionInfo]]] = {}
    for info in in_order(shown, order, roster.last):
        path = None if info.worktree is None else info.worktree.path
        by_repo.setdefault(info.repo, {}).setdefault(path, []).append(info)
    folds = frozenset[RowKey]() if is_filtered else folded
    rows: list[SessionRow] = []
    for repo, worktrees in by_repo.items():
        key = ("repo", repo or "")
        mine = tuple(info for group in worktrees.values() for info in group)
        label = "no repository" if repo is None else last_part(repo)
        rows.append(SessionRow(kind="repo", key=key, label=label, sessions=mine, is_folded=key in folds))
        if key not in folds:
            for path, group in worktrees.items():
                rows += _worktree_rows(repo, path, group, folds)
    return rows


def _worktree_rows(
    repo: str | None, path: str | None, group: Sequence[SessionInfo], folds: frozenset[RowKey]
) -> list[SessionRow]:
    rows: list[SessionRow] = []
    worktree = group[0].worktree
    if worktree is not None:
        key = ("worktree", repo or "", path or "")
        label, is_folded = worktree.branch or "detached", key in folds
        rows.append(
            SessionRow(
                kind="worktree",
                key=key,
                label=label,
                path=worktree.path,
                sessions=tuple(group),
                is_folded=is_folded,
            )
        )
        if is_folded:
            return rows
    return rows + [SessionRow(kind="session", key=info.id, label=info.name, sessions=(info,)) for info in group]


def with_air(rows: Sequence[SessionRow]) -> list[SessionRow]:
    """Return the lines with a blank one before each repository, and before each of its worktrees but the first."""
    aired: list[SessionRow] = []
    for row, before in zip(rows, (None, *rows), strict=False):
        if row.kind == "repo" or (row.kind == "worktree" and before is not None and before.kind != "repo"):
            aired.append(SessionRow(kind="blank"))
        aired.append(row)
    return aired


def in_order(sessions: Iterable[SessionInfo], order: Order, last: Mapping[UUID, LastMessage]) -> Iterable[SessionInfo]:
    """Return the sessions sorted; those that are equal stay in order of registration."""
    match order:
        case "joined":
            return sessions
        case "name":
            return sorted(sessions, key=lambda info: info.name.casefold())
        case "unread":
            return sorted(sessions, key=lambda info: -info.unread)
        case "recent":
            return sorted(sessions, key=lambda info: -last[info.id].at if info.id in last else 0.0)


def order_after(order: Order) -> Order:
    """Return the order that follows when a person goes through them."""
    orders = list(ORDERS)
    return orders[(orders.index(order) + 1) % len(orders)]


def last_part(path: str) -> str:
    """Return the last part of a path, as a person would call it; all of it where there is none."""
    return path.rstrip("/").rpartition("/")[2] or path


def short_path(path: str, home: str) -> str:
    """Return a path with `~` for the home directory."""
    return f"~{path[len(home) :]}" if home and (path == home or path.startswith(f"{home}/")) else path


def short_count(count: int) -> str:
    """Return a number in at most three characters: `999`, `12k`, `9M`."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if count >= size:
            return f"{min(99, count // size)}{unit}"
    return str(count)
