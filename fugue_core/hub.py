"""What each request does: the one object that changes state. No I/O of its own; clock, ids and store are given to it.

The hub works on memory and tells the store what changed. Whoever drives it commits at the end of a turn, and only then
hands out the answers and `take_events()`. Where the commit fails, `reload()` makes memory what the disk says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from fugue_core.breaker import Breakers
from fugue_core.directory import Directory, Member
from fugue_core.errors import (
    IdentityBound,
    InvalidMetadata,
    InvalidParams,
    InvalidTag,
    NoIdentity,
    SessionIdExists,
    SessionNotFound,
    WindowNotFound,
)
from fugue_core.filter import parse_filter, session_fields
from fugue_core.limits import Limits
from fugue_core.post import Post
from fugue_core.protocol.breaker import Breaker, BreakerList, ListBreakers, ReleaseBreaker
from fugue_core.protocol.events import Event, SessionChanged, SessionEnded, SessionJoined
from fugue_core.protocol.message import MessageId, check_msg_type
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    Acked,
    AckMessages,
    EditMetadata,
    EditTags,
    EndSession,
    GetSession,
    Handed,
    HandMessages,
    JoinSession,
    ListSessions,
    Receipt,
    Received,
    ReceiveMessages,
    RenameSession,
    Resolved,
    ResolveTarget,
    SendMessage,
    SessionList,
    Snapshot,
)
from fugue_core.protocol.schema import (
    Checked,
    CheckMessage,
    GetSchema,
    KeptSchema,
    ListSchemas,
    RemoveSchema,
    SchemaChanged,
    SchemaInfo,
    SchemaList,
    SchemaRemoved,
    SetSchema,
)
from fugue_core.protocol.session import (
    SessionId,
    SessionInfo,
    Wake,
    WorktreeInfo,
    check_metadata,
    check_session_name,
    check_tag,
    check_tags,
)
from fugue_core.protocol.target import normalise_path
from fugue_core.protocol.window import CreateSession
from fugue_core.record import NoticeRecord, SchemaRecord, SessionRecord, Store, WindowRecord
from fugue_core.schema import Reader, SchemaBook


class Caller:
    """One connection, as far as the hub knows it.

    Attributes:
        client: The name that it gave itself.
        member: The session that it speaks for; bound once.
        is_attached: Whether it counts in the session's `attached_clients`.
        cursor: The seq up to which it was given its session's mail.
    """

    __slots__ = ("client", "cursor", "is_attached", "member")

    def __init__(self) -> None:
        self.client = ""
        self.member: Member | None = None
        self.is_attached = False
        self.cursor = 0


class Parcel(NamedTuple):
    """Messages on their way to a reader of a session, through the client of that name."""

    session: SessionId
    seqs: tuple[int, ...]
    through: str

    @classmethod
    def of(cls, caller: Caller, request: Request | None, answer: object) -> Parcel | None:
        """Return what an answer of `Hub.receive` carries; None where it carries nothing, or was only a look."""
        if not isinstance(request, ReceiveMessages) or not isinstance(answer, Received) or caller.member is None:
            return None
        if request.peek or not answer.envelopes:
            return None
        return cls(caller.member.id, tuple([envelope.seq for envelope in answer.envelopes]), caller.client)


class Sleeper(NamedTuple):
    """A session whose program is to be told of mail that waits.

    Fields:
        unhanded: The seqs of what nobody was ever handed, in order.
    """

    record: SessionRecord
    unhanded: list[int]


class Hub:
    """Carry out requests.

    Invariant: after `commit` of the store has returned, a hub that loads from it is in the same state as this one,
    connections apart.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # what a pure object needs is given to it
        self,
        store: Store,
        limits: Limits,
        clock: Callable[[], float],
        new_id: Callable[[], UUID],
        process_start: Callable[[int], int | None],
        read_schema: Reader,
    ) -> None:
        """Load what is stored.

        Args:
            store: Where to keep everything.
            limits: What to hold at most.
            clock: Unix time in seconds.
            new_id: Makes ids for messages and sessions; growing ones (UUID version 7) keep the store's index compact.
            process_start: When a process began, in any unit that tells two processes of one id apart; None: no such.
            read_schema: What holds payloads against schemas.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        self._store = store
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._process_start = process_start
        self._read_schema = read_schema
        self._events: list[Event] = []
        self._touched: dict[Member, None] = {}
        self._callers: set[Caller] = set()
        self._cursors: dict[Caller, int] = {}
        self._breakers = Breakers(store, limits, clock)
        self._handlers: dict[type[Request], Callable[[Caller, Any], msgspec.Struct]] = {
            SendMessage: self._send,
            ReceiveMessages: self.receive,
            HandMessages: self._hand,
            AckMessages: self._ack,
            ResolveTarget: self._resolve,
            JoinSession: self._join,
            ListSessions: self._list,
            GetSession: self._get,
            RenameSession: self._rename,
            EndSession: self._end,
            EditTags: self._edit_tags,
            EditMetadata: self._edit_metadata,
            CheckMessage: self._check,
            SetSchema: self._set_schema,
            GetSchema: self._get_schema,
            ListSchemas: self._list_schemas,
            RemoveSchema: self._remove_schema,
            ListBreakers: self._list_breakers,
            ReleaseBreaker: self._release_breaker,
        }
        self._load()

    # ------------------------------------------------------------------------------------------ for whoever drives it

    def handle(self, caller: Caller, request: Request) -> msgspec.Struct:
        """Carry out one request; return its answer. Raises a `FugueError`, and then nothing was changed.

        (But for a `DeliveryRefused`, which says what was.)
        """
        return self._handlers[type(request)](caller, request)

    def foresee(self, requests: Iterable[Request]) -> None:
        """Look up in one go what the requests of this turn, all of them, will need. It only makes them cheaper."""
        ids = [MessageId(request.id) for request in requests if type(request) is SendMessage and request.id is not None]
        self._post.foresee(ids)

    def can_handle(self, request: Request) -> bool:
        """Say whether the request is the hub's; the others are the daemon's own."""
        return type(request) in self._handlers

    def bind(self, caller: Caller, session: str | None, *, attach: bool) -> SessionInfo | None:
        """Let a connection speak for a session from now on. Raises `SessionNotFound`, `IdentityBound`."""
        member = None if session is None else self._directory.find(session)
        self._callers.add(caller)
        if member is not None:
            self._attach(caller, member, attach=attach)
        return None if member is None else member.info()

    def leave(self, caller: Caller) -> None:
        """Forget a connection that has ended."""
        self._callers.discard(caller)
        self._cursors.pop(caller, None)
        if caller.is_attached and caller.member is not None:
            caller.member.attached_clients -= 1
            self._touch(caller.member)

    def settle(self, parcel: Parcel, *, is_written: bool) -> None:
        """Note what has become of messages that `receive` has given: they are handed, or else to be given again."""
        member = self._directory.get(parcel.session)
        if member is not None:
            self._post.settle(member, parcel.seqs, parcel.through if is_written else None)

    def take_arrivals(self) -> list[Member]:
        """Return the sessions that have new mail, or have ended, since the last call."""
        arrived = list(self._post.arrived)
        self._post.arrived.clear()
        return arrived

    def take_events(self) -> list[Event]:
        """Return what has happened since the last call, in order. Call it when the turn has been committed.

        A session that changed is told once, as it is now, at the end.
        """
        changed = [SessionChanged(session=member.info()) for member in self._touched if not member.has_ended]
        events = [*self._events, *changed, *self._breakers.take_news()]
        self._events.clear()
        self._touched.clear()
        self._cursors.clear()
        self._post.forget()
        return events

    def tick(self) -> None:
        """End what has expired, offer again what nobody acknowledges, and tell again of what goes on being refused."""
        self._post.expire()
        self._post.offer_again()
        self._breakers.tick()

    def reload(self) -> None:
        """Make memory what the disk says, after a commit has failed. Connections stay bound; what happened has not."""
        self._load()
        for caller, cursor in self._cursors.items():
            caller.cursor = cursor
        for caller in self._callers:
            if caller.member is None:
                continue
            member = self._directory.get(caller.member.id)
            if member is None and not caller.member.has_ended:
                caller.member = None  # it joined in the turn that failed
                caller.is_attached = False
            elif member is not None:
                caller.member = member
                member.attached_clients += caller.is_attached
        touched = (self._directory.get(member.id) for member in self._touched)
        self._touched = {member: None for member in touched if member is not None}
        self._events.clear()
        self._cursors.clear()

    def snapshot(self, epoch: str, number: int) -> Snapshot:
        """Return everything as it is now."""
        sessions = tuple([member.info() for member in self._directory])
        return Snapshot(
            epoch=epoch,
            number=number,
            sessions=sessions,
            last_seq=self.last_seq,
            schemas=self._schemas.infos(),
            breakers=self._breakers.tripped(),
        )

    def guarded_processes(self) -> Mapping[SessionId, tuple[int, int | None]]:
        """Return the process (id and start) that each session with one lives for; the same object until it changes."""
        return self._directory.guarded

    def end(self, session: SessionId) -> SessionInfo | None:
        """End a session whose process has ended; return it as it last was, or None where it has ended already."""
        member = self._directory.get(session)
        if member is None:
            return None
        info = member.info()
        self._end_member(member)
        return info

    @property
    def last_seq(self) -> int:
        """The newest message's seq; 0 where there was never any."""
        return self._post.last_seq

    @property
    def session_count(self) -> int:
        """How many sessions live."""
        return len(self._directory)

    @property
    def unacked_count(self) -> int:
        """How many deliveries wait in all mailboxes. Cost: the number of sessions."""
        return sum(len(member.mailbox) for member in self._directory)

    # ------------------------------------------------------------------------------------------------------ sessions

    def _join(self, caller: Caller, request: JoinSession) -> SessionInfo:
        if caller.member is not None and (request.id is None or caller.member.id != request.id):
            raise IdentityBound(caller.member.record.name)
        name = self._directory.free_name() if request.name is None else check_session_name(request.name)
        there = self._directory.named(name)
        begun = None if request.id is None else self._directory.get(request.id)
        if begun is not None and (request.name is None or begun is there):
            member = begun  # a retry of what was done before
        elif there is not None and request.resume:
            member = self._resume(there, request)
        else:
            member = self._begin(name, request, request.id, for_pid=request.for_pid)
        if caller.member is None:
            self._callers.add(caller)
            self._attach(caller, member, attach=request.attach)
        return member.info()

    def create(self, request: CreateSession, session: SessionId, window: WindowRecord) -> SessionInfo:
        """Make a session with a window. Raises where `session.create` says so, and then nothing was changed."""
        name = self._directory.free_name() if request.name is None else check_session_name(request.name)
        return self._begin(name, request, session, windows=(window,), wake=request.wake).info()

    def check_new(self, request: CreateSession) -> SessionInfo | None:
        """Raise where `create` would; return the session where the request is a retry of what was done before."""
        begun = None if request.id is None else self._directory.get(request.id)
        if begun is not None and request.name in {None, begun.record.name}:
            return begun.info()
        if request.name is not None:
            self._directory.check_free(check_session_name(request.name), request.id)
        check_tags(request.tags)
        check_metadata(request.metadata, self._limits.metadata_bytes)
        _normalised(request.worktree)
        return None

    def add_window(self, session: SessionId, window: WindowRecord) -> WindowRecord:
        """Give a session another window; return it, with another number where its own was taken meanwhile.

        Raises `SessionNotFound`.
        """
        member = self._directory.find(str(session))
        windows = member.record.windows
        if any(other.number == window.number for other in windows):
            window = msgspec.structs.replace(window, number=free_number(member.record))
        self._set_windows(member, [*windows, window])
        return window

    def replace_window(self, session: SessionId, window: WindowRecord) -> None:
        """Let a window be as `window` says. Raises `SessionNotFound`, `WindowNotFound`."""
        member = self._directory.find(str(session))
        others = [other for other in member.record.windows if other.id != window.id]
        if len(others) == len(member.record.windows):
            raise WindowNotFound(member.record.name, window.number)
        self._set_windows(member, [*others, window])

    def remove_window(self, session: SessionId, window: WindowRecord, *, ends_session: bool = True) -> None:
        """Take a window off its session, if it is there; a session without any has ended, unless that is not wanted."""
        member = self._directory.get(session)
        if member is None:
            return
        left = [other for other in member.record.windows if other.id != window.id]
        if len(left) == len(member.record.windows):
            return
        if left or not ends_session:
            self._set_windows(member, left)
        else:
            self._end_member(member)

    def set_wake(self, session: SessionId, wake: Wake) -> None:
        """Let mail that waits be told of to a session's program, or not. Raises `SessionNotFound`."""
        member = self._directory.find(str(session))
        member.wake_reason = ""
        self._change(member, msgspec.structs.replace(member.record, wake=wake, notice=None))

    def sleepers(self) -> list[Sleeper]:
        """Return the sessions that are to be woken, in order of registration. Cost: the number of sessions."""
        return [_sleeper(member) for member in self._directory if member.record.wake != "off"]

    def sleeper(self, session: SessionId) -> Sleeper | None:
        """Return a session that is to be woken; None where it has ended, or is not to be."""
        member = self._directory.get(session)
        return None if member is None or member.record.wake == "off" else _sleeper(member)

    def note_notice(self, session: SessionId, notice: NoticeRecord | None) -> bool:
        """Keep what was typed for a session's program; False where it has ended, or is not to be woken any more."""
        member = self._directory.get(session)
        if member is None or member.record.wake == "off":
            return False
        self._change(member, msgspec.structs.replace(member.record, notice=notice))
        return True

    def note_wake_reason(self, session: SessionId, reason: str) -> None:
        """Keep why a session is not woken now, until the daemon ends."""
        member = self._directory.get(session)
        if member is not None and member.wake_reason != reason:
            member.wake_reason = reason
            self._touch(member)

    def _set_windows(self, member: Member, windows: list[WindowRecord]) -> None:
        by_number = tuple(sorted(windows, key=lambda window: window.number))
        self._change(member, msgspec.structs.replace(member.record, windows=by_number))

    def find(self, caller: Caller, request: Request, session: str | None) -> SessionRecord:
        """Return the session that a request names, or else the caller's own. Raises `SessionNotFound`, `NoIdentity`."""
        return self._named(caller, request, session).record

    def info_of(self, session: SessionId) -> SessionInfo:
        """Return what anybody may know of a session. Raises `SessionNotFound`."""
        return self._directory.find(str(session)).info()

    def record_of(self, session: SessionId) -> SessionRecord | None:
        """Return a living session's record, or None."""
        member = self._directory.get(session)
        return None if member is None else member.record

    def records(self) -> list[SessionRecord]:
        """Return the living sessions, in order of registration."""
        return [member.record for member in self._directory]

    def _begin(  # noqa: PLR0913  # what only some sessions have
        self,
        name: str,
        request: JoinSession | CreateSession,
        session: UUID | None,
        *,
        for_pid: int | None = None,
        windows: tuple[WindowRecord, ...] = (),
        wake: Wake = "off",
    ) -> Member:
        self._directory.check_free(name, session)
        tags = check_tags(request.tags)
        metadata = check_metadata(request.metadata, self._limits.metadata_bytes)
        worktree = _normalised(request.worktree)
        started = self._started(for_pid)
        if request.id is not None and self._store.is_session_known(SessionId(request.id)):
            raise SessionIdExists(str(request.id))
        self._last_ref += 1
        record = SessionRecord(
            ref=self._last_ref,
            id=SessionId(session or self._new_id()),
            name=name,
            created_at=self._clock(),
            repo=request.repo,
            worktree=worktree,
            tags=tuple(sorted(tags)),
            metadata=metadata,
            for_pid=for_pid,
            pid_started=started,
            windows=windows,
            wake=wake,
        )
        self._store.save_session(record)
        member = self._directory.add(record)
        self._events.append(SessionJoined(session=member.info()))
        return member

    def _resume(self, member: Member, request: JoinSession) -> Member:
        record = member.record
        resumed = msgspec.structs.replace(
            record,
            tags=tuple(sorted(check_tags({*record.tags, *map(check_tag, request.tags)}))),
            metadata=check_metadata({**record.metadata, **request.metadata}, self._limits.metadata_bytes),
            repo=request.repo if request.repo is not None else record.repo,
            worktree=_normalised(request.worktree) or record.worktree,
            for_pid=request.for_pid or record.for_pid,
            pid_started=self._started(request.for_pid) if request.for_pid else record.pid_started,
        )
        self._change(member, resumed)
        return member

    def _list(self, _caller: Caller, request: ListSessions) -> SessionList:
        wanted = parse_filter(request.filter)
        infos = [member.info() for member in self._directory]
        if wanted.terms:
            infos = [info for info in infos if wanted.matches(session_fields(info))]
        return SessionList(sessions=tuple(infos))

    def _get(self, caller: Caller, request: GetSession) -> SessionInfo:
        return self._named(caller, request, request.session).info()

    def _rename(self, caller: Caller, request: RenameSession) -> SessionInfo:
        member = self._named(caller, request, request.session)
        if self._directory.named(check_session_name(request.name)) is not member:
            self._directory.check_name(request.name)
            self._change(member, msgspec.structs.replace(member.record, name=request.name))
        return member.info()

    def _end(self, caller: Caller, request: EndSession) -> SessionInfo:
        member = self._named(caller, request, request.session)
        info = member.info()
        self._end_member(member)
        return info

    def _end_member(self, member: Member) -> None:
        now = self._clock()
        self._post.bury(member)
        self._breakers.forget(member)
        self._store.end_session(member.record.ref, now)
        self._directory.remove(member)
        self._events.append(SessionEnded(id=member.id, name=member.record.name, at=now))

    def _edit_tags(self, caller: Caller, request: EditTags) -> SessionInfo:
        member = self._named(caller, request, request.session)
        if request.replace is not None:
            if request.add or request.remove:
                raise InvalidParams(request.method, "`replace` says all of the tags; `add` and `remove` go without it")
            tags = check_tags(request.replace)
        else:
            added, removed = (frozenset(map(check_tag, tags)) for tags in (request.add, request.remove))
            if added & removed:
                raise InvalidTag(min(added & removed), "is both added and removed")
            tags = check_tags((set(member.record.tags) | added) - removed)
        self._change(member, msgspec.structs.replace(member.record, tags=tuple(sorted(tags))))
        return member.info()

    def _edit_metadata(self, caller: Caller, request: EditMetadata) -> SessionInfo:
        member = self._named(caller, request, request.session)
        if both := set(request.set) & set(request.remove):
            raise InvalidMetadata(min(both), "is both set and removed")
        kept = {key: value for key, value in member.record.metadata.items() if key not in request.remove}
        metadata = check_metadata({**kept, **request.set}, self._limits.metadata_bytes)
        self._change(member, msgspec.structs.replace(member.record, metadata=metadata))
        return member.info()

    # ------------------------------------------------------------------------------------------------------ messages

    def _send(self, caller: Caller, request: SendMessage) -> Receipt:
        return self._post.send(self._speaker(caller, request), request)

    def _resolve(self, caller: Caller, request: ResolveTarget) -> Resolved:
        _, members = self._post.resolve(self._named(caller, request, request.sender), request.target)
        return Resolved(recipients=tuple([member.recipient() for member in members]))

    def receive(self, caller: Caller, request: ReceiveMessages) -> Received:
        """Carry out `message.receive` without waiting: empty where there is nothing.

        What it gives, unless it is only a peek, whoever drives the hub is to `settle`.
        """
        member = self._speaker(caller, request)
        is_choice = request.reply_to is not None or request.fresh
        place = 0 if is_choice else caller.cursor
        after = place if request.after is None else request.after
        received = self._post.receive(member, request, after)
        is_further = bool(received.envelopes) and received.envelopes[-1].seq > after  # not only what is offered again
        if is_further and not request.peek and not is_choice:
            self._cursors.setdefault(caller, caller.cursor)
            caller.cursor = received.envelopes[-1].seq
        return received

    def _hand(self, caller: Caller, request: HandMessages) -> Handed:
        return self._post.hand(self._speaker(caller, request), request, caller.client)

    def _ack(self, caller: Caller, request: AckMessages) -> Acked:
        return self._post.ack(self._speaker(caller, request), request)

    # ------------------------------------------------------------------------------------------------------- schemas

    def _check(self, caller: Caller, request: CheckMessage) -> Checked:
        record = self._post.check(self._named(caller, request, request.sender), request.packed)
        return Checked(schema=None if record is None else record.info())

    def _set_schema(self, caller: Caller, request: SetSchema) -> SchemaInfo:
        record = SchemaRecord(
            check_msg_type(request.msg_type),
            request.repo or None,
            bytes(request.schema),
            self._clock(),
            caller.client if caller.member is None else caller.member.record.name,
        )
        if not self._schemas.set(record):
            return self._schemas.get(record.msg_type, record.repo).info()
        self._store.save_schema(record)
        self._events.append(SchemaChanged(schema=record.info()))
        return record.info()

    def _get_schema(self, _caller: Caller, request: GetSchema) -> KeptSchema:
        record = self._schemas.get(request.msg_type, request.repo)
        return KeptSchema(info=record.info(), schema=msgspec.Raw(record.schema))

    def _list_schemas(self, _caller: Caller, _request: ListSchemas) -> SchemaList:
        return SchemaList(schemas=self._schemas.infos())

    def _remove_schema(self, _caller: Caller, request: RemoveSchema) -> SchemaInfo:
        record = self._schemas.remove(request.msg_type, request.repo)
        self._store.remove_schema(record.msg_type, record.repo)
        self._events.append(SchemaRemoved(msg_type=record.msg_type, repo=record.repo))
        return record.info()

    # --------------------------------------------------------------------------------------------------------- loops

    def _list_breakers(self, _caller: Caller, _request: ListBreakers) -> BreakerList:
        return BreakerList(breakers=self._breakers.tripped())

    def _release_breaker(self, _caller: Caller, request: ReleaseBreaker) -> Breaker:
        if (request.chain is None) is (request.pair is None):
            raise InvalidParams(request.method, "either `chain` or `pair` says what to release")
        if request.chain is not None:
            return self._breakers.release_chain(request.chain)
        one, other = map(self._directory.find, request.pair or ())
        return self._breakers.release_pair(one, other)

    # ------------------------------------------------------------------------------------------------------- private

    def _load(self) -> None:
        stored = self._store.load()
        self._directory = Directory(self._limits)
        self._schemas = SchemaBook(self._read_schema, self._limits.schemas)
        self._schemas.load(stored.schemas)
        self._post = Post(
            self._directory,
            self._schemas,
            self._store,
            self._limits,
            self._clock,
            lambda: MessageId(self._new_id()),
            self._events.append,
            self._breakers,
        )
        self._last_ref = stored.last_ref
        for record in stored.sessions:
            self._directory.add(record)
        self._post.load(stored)
        self._breakers.load(self._directory, stored.allowed_hops)

    def _speaker(self, caller: Caller, request: Request) -> Member:
        """Return who speaks. There is no other way to find out, and no default."""
        member = caller.member
        if member is None:
            raise NoIdentity(request.method)
        if member.has_ended:
            raise SessionNotFound(str(member.id))
        return member

    def _named(self, caller: Caller, request: Request, session: str | None) -> Member:
        return self._speaker(caller, request) if session is None else self._directory.find(session)

    def _attach(self, caller: Caller, member: Member, *, attach: bool) -> None:
        if caller.member is not None:
            raise IdentityBound(caller.member.record.name)
        caller.member = member
        caller.is_attached = attach
        if attach:
            member.attached_clients += 1
            self._touch(member)

    def _change(self, member: Member, record: SessionRecord) -> None:
        if record != member.record:
            self._store.save_session(record)
            self._directory.replace(member, record)
            self._touch(member)

    def _touch(self, member: Member) -> None:
        self._touched[member] = None

    def _started(self, pid: int | None) -> int | None:
        if pid is None:
            return None
        started = self._process_start(pid)
        if started is None:
            raise InvalidParams(JoinSession.method, f"`for_pid`: no process {pid}")
        return started


def _sleeper(member: Member) -> Sleeper:
    return Sleeper(member.record, member.mailbox.unhanded())


def free_number(record: SessionRecord) -> int:
    """Return the lowest number that no window of a session has."""
    taken = {window.number for window in record.windows}
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _normalised(worktree: WorktreeInfo | None) -> WorktreeInfo | None:
    return worktree and msgspec.structs.replace(worktree, path=normalise_path(worktree.path))
