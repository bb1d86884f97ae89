"""All that a client may ask, and what it is answered. `REQUESTS` is the whole list. No I/O.

A request's `method` is its name on the wire, its fields are the JSON-RPC `params`, its `answer` is the type of
`result`. Wherever a field names a session, an id or a name will do. Where an optional `session` is absent, the session
that the connection speaks for is meant, and without one the request fails with `NoIdentity`: nothing is ever guessed.

`gc=False` stands where many are made and none can be part of a cycle: it spares the collector the looking.

Any request may also fail with `StoreUnavailable`, `InvalidParams` or `InternalError`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from fugue_core.limits import THROUGH_CHARS
from fugue_core.protocol.breaker import BREAKER_REQUESTS, Breaker
from fugue_core.protocol.envelope import DeliveryCounts, DeliveryInfo, Envelope, Recipient
from fugue_core.protocol.message import PackedMessage
from fugue_core.protocol.request import Count, Request, Seconds, Seq
from fugue_core.protocol.schema import SCHEMA_REQUESTS, SchemaInfo
from fugue_core.protocol.session import SessionInfo, WorktreeInfo
from fugue_core.protocol.target import WireTarget
from fugue_core.protocol.window import WINDOW_REQUESTS, WindowInfo

PROTOCOL_VERSION = 2
"""Version 1 was the one with task types; see docs/migration.md."""


# ---------------------------------------------------------------------------------------------------- the connection


class VersionRange(msgspec.Struct, frozen=True, kw_only=True):
    """The protocol versions that a client speaks, both ends included."""

    min: int
    max: int


class Software(msgspec.Struct, frozen=True, kw_only=True):
    """A program's name and version, for people."""

    name: str
    version: str


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `hello`.

    Fields:
        protocol: The version that both sides speak from here on.
        capabilities: What this daemon can do beyond the contract's core; a client skips what it does not know.
        session: The session that this connection now speaks for.
        line_bytes: The longest line that the daemon reads.
    """

    protocol: int
    server: Software
    capabilities: tuple[str, ...]
    session: SessionInfo | None
    line_bytes: int


class Hello(Request, frozen=True, kw_only=True):
    """Agree on a version and say who speaks. Must be the first request, and comes once.

    Fields:
        session: Bind the connection to this session for good; null: to none (yet, see `session.join`).
        attach: Count the connection in `attached_clients`. A client that is gone in a moment says false.

    Errors:
        ProtocolMismatch: No version in common; the connection is closed.
        SessionNotFound: The connection lives on and `hello` may be tried again.
    """

    method = "hello"
    answer = Welcome
    mutates = False

    protocol: VersionRange
    client: Software
    session: str | None = None
    attach: bool = True


class Pong(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `ping`: the daemon's Unix time in seconds."""

    time: float


class Ping(Request, frozen=True, kw_only=True):
    """See whether the daemon answers."""

    method = "ping"
    answer = Pong
    mutates = False


# ---------------------------------------------------------------------------------------------------------- sessions


class JoinSession(Request, frozen=True, kw_only=True):
    """Make a session and bind this connection to it.

    Fields:
        name: Absent: `session-1`, `session-2`, ...
        repo, worktree: Where it works, found by the client; the daemon looks at no directory.
        resume: Where a session has this name, take it up: its id, mailbox and metadata stay. `tags` are added to
            it, and `repo`, `worktree` and `for_pid` replace its own where they are given.
        for_pid: End the session when this process ends; a process id on the daemon's machine.
        id: Chosen by the caller to make a retry safe.

    Errors:
        InvalidName, InvalidTag, InvalidMetadata, InvalidTarget (a worktree's path), TooManySessions
        SessionNameExists: And `resume` was not asked for.
        SessionIdExists: The id is another session's, or that of one that has ended.
        IdentityBound: The connection speaks for another session.
    """

    method = "session.join"
    answer = SessionInfo

    name: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    repo: str | None = None
    worktree: WorktreeInfo | None = None
    resume: bool = False
    for_pid: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    id: UUID | None = None
    attach: bool = True


