"""The living sessions: found by id, by name, and by the router. No I/O."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from uuid import UUID

from fugue_core.errors import SessionIdExists, SessionNameExists, SessionNotFound, TooManySessions
from fugue_core.limits import Limits
from fugue_core.mailbox import Mailbox
from fugue_core.protocol.envelope import Participant, Recipient
from fugue_core.protocol.session import SessionId, SessionInfo, parse_session_id
from fugue_core.protocol.target import OrchestrationTarget, Session, SessionNamed, WireTarget
from fugue_core.record import SessionRecord
from fugue_core.router import MessageRouter

NEAR_NAMES, NEAR_CHARS = 300, 3
"""Names that are compared with one that nobody has; and where there are more, by how much their lengths may differ."""


class Member:
    """A session: its record, its mailbox, how many connections speak for it now, and why nobody wakes it.

    Attributes:
        unanswered: The refs of those whom it has written to and who have not written to it since, see `breaker`.
    """

    __slots__ = (
        "_participant",
        "_recipient",
        "attached_clients",
        "has_ended",
        "mailbox",
        "record",
        "unanswered",
        "wake_reason",
    )

    def __init__(self, record: SessionRecord, mailbox: Mailbox) -> None:
        self.record = record
        self.mailbox = mailbox
        self.attached_clients = 0
        self.has_ended = False
        self.wake_reason = ""
        self.unanswered: set[int] = set()
        self._participant: Participant | None = None
        self._recipient: Recipient | None = None

    @property
    def id(self) -> SessionId:
        """The session's id; always the same object, which spares the router a hash."""
        return self.record.id

    def participant(self) -> Participant:
        """Return who this is, for an envelope. Made once, until the name changes."""
        record = self.record
        made = self._participant
        if made is None or made.name is not record.name:
            made = self._participant = Participant(id=record.id, name=record.name)
        return made

    def recipient(self) -> Recipient:
        """Return who this is, for a receipt. Made once, until something about it changes."""
        record = self.record
        made = self._recipient
        is_connected = self.attached_clients > 0
        if made is None or made.is_connected is not is_connected or made.name is not record.name:
            made = self._recipient = Recipient(id=record.id, name=record.name, is_connected=is_connected)
        return made

    def info(self) -> SessionInfo:
        """Return what anybody may know."""
        record = self.record
        return SessionInfo(
            id=record.id,
            name=record.name,
            created_at=int(record.created_at),
            window_count=len(record.windows),
            attached_clients=self.attached_clients,
            worktree=record.worktree,
            tags=record.tags,
            repo=record.repo,
            metadata=record.metadata,
            unread=len(self.mailbox),
            wake=record.wake,
            wake_reason=self.wake_reason,
        )


class Directory:
    """Find sessions, and keep the router's view of them.

    Invariant: `_by_name`, `_by_ref` and the router hold exactly the members of `_members`; each one's tags, repository
    and worktree in the router are those of its record.

    Attributes:
        guarded: The process that each session with one lives for; a new mapping with each change.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._members: dict[UUID, Member] = {}
        self._by_name: dict[str, Member] = {}
        self._by_ref: dict[int, Member] = {}
        self.router = MessageRouter()
        self.guarded: Mapping[SessionId, tuple[int, int | None]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def get(self, session: UUID) -> Member | None:
        """Return the living session with this id, or None."""
        return self._members.get(session)

    def by_ref(self, ref: int) -> Member | None:
        """Return the living session with this number, or None."""
        return self._by_ref.get(ref)

    def named(self, name: str) -> Member | None:
        """Return the living session with this name, or None."""
        return self._by_name.get(name)

    def find(self, session: str) -> Member:
        """Return the session with this id or name. Raises `SessionNotFound` with names that are near."""
        member = self._by_name.get(session)
        if member is None and (session_id := parse_session_id(session)) is not None:
            member = self._members.get(session_id)
        if member is None:
            raise SessionNotFound(session, self._names_near(session))
        return member

    def _names_near(self, name: str) -> list[str]:
        """Return names that may have been meant. Compares a few hundred at most: nobody shall wait for it."""
        alike: Iterable[str] = self._by_name
        if len(self._by_name) > NEAR_NAMES:
            length = len(name)
            alike = (known for known in alike if known[:1] == name[:1] and abs(len(known) - length) <= NEAR_CHARS)
        return difflib.get_close_matches(name, islice(alike, NEAR_NAMES), n=3)

    def check_name(self, name: str) -> None:
        """Raise where a session has this name."""
        if name in self._by_name:
            raise SessionNameExists(name)

    def check_free(self, name: str, session: UUID | None = None) -> None:
        """Raise where a session of this name, or of this id, cannot be added."""
        self.check_name(name)
        if session is not None and session in self._members:
            raise SessionIdExists(str(session))
        if len(self._members) >= self._limits.sessions:
            raise TooManySessions(self._limits.sessions)

    def free_name(self) -> str:
        """Return the first of `session-1`, `session-2`, ... that nobody has."""
        number = len(self._members) + 1
        while f"session-{number}" in self._by_name:
            number += 1
        return f"session-{number}"

    def add(self, record: SessionRecord) -> Member:
        """Take in a session whose name and id are free."""
        member = Member(record, Mailbox(self._limits))
        self._members[record.id] = member
        self._by_name[record.name] = member
        self._by_ref[record.ref] = member
        self._register(record)
        self._guard(record)
        return member

    def replace(self, member: Member, record: SessionRecord) -> None:
        """Let `member` be as `record` says: the same session with another name, tags, place or metadata."""
        before, member.record = member.record, record
        if (record.for_pid, record.pid_started) != (before.for_pid, before.pid_started):
            self._guard(record)
        if record.name != before.name:
            del self._by_name[before.name]
            self._by_name[record.name] = member
        if record.repo != before.repo or record.worktree != before.worktree:
            self._register(record)
            return
        for tag in set(before.tags) - set(record.tags):
            self.router.remove_tag(record.id, tag)
        for tag in set(record.tags) - set(before.tags):
            self.router.add_tag(record.id, tag)

    def remove(self, member: Member) -> None:
        """Let a session be gone."""
        del self._members[member.id]
        del self._by_name[member.record.name]
        del self._by_ref[member.record.ref]
        member.has_ended = True
        if member.id in self.guarded:
            self.guarded = {session: process for session, process in self.guarded.items() if session != member.id}
        self.router.unregister(member.id)

    def resolve(self, sender: Member, target: WireTarget) -> tuple[OrchestrationTarget, list[Member]]:
        """Return the target with names made ids, and who is there, in order of registration.

        Raises:
            NoRecipients, SessionNotFound, NoRepository, InvalidTarget: As `MessageRouter.resolve`.
        """
        resolved = Session(self.find(target.session).id) if isinstance(target, SessionNamed) else target
        ids = self.router.resolve(sender.id, resolved)
        members = self._members
        return resolved, [members[session] for session in ids]

    def _guard(self, record: SessionRecord) -> None:
        if record.for_pid is not None:
            self.guarded = {**self.guarded, record.id: (record.for_pid, record.pid_started)}

    def _register(self, record: SessionRecord) -> None:
        worktree = record.worktree.path if record.worktree else None
        self.router.register(record.id, record.repo, worktree, record.tags)
