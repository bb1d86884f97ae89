"""What is kept between two runs of the daemon, and the port through which the hub keeps it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from fugue_core.errors import DeliveryRefused, MailboxFull, MailboxShareFull, PairTooFast
from fugue_core.protocol.envelope import DeliveryState, Envelope
from fugue_core.protocol.message import MessageId
from fugue_core.protocol.schema import SchemaInfo
from fugue_core.protocol.session import SessionId, Wake, WorktreeInfo
from fugue_core.protocol.window import ProgramExit


class WindowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A window as it is stored. What only its program knows (title, screen) is not.

    Fields:
        id: Never changes while the window is there.
        number: Its place in the session.
        run: Counts the programs that were started in it.
        keep: Whether it stays when its program exits.
        exited: How the program ended; None while it runs.
    """

    id: UUID
    number: int
    run: int = 0
    name: str
    command: tuple[str, ...]
    directory: str
    created_at: float
    keep: bool = False
    exited: ProgramExit | None = None

    @property
    def key(self) -> str:
        """What the keeper knows this run of it by."""
        return f"{self.id}.{self.run}"


class NoticeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that mail waits, typed for a session's program; it is on disk before it is typed.

    Fields:
        at: Unix seconds.
        seq: The newest message that it told of.
        key: The run of the program that it was typed for, see `WindowRecord.key`.
        times: How often it was typed.
    """

    at: float
    seq: int
    key: str
    times: int = 1


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is stored; each change makes a new one.

    Fields:
        ref: Its number, growing in order of registration and never used again; what deliveries are stored under.
        tags: In alphabetical order.
        windows: By number.
        for_pid, pid_started: The process it lives for, and when that began (in the kernel's own ticks), since process
            ids are used again.
        wake: Whether a notice is typed for its program when mail waits.
        notice: The last that was; None since waking was last turned on or off.
    """

    ref: int
    id: SessionId
    name: str
    created_at: float
    repo: str | None = None
    worktree: WorktreeInfo | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    for_pid: int | None = None
    pid_started: int | None = None
    windows: tuple[WindowRecord, ...] = ()
    wake: Wake = "off"
    notice: NoticeRecord | None = None


class SchemaRecord(NamedTuple):
    """A schema as it is stored: what `SchemaInfo` tells of it, and `schema` as JSON."""

    msg_type: str
    repo: str | None
    schema: bytes
    set_at: float
    set_by: str

    def info(self) -> SchemaInfo:
        """Return what is told of it."""
        return SchemaInfo(
            msg_type=self.msg_type,
            repo=self.repo,
            size_bytes=len(self.schema),
            set_at=self.set_at,
            set_by=self.set_by,
        )


class OpenDelivery(NamedTuple):
    """A delivery that was not acknowledged when the store was loaded."""

    ref: int
    seq: int
    size_bytes: int
    expires_at: float | None
    reply_to: UUID | None = None
    handed_at: float | None = None
    sender_ref: int = 0


class StoredState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a hub needs to go on where another stopped.

    Fields:
        sessions: The living ones, in order of `ref`.
        deliveries: The open ones, in order of `seq`.
        last_ref, last_seq: The highest ever given; 0 where there was none.
        schemas: All that there are.
        last_id: The greatest message id that is kept, as numbers are compared; all zeros where there is none.
        allowed_hops: How many replies each chain may have that was released, in the order in which they were.
    """

    sessions: list[SessionRecord]
    deliveries: list[OpenDelivery]
    last_ref: int
    last_seq: int
    last_id: MessageId = MessageId(UUID(int=0))
    schemas: tuple[SchemaRecord, ...] = ()
    allowed_hops: dict[UUID, int] = {}


class Link(NamedTuple):
    """Where in a chain of replies a message stands: its first message, None for that one itself; and how far down."""

    chain: UUID | None
    hops: int


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message found again under its id.

    Fields:
        target: Its text form when it was sent; a session by the name that it had then.
        recipients, refused: In order of registration; and why each of these refused.
    """

    envelope: Envelope
    target: str
    recipients: list[tuple[SessionId, str]]
    refused: list[tuple[SessionId, str, str]]


class Change(NamedTuple):
    """The new state of deliveries to one session: of these messages, each once.

    `through` says, where they were handed, through what.
    """

    state: DeliveryState
    at: float
    reason: str | None
    seqs: Sequence[int]
    ref: int
    through: str = ""


SESSION_ENDED = "session ended"
"""What a delivery is `dead` of whose recipient has ended."""
REFUSALS: dict[str, type[DeliveryRefused]] = {
    kind.reason: kind for kind in (MailboxFull, MailboxShareFull, PairTooFast)
}
"""What a delivery is `dead` of that was refused, and the error that says so."""


class Store(Protocol):
    """Where the hub keeps what it may not forget. What was told it is on disk once `commit` has returned.

    What is asked sees what was told, committed or not. Any method may raise `StoreUnavailable`.
    """

    def load(self) -> StoredState:
        """Return what was committed, to begin with or to begin again."""

    def commit(self) -> None:
        """Put on disk everything that was told since the last commit."""

    def rollback(self) -> None:
        """Forget everything that was told since the last commit."""

    def save_session(self, record: SessionRecord) -> None:
        """Keep a session, or what has changed about it."""

    def end_session(self, ref: int, ended_at: float) -> None:
        """Note that a session has ended."""

    def save_schema(self, record: SchemaRecord) -> None:
        """Keep a schema, in the place of another of the same type and repository."""

    def remove_schema(self, msg_type: str, repo: str | None) -> None:
        """Forget a schema."""

    def is_session_known(self, session: SessionId) -> bool:
        """Say whether a session, living or ended, has this id."""

    def add_message(
        self,
        envelope: Envelope,
        sender_ref: int,
        recipient_refs: Sequence[int],
        refused: Sequence[tuple[int, str]] = (),
    ) -> None:
        """Keep a message, with a queued delivery for each recipient and a dead one for each that refused, and why."""

    def change(self, changes: Iterable[Change]) -> None:
        """Keep new states of deliveries."""

    def known_messages(self, messages: Sequence[MessageId]) -> set[MessageId]:
        """Return those of these ids under which a message is kept. Cheaper in one call than one by one."""

    def find_message(self, message: MessageId) -> SentMessage | None:
        """Return the message with this id and who it went to."""

    def link_of(self, message: MessageId) -> Link | None:
        """Return where in a chain of replies the message with this id stands."""

    def allow_hops(self, chain: UUID, hops: int | None) -> None:
        """Keep how many replies a chain may have, or no longer."""

    def seqs_of(self, messages: Sequence[MessageId], ref: int) -> dict[MessageId, int]:
        """Return the seqs of those messages that were delivered to the session with number `ref`."""

    def envelopes(self, seqs: Sequence[int]) -> dict[int, Envelope]:
        """Return the messages with these seqs."""
