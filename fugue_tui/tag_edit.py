"""Changes of tags as plain values: what is wanted, what has been done, and how it is taken back. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Sequence
from uuid import UUID

import msgspec

from fugue_core.protocol.session import SessionInfo

UNDOABLE = 200
"""Changes that can be taken back; older ones are forgotten."""


class TagEdit(msgspec.Struct, frozen=True, kw_only=True):
    """A change of tags, for each of these sessions.

    Only such sessions stand in it as really change, so that what takes it back is exact.
    """

    sessions: tuple[UUID, ...]
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    is_undo: bool = False

    def undone(self) -> TagEdit:
        """Return the edit that takes this one back."""
        return TagEdit(sessions=self.sessions, add=self.remove, remove=self.add, is_undo=not self.is_undo)


class DoneEdit(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that the daemon has confirmed, in Unix seconds."""

    edit: TagEdit
    at: float


class TagHistory:
    """The confirmed changes of one run of the app, so that they can be taken back, the last one first."""

    def __init__(self) -> None:
        self._done: list[DoneEdit] = []

    @property
    def last(self) -> DoneEdit | None:
        """The last change that has not been taken back."""
        return self._done[-1] if self._done else None

    def confirm(self, edit: TagEdit, sessions: Collection[UUID], at: float) -> None:
        """Take in that an edit has been made for some of its sessions, perhaps for none."""
        if not sessions:
            return
        made = msgspec.structs.replace(
            edit, sessions=tuple(session for session in edit.sessions if session in sessions)
        )
        if not edit.is_undo:
            self._done.append(DoneEdit(edit=made, at=at))
            del self._done[:-UNDOABLE]
            return
        for place in range(len(self._done) - 1, -1, -1):
            done = self._done[place]
            if (done.edit.add, done.edit.remove) == (edit.remove, edit.add) and set(sessions) & set(done.edit.sessions):
                left = tuple(session for session in done.edit.sessions if session not in sessions)
                rest = msgspec.structs.replace(done.edit, sessions=left)
                self._done[place : place + 1] = [DoneEdit(edit=rest, at=done.at)] if left else []
                return

    def next_undo(self, living: Container[UUID], waiting: Iterable[TagEdit]) -> TagEdit | None:
        """Return what takes the last change back that is not being taken back already.

        Sessions that have ended are left out, and changes of nothing but such are forgotten.
        """
        under_way = list(waiting)
        for place in range(len(self._done) - 1, -1, -1):
            edit = self._done[place].edit
            here = tuple(session for session in edit.sessions if session in living)
            if not here:
                del self._done[place]
                continue
            undo = msgspec.structs.replace(edit, sessions=here).undone()
            if undo not in under_way:
                return undo
            under_way.remove(undo)
        return None


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """A tag as the editor shows it.

    Fields:
        count: How many of the sessions have it, or will have it.
        is_waiting: A change of it is under way.
        is_leaving: And that change takes it away.
    """

    tag: str
    count: int
    is_waiting: bool = False
    is_leaving: bool = False


def chips_of(sessions: Sequence[SessionInfo], waiting: Iterable[TagEdit]) -> list[Chip]:
    """Return the tags that these sessions have, or are about to have: first what all have, then the others.

    Cost: linear in the tags of all sessions.
    """
    edits = list(waiting)
    now: Counter[str] = Counter(tag for session in sessions for tag in session.tags)
    later: Counter[str] = Counter()
    moving: set[str] = set()
    for session in sessions:
        after = tags_after(session, edits)
        later.update(after)
        moving.update(after ^ frozenset(session.tags) if edits else ())
    coming = (tag for edit in edits for tag in edit.add if later[tag])
    chips = [
        Chip(
            tag=tag,
            count=max(now[tag], later[tag]),
            is_waiting=tag in moving,
            is_leaving=later[tag] < now[tag],
        )
        for tag in dict.fromkeys((*now, *coming))
    ]
    return sorted(chips, key=lambda chip: chip.count < len(sessions))


def tags_after(session: SessionInfo, edits: Iterable[TagEdit]) -> frozenset[str]:
    """Return the tags that a session will have once these edits have been made, one after the other."""
    tags = frozenset(session.tags)
    for edit in edits:
        if session.id in edit.sessions:
            tags = (tags - frozenset(edit.remove)) | frozenset(edit.add)
    return tags


def has_arrived(edit: TagEdit, sessions: Iterable[SessionInfo]) -> bool:
    """Say whether the sessions are as this edit would have them."""
    return all(
        set(edit.add) <= set(session.tags) and not set(edit.remove) & set(session.tags)
        for session in sessions
        if session.id in edit.sessions
    )
