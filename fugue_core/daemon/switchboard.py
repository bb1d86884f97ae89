"""Turns: everything that was read at once is carried out, committed once, and answered. No sockets here.

lines of all peers -> requests -> hub -> one commit -> answers and events -> one write a peer
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from fugue_core.daemon.courier import Courier, Settled
from fugue_core.daemon.feed import Feed
from fugue_core.daemon.inquiry import InquiryDesk
from fugue_core.daemon.peer import Peer, Sink
from fugue_core.daemon.stage import Stage
from fugue_core.daemon.waiting import Served, WaitingRoom
from fugue_core.errors import (
    DeliveryRefused,
    FugueError,
    InternalError,
    LineTooLong,
    ProtocolMismatch,
    StoreUnavailable,
)
from fugue_core.hub import Hub, Parcel
from fugue_core.limits import THROUGH_CHARS, Limits
from fugue_core.protocol.events import Event, SessionChanged, SessionEnded, SessionJoined
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import PROTOCOL_VERSION, Hello, Received, ReceiveMessages, Software, Welcome
from fugue_core.protocol.rpc import BadCall, Call, CallId, decode_calls, encode_error
from fugue_core.store import SqliteStore

log = logging.getLogger(__name__)

T = TypeVar("T")

CAPABILITIES = ("ttl", "resolve", "since", "schemas")
"""What this daemon can do beyond what every daemon of its protocol version can."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a peer will be told when the turn is on disk. `request` is None where the line was none."""

    peer: Peer
    call_id: CallId
    request: Request | None
    result: msgspec.Struct | FugueError

    def is_undone_with_the_turn(self) -> bool:
        """Say whether this answer is no longer true when the turn's changes are undone."""
        if self.request is None:
            return False
        if type(self.request) is Hello:  # bound to a session that has not come to be
            return isinstance(self.result, Welcome) and self.result.session is not None and not self.peer.caller.member
        return not isinstance(self.result, FugueError) or isinstance(self.result, DeliveryRefused)


class Inquiry(msgspec.Struct, frozen=True, gc=False):
    """A request that changes nothing and is answered after the commit."""

    peer: Peer
    call_id: CallId
    request: Request


class Change(msgspec.Struct, frozen=True, gc=False):
    """A change of the hub that no request asked for by itself, and who waits for it."""

    make: Callable[[], Any]
    made: asyncio.Future[Any]