class SessionList(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions in order of registration."""

    sessions: tuple[SessionInfo, ...]


class ListSessions(Request, frozen=True, kw_only=True):
    """List the living sessions.

    Fields:
        filter: Words of the filter language (see docs/protocol.md) that have a meaning for a session: `tag:`,
            `from:` and `to:` (its name), `repo:` and free text; absent: all of them.

    Errors:
        InvalidFilter
    """

    method = "session.list"
    answer = SessionList
    mutates = False
    is_bulky = True

    filter: str = ""


class GetSession(Request, frozen=True, kw_only=True):
    """Look at one session.

    Errors:
        SessionNotFound, NoIdentity
    """

    method = "session.get"
    answer = SessionInfo
    mutates = False

    session: str | None = None


class RenameSession(Request, frozen=True, kw_only=True):
    """Give a session another name; its id, tags and mailbox stay.

    Errors:
        SessionNotFound, NoIdentity, InvalidName, SessionNameExists
    """

    method = "session.rename"
    answer = SessionInfo

    name: str
    session: str | None = None


class EndSession(Request, frozen=True, kw_only=True):
    """End a session. Its unacknowledged deliveries become `dead`, its name is free again, its id is not.

    Programs in its windows are ended first, as by `window.kill`.

    Answer:
        The session as it last was; `unread` says how many deliveries died.

    Errors:
        SessionNotFound, NoIdentity
    """

    method = "session.end"
    answer = SessionInfo

    session: str | None = None


class EditTags(Request, frozen=True, kw_only=True):
    """Change a session's tags: all of the edit, or none of it.

    Fields:
        add, remove: Adding what is there and removing what is not are no errors.
        replace: All of the tags from now on; not together with `add` or `remove`.

    Errors:
        SessionNotFound, NoIdentity
        InvalidTag: One breaks the rules, there would be too many, or one is both added and removed.
    """

    method = "session.tag"
    answer = SessionInfo

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: tuple[str, ...] | None = None
    session: str | None = None


class EditMetadata(Request, frozen=True, kw_only=True):
    """Change a session's metadata: all of the edit, or none of it.

    Errors:
        SessionNotFound, NoIdentity
        InvalidMetadata: A key breaks the rules, is both set and removed, or the whole grows over the limit.
    """

    method = "session.metadata"
    answer = SessionInfo

    set: dict[str, Any] = {}
    remove: tuple[str, ...] = ()
    session: str | None = None


# ---------------------------------------------------------------------------------------------------------- messages


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to `message.send`: it is on disk, and these will be handed it.

    Fields:
        recipients: In order of registration; empty only for a broadcast that met nobody.
    """

    id: UUID
    seq: int
    recipients: tuple[Recipient, ...]


class SendMessage(Request, frozen=True, kw_only=True, gc=False):
    """Deliver one message to every session that `target` names at this moment.

    Fields:
        target: Who receives it; resolved once, when the request is carried out.
        packed: On the wire `message`: `{"msg_type": ..., "payload": ...}`; the payload is carried byte for byte.
        id: Chosen by the caller to make a retry safe; the same id delivers once, and answers the first receipt again.
        reply_to: The message that this one answers; not checked.
        ttl_s: Who has not acknowledged it after so many seconds will not be handed it: `expired`.

    Errors:
        NoIdentity, InvalidMessageType, InvalidPayload, InvalidTag, InvalidTarget
        NoRecipients, SessionNotFound, NoRepository: Nothing was stored.
        SchemaViolation, PayloadUncheckable, SchemaLibraryMissing: Its type has a schema. Nothing was stored.
        MailboxFull, MailboxShareFull, PairTooFast: Say who received it and who not, and of each why not; where nobody
            received it nothing was stored. It is the error of the first who did not.
        ChainTooLong: It answers what has been answered too often in a row; nothing was stored.
        MessageIdExists: `id` was used for something else.
    """

    method = "message.send"
    answer = Receipt

    target: WireTarget
    packed: PackedMessage = msgspec.field(name="message")
    id: UUID | None = None
    reply_to: UUID | None = None
    ttl_s: Seconds | None = None


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `message.resolve`, in order of registration."""

    recipients: tuple[Recipient, ...]


class ResolveTarget(Request, frozen=True, kw_only=True):
    """Say who would receive a message sent now, and send nothing. The same code as `message.send`.

    Fields:
        sender: Resolve as if this session sent it; absent: the connection's own.

    Errors:
        NoIdentity, NoRecipients, SessionNotFound, NoRepository, InvalidTag, InvalidTarget
    """

    method = "message.resolve"
    answer = Resolved
    mutates = False

    target: WireTarget
    sender: str | None = None


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `message.receive`.

    Fields:
        envelopes: In seq order.
        remaining: Unacknowledged deliveries after the last of these.
    """

    envelopes: tuple[Envelope, ...]
    remaining: int


class ReceiveMessages(Request, frozen=True, kw_only=True):
    """Give unacknowledged deliveries of the connection's session, oldest first.

    They are `handed` as soon as the whole answer has been taken by the reader's socket, and stay in the mailbox until
    `message.ack`; a new connection is given them again, and so is whoever receives next when they were not acknowledged
    for `Limits.reoffer_s`.

    Fields:
        after: Begin after this seq; absent: after what this connection was given before. What is offered again comes
            first, wherever this begins.
        wait_s: Where there is nothing, answer as soon as something comes, or empty after so many seconds; or when this
            connection asks for the same again.
        peek: Only look: nothing is marked `handed`, and the place of this connection stays.
        reply_to: Only what answers this message, wherever this connection's place is, which stays. Who asks something
            waits for the answer so, and leaves all other mail as it is.
        fresh: Only what was handed to nobody yet, or is offered again, and is not on its way to another reader; the
            place of this connection stays.

    Errors:
        NoIdentity, TooManyWaiting
    """

    method = "message.receive"
    answer = Received
    is_bulky = True

    after: Seq | None = None
    limit: Count = 100
    wait_s: Seconds = 0.0
    peek: bool = False
    reply_to: UUID | None = None
    fresh: bool = False


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `message.hand`.

    Fields:
        handed: How many deliveries are marked; one that is acknowledged already is not.
        unknown: Ids that were never delivered to this session, or that retention has removed.
    """

    handed: int
    unknown: tuple[UUID, ...] = ()


class HandMessages(Request, frozen=True, kw_only=True):
    """Say that messages, looked at with `peek`, have been written to whoever reads for the session.

    So `handed` means what it says also where the daemon cannot see the reader: whoever passes mail on looks, writes,
    and says so once it is written.

    Fields:
        through: What they were written through, for people; absent: the client's name at `hello`.

    Errors:
        NoIdentity
    """

    method = "message.hand"
    answer = Handed

    ids: tuple[UUID, ...]
    through: Annotated[str, msgspec.Meta(max_length=THROUGH_CHARS)] | None = None


class Acked(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `message.ack`.

    Fields:
        acked: How many deliveries ended by this request; one acknowledged before is not counted again.
        unknown: Ids that were never delivered to this session, or that retention has removed.
    """

    acked: int
    unknown: tuple[UUID, ...] = ()


class AckMessages(Request, frozen=True, kw_only=True):
    """Say that messages have been dealt with, so that they are not handed out again.

    Fields:
        ids: These.
        up_to: And all up to this seq, itself included.

    Errors:
        NoIdentity
    """

    method = "message.ack"
    answer = Acked

    ids: tuple[UUID, ...] = ()
    up_to: Seq | None = None


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the log."""

    envelope: Envelope
    deliveries: DeliveryCounts


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `message.list`.

    Fields:
        entries: In the order asked for.
        next: Ask with `before` (newest first) or `after` (oldest first) equal to this for the next page; null: no more.
    """

    entries: tuple[LogEntry, ...]
    next: int | None


class ListMessages(Request, frozen=True, kw_only=True):
    """Look through the history of all messages.

    Fields:
        filter: Words of the filter language, see docs/protocol.md.
        before, after: Only messages with a seq below, above.
        order: `newest` or `oldest` first.
        also: A second filter that must be passed as well. Words of one key in both are no alternatives.

    Errors:
        InvalidFilter
    """

    method = "message.list"
    answer = LogPage
    mutates = False

    filter: str = ""
    before: Seq | None = None
    after: Seq | None = None
    limit: Count = 100
    order: Literal["newest", "oldest"] = "newest"
    also: str = ""


class MessageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `message.get`. `deliveries` are in order of registration of the recipients."""

    envelope: Envelope
    deliveries: tuple[DeliveryInfo, ...]


class GetMessage(Request, frozen=True, kw_only=True):
    """Show one message with every recipient's state and times.

    Errors:
        MessageNotFound
    """

    method = "message.get"
    answer = MessageRecord
    mutates = False

    id: UUID


# ------------------------------------------------------------------------------------------------ events, the daemon


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that a subscriber needs to begin, as of event `number`.

    Fields:
        epoch: Names this run of the daemon; numbers of different epochs have nothing to do with each other.
        number: The last event that the snapshot contains; the next to come is `number + 1`.
        sessions: In order of registration.
        last_seq: The newest message; older ones by `message.list`.
        windows: By session, then by number.
        schemas: By type, then by repository.
        breakers: In the order in which they tripped.
    """

    epoch: str
    number: int
    sessions: tuple[SessionInfo, ...]
    last_seq: int
    windows: tuple[WindowInfo, ...] = ()
    schemas: tuple[SchemaInfo, ...] = ()
    breakers: tuple[Breaker, ...] = ()


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """The last event that a subscriber has seen."""

    epoch: str
    number: int


class Subscribed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `events.subscribe`. `snapshot` is null where the events after `since` follow without a gap."""

    snapshot: Snapshot | None


class SubscribeEvents(Request, frozen=True, kw_only=True):
    """Be told of everything from here on; see `protocol.events`. Subscribing twice starts anew.

    Fields:
        since: Go on after this event where the daemon still has what followed; else a snapshot comes.
    """

    method = "events.subscribe"
    answer = Subscribed
    mutates = False
    is_bulky = True

    since: Since | None = None


class StoreStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The health of the disk. `error` is null while all is well."""

    path: str
    size_bytes: int
    synchronous: str
    error: str | None = None


class DaemonStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `daemon.status`.

    Fields:
        started_at: Unix seconds.
        messages: Stored now. last_seq: Sent ever.
        unacked: Deliveries in all mailboxes.
        memory_bytes: The daemon's resident memory.
        windows: Programs that run, or have exited and are kept.
        keeper_pid: The process that holds them; null where there is none.
    """

    version: str
    protocol: int
    pid: int
    socket: str
    started_at: float
    uptime_s: float
    sessions: int
    connections: int
    subscribers: int
    messages: int
    last_seq: int
    unacked: int
    memory_bytes: int
    store: StoreStatus
    windows: int = 0
    keeper_pid: int | None = None


class GetStatus(Request, frozen=True, kw_only=True):
    """Ask how the daemon is."""

    method = "daemon.status"
    answer = DaemonStatus
    mutates = False


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `daemon.stop`: the process that is ending. It has answered all that came before."""

    pid: int


class StopDaemon(Request, frozen=True, kw_only=True):
    """End the daemon. Sessions, tags and mail are on disk and will be there again.

    Fields:
        end_programs: Programs in windows end as well, and their sessions with them; else they go on, and the next
            daemon takes them up.
    """

    method = "daemon.stop"
    answer = Stopping
    mutates = False

    end_programs: bool = False


REQUESTS: tuple[type[Request], ...] = (
    Hello,
    Ping,
    JoinSession,
    ListSessions,
    GetSession,
    RenameSession,
    EndSession,
    EditTags,
    EditMetadata,
    SendMessage,
    ResolveTarget,
    ReceiveMessages,
    HandMessages,
    AckMessages,
    ListMessages,
    GetMessage,
    SubscribeEvents,
    GetStatus,
    StopDaemon,
    *BREAKER_REQUESTS,
    *WINDOW_REQUESTS,
    *SCHEMA_REQUESTS,
)