class Switchboard:
    """Drive the hub in turns.

    Invariant: nothing that a turn has changed is told to anybody before the turn is on disk. Where the disk refuses,
    everything of the turn is undone, and whoever asked for a change is told so.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # the parts that it plugs together
        self,
        hub: Hub,
        store: SqliteStore,
        feed: Feed,
        desk: InquiryDesk,
        stage: Stage,
        limits: Limits,
        server: Software,
        on_sessions: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._store = store
        self._feed = feed
        self._desk = desk
        self._stage = stage
        self._limits = limits
        self._server = server
        self._on_sessions = on_sessions
        self._waiting_room = WaitingRoom(hub, limits)
        self._courier = Courier()
        self._loop = asyncio.get_running_loop()
        self._is_scheduled = False
        self._peers: set[Peer] = set()
        self._inbox: list[tuple[Peer, bytes, LineTooLong | None]] = []
        self._errands: list[Callable[[], object]] = []
        self._changes: list[Change] = []
        self._made: list[tuple[Change, Any]] = []
        self._news: list[Event] = []
        self._ready: list[Peer] = []
        self._draining: list[Peer] = []
        self._departed: list[Peer] = []
        self._answers: list[Answer] = []
        self._served: list[Served] = []
        self._settling: list[Settled] = []
        self._inquiries: list[Inquiry] = []
        self.store_error: StoreUnavailable | None = None

    # ------------------------------------------------------------------------------------------------- what comes in

    @property
    def connection_count(self) -> int:
        """How many peers there are."""
        return len(self._peers)

    def connect(self, sink: Sink) -> Peer:
        """Take in a new peer."""
        peer = Peer(sink)
        self._peers.add(peer)
        return peer

    def take_lines(self, peer: Peer, block: bytes, error: LineTooLong | None = None) -> None:
        """Take whole lines that a peer has sent; they are carried out in the next turn."""
        self._inbox.append((peer, block, error))
        self._schedule()

    def resume(self, peer: Peer) -> None:
        """Go on with a peer that has read what waited for it."""
        self._feed.catch_up(peer)
        peer.flush()
        self._desk.resume(peer)
        self._stage.resume(peer)
        if peer.deferred:
            self._ready.append(peer)
            self._schedule()
        self._look_for_written([peer])

    def drain(self, peer: Peer) -> None:
        """Close the connection of a peer that will ask no more, when everything that it has asked is answered."""
        self._draining.append(peer)
        self._schedule()

    def disconnect(self, peer: Peer) -> None:
        """Let a peer be gone. What it had asked for, and was read, is still carried out."""
        peer.has_left = True
        self._peers.discard(peer)
        self._feed.leave(peer)
        self._courier.leave(peer)
        if peer.deferred:
            self._ready.append(peer)
        self._departed.append(peer)
        self._schedule()

    def run_errand(self, errand: Callable[[], object]) -> None:
        """Do something that changes the hub or the store, within the next turn and its commit.

        Where the store cannot write it is not done, and nobody is told: whoever sends errands comes again.
        """
        self._errands.append(errand)
        self._schedule()

    def change(self, make: Callable[[], T]) -> asyncio.Future[T]:
        """Change the hub within the next turn.

        The future has what `make` returned once that is on disk, or else the `FugueError` because of which it is not.
        """
        made: asyncio.Future[T] = self._loop.create_future()
        self._changes.append(Change(make, made))
        self._schedule()
        return made

    def tell(self, event: Event) -> None:
        """Tell every subscriber of something that is on no disk, after what the next turn brings."""
        self._news.append(event)
        self._schedule()

    async def close(self) -> None:
        """Carry out what has been read, answer it, and let everybody go."""
        self._run_turn()
        while self._ready or self._can_settle:
            self._run_turn()
        self._waiting_room.close()
        for peer in list(self._peers):
            peer.is_closing = True
            peer.flush()
        await self._desk.close()

    # -------------------------------------------------------------------------------------------------------- a turn

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._run_turn)

    def _run_turn(self) -> None:
        self._is_scheduled = False
        inbox, self._inbox = self._inbox, []
        errands, self._errands = self._errands, []
        changes, self._changes = self._changes, []
        departed, self._departed = self._departed, []
        if self.store_error is not None:
            self._probe_store()
        self._courier.look([peer for peer, _, _ in inbox])  # or an acknowledgement could come before what it is of
        if self.store_error is None:
            self._attempt(self._settle_parcels)
        calls = self._due(inbox)
        if calls:
            self._stage.programs.note_requests()
        if self.store_error is None:
            self._attempt(lambda: self._hub.foresee(call.request for _, call in calls if not isinstance(call, BadCall)))
        for peer, call in calls:
            self._carry_out(peer, call)
        for change in changes:
            self._make(change)
        for peer in departed:
            self._waiting_room.leave(peer)
            self._desk.leave(peer)
            self._stage.leave(peer)
            self._hub.leave(peer.caller)
        if self.store_error is None:
            for errand in errands:
                self._attempt(errand)
            self._attempt(self._serve_waiting)
            self._attempt(self._store.commit)
        news, self._news = self._news, []
        self._hand_out([*self._hub.take_events(), *news])

    def _due(self, inbox: list[tuple[Peer, bytes, LineTooLong | None]]) -> list[tuple[Peer, Call | BadCall]]:
        """Return what this turn carries out: everything, but of each peer at most one request with a bulky answer.

        The rest, and what a peer asks that does not read, waits with the peer, from which no more is read meanwhile. So
        no one is owed more than one such answer beyond what its socket takes, however much it asks for at once.
        """
        ready, self._ready = dict.fromkeys(self._ready), []
        due: list[tuple[Peer, Call | BadCall]] = []
        owed: set[Peer] = set()
        for peer in ready:
            due += _take_due(peer, owed)
        for peer, block, error in inbox:
            peer.deferred += _calls(block, error)
            ready[peer] = None
            due += _take_due(peer, owed)
        for peer in ready:
            if peer.deferred and not peer.sink.is_paused:
                self._ready.append(peer)
            peer.sink.listen(is_on=not peer.deferred)
        return due

    def _attempt(self, step: Callable[[], object]) -> None:
        """Do a part of a turn; where it fails, undo the turn so far."""
        try:
            step()
        except Exception as error:  # noqa: BLE001  # see `_fail`
            self._fail(error)

    def _fail(self, error: Exception) -> FugueError:
        """Undo the turn so far; return what to tell whoever asked for something in it."""
        failure: FugueError
        if isinstance(error, StoreUnavailable):
            log.error("%s", error)
            self.store_error = failure = error
        else:  # a bug of ours: who asked is told, nothing half-done stays, everybody else goes on
            log.error("a turn failed", exc_info=error)
            failure = InternalError(f"{type(error).__name__}: {error}")
        self._undo(failure)
        return failure

    def _make(self, change: Change) -> None:
        result: Any
        try:
            result = self.store_error or change.make()
        except StoreUnavailable as error:
            result = self._fail(error)
        except FugueError as error:
            result = error
        except Exception as error:  # noqa: BLE001  # see `_fail`
            result = self._fail(error)
        self._made.append((change, result))

    def _carry_out(self, peer: Peer, call: Call | BadCall) -> None:
        if peer.is_closing:
            return
        if isinstance(call, BadCall):
            self._answers.append(Answer(peer, call.id, None, call.error))
            return
        call_id = None if call.id is msgspec.UNSET else call.id
        request = call.request
        result: msgspec.Struct | FugueError | None
        try:
            result = self._result_of(peer, call_id, request)
        except StoreUnavailable as error:
            result = self._fail(error)
        except FugueError as error:
            result = error
        except Exception as error:  # noqa: BLE001  # see `_fail`
            result = self._fail(error)
        if result is not None:
            self._answers.append(Answer(peer, call_id, request, result))

    def _result_of(self, peer: Peer, call_id: CallId, request: Request) -> msgspec.Struct | FugueError | None:
        """Return the answer, or None where it comes later."""
        if not peer.has_said_hello or type(request) is Hello:
            return self._greet(peer, request)
        if not self._hub.can_handle(request) or self._stage.takes_end(peer, request):
            self._inquiries.append(Inquiry(peer, call_id, request))
            return None
        if self.store_error is not None and request.mutates:
            return self.store_error  # not raised: there is nothing to undo, and no more to log
        result = self._hub.handle(peer.caller, request)
        if type(result) is Received and not result.envelopes and self._may_wait(peer, call_id, request):
            return None
        return result

    def _may_wait(self, peer: Peer, call_id: CallId, request: Request) -> bool:
        if not isinstance(request, ReceiveMessages) or not request.wait_s:
            return False
        self._waiting_room.park(peer, call_id, request)
        return True

    def _greet(self, peer: Peer, request: Request) -> Welcome:
        if type(request) is not Hello:
            peer.is_closing = True
            raise ProtocolMismatch(f"`hello` comes first, not `{request.method}`")
        if peer.has_said_hello:
            raise ProtocolMismatch("`hello` comes once")
        asked = request.protocol
        if not asked.min <= PROTOCOL_VERSION <= asked.max:
            peer.is_closing = True
            raise ProtocolMismatch(
                f"this daemon speaks version {PROTOCOL_VERSION} of the protocol, the client {asked.min} to {asked.max}"
            )
        peer.caller.client = request.client.name[:THROUGH_CHARS]
        session = self._hub.bind(peer.caller, request.session, attach=request.attach)
        peer.has_said_hello = True
        return Welcome(
            protocol=PROTOCOL_VERSION,
            server=self._server,
            capabilities=CAPABILITIES,
            session=session,
            line_bytes=self._limits.line_bytes,
        )

    def _settle_parcels(self) -> None:
        self._settling = self._courier.take_settled()
        for parcel, is_written in self._settling:
            self._hub.settle(parcel, is_written=is_written)

    def _look_for_written(self, peers: Iterable[Peer]) -> None:
        self._courier.look(peers)
        if self._can_settle:
            self._schedule()

    @property
    def _can_settle(self) -> bool:
        return self._courier.has_settled and self.store_error is None

    def _serve_waiting(self) -> None:
        self._served = self._waiting_room.serve(self._hub.take_arrivals())

    def _hand_out(self, events: list[Event]) -> None:
        """Tell what the turn has brought, now that it is on disk."""
        answers, self._answers = self._answers, []
        inquiries, self._inquiries = self._inquiries, []
        served, self._served = self._served, []
        made, self._made = self._made, []
        self._settling = []
        self._waiting_room.settle(served)
        answers += [Answer(wait.peer, wait.call_id, wait.request, answer) for wait, answer in served]
        busy: dict[Peer, None] = {}
        for answer in answers:
            if answer.request is None and isinstance(answer.result, FugueError):
                answer.peer.out.append(encode_error(answer.call_id, answer.result))  # also where the id is not known
            else:
                self._answer(answer)
            busy[answer.peer] = None
        if events:
            busy.update(dict.fromkeys(self._feed.publish(events)))
            if any(isinstance(event, SessionJoined | SessionChanged | SessionEnded) for event in events):
                self._on_sessions()
        for inquiry in inquiries:
            desk = self._stage if self._stage.can_handle(inquiry.request) else self._desk
            desk.ask(inquiry.peer, inquiry.call_id, inquiry.request)
            busy[inquiry.peer] = None
        for peer in self._draining:
            peer.is_draining = True
            busy[peer] = None
        self._draining.clear()
        for change, result in made:
            _settle(change.made, result)
        for peer in busy:
            peer.flush()
        self._look_for_written(busy)
        self._ready = [peer for peer in self._ready if peer.has_left or not peer.sink.is_paused]
        if self._ready or self._waiting_room.has_more:
            self._schedule()

    def _answer(self, answer: Answer) -> None:
        answer.peer.answer(answer.call_id, answer.result)
        parcel = Parcel.of(answer.peer.caller, answer.request, answer.result)
        if parcel is not None:
            self._courier.send(answer.peer, parcel, is_answered=answer.call_id is not None)

    def _undo(self, error: FugueError) -> None:
        """Make everything as it was before the turn, and every change that was asked for in it a refusal."""
        self._store.rollback()
        try:
            self._hub.reload()
        except StoreUnavailable as reload_error:  # not even reading works: nothing is changed until it does
            log.error("%s", reload_error)  # noqa: TRY400  # as in `_fail`
            self.store_error = reload_error
        self._served = []  # who waited waits on
        if self.store_error is not None:  # what was written stays so, and is stored when it can be
            self._courier.put_back(self._settling)
        self._settling = []
        self._made = [(change, result if isinstance(result, FugueError) else error) for change, result in self._made]
        for place, answer in enumerate(self._answers):
            if answer.is_undone_with_the_turn():
                self._answers[place] = msgspec.structs.replace(answer, result=error)
                if type(answer.request) is Hello:
                    answer.peer.has_said_hello = False

    def _probe_store(self) -> None:
        """See whether the disk takes writes again, before anything is changed that would have to be undone."""
        try:
            self._store.probe()
            self._hub.reload()
        except StoreUnavailable as error:
            self._store.rollback()
            self.store_error = error
        else:
            log.info("the store can write again")
            self.store_error = None


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if future.done():
        return  # who waited for it has been cancelled
    if isinstance(result, FugueError):
        future.set_exception(result)
    else:
        future.set_result(result)


def _take_due(peer: Peer, owed: set[Peer]) -> list[tuple[Peer, Call | BadCall]]:
    """Take out of `peer.deferred` what can be carried out now: up to a bulky request, where one is in `owed` already.

    Nothing, where the peer does not read; everything, where it has left, since it is owed nothing. Cost: what is taken.
    """
    deferred = peer.deferred
    due: list[tuple[Peer, Call | BadCall]] = []
    while deferred and (peer.has_left or not peer.sink.is_paused):
        call = deferred[0]
        if isinstance(call, Call) and call.request.is_bulky and not peer.has_left:
            if peer in owed:
                break
            owed.add(peer)
        due.append((peer, deferred.popleft()))
    return due


def _calls(block: bytes, error: LineTooLong | None) -> list[Call | BadCall]:
    """Return what lines ask; that one was too long comes last, wherever among them it stood."""
    calls = decode_calls(block) if block else []
    return calls if error is None else [*calls, BadCall(id=None, error=error)]
