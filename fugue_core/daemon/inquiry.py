"""Requests that change nothing: answered when the turn they came in is on disk, the long ones from a thread."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Protocol, TypeVar

import msgspec

from fugue_core.daemon.feed import Feed
from fugue_core.daemon.peer import Peer
from fugue_core.errors import FugueError, InternalError, TooManyWaiting
from fugue_core.history import History
from fugue_core.limits import Limits
from fugue_core.protocol.message import MessageId
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import (
    DaemonStatus,
    GetMessage,
    GetStatus,
    ListMessages,
    Ping,
    Pong,
    StopDaemon,
    Stopping,
    SubscribeEvents,
)
from fugue_core.protocol.rpc import CallId

log = logging.getLogger(__name__)

T = TypeVar("T")


class Stop(Protocol):
    """What ends the daemon."""

    def __call__(self, *, end_programs: bool) -> None:
        """End it, and with `end_programs` the programs in its windows as well."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """What only the server knows.

    Fields:
        pid: Of this daemon.
        clock: Unix time in seconds.
        status: Makes the answer to `daemon.status`, given the number of stored messages; called on the loop.
        stop: Called when `daemon.stop` has been answered.
    """

    pid: int
    clock: Callable[[], float]
    status: Callable[[int], DaemonStatus]
    stop: Stop


class InquiryDesk:
    """Answer what needs no hub."""

    def __init__(self, history: History, feed: Feed, limits: Limits, host: Host) -> None:
        self._history = history
        self._feed = feed
        self._limits = limits
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._lookups = history.again()
        self._search_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._lookup_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lookup")
        self._queues: dict[Peer, deque[_Search]] = {}
        self._running: Peer | None = None
        self._running_lock = Lock()  # or an interrupt could hit the search that comes after the one it is meant for
        self._is_closed = False

    def ask(self, peer: Peer, call_id: CallId, request: Request) -> None:
        """Answer into `peer.out`, now or, where it takes long, later."""
        match request:
            case Ping():
                peer.answer(call_id, Pong(time=self._host.clock()))
            case SubscribeEvents():
                subscribed, missed = self._feed.subscribe(peer, request.since)
                peer.answer(call_id, subscribed)
                peer.out += missed
            case StopDaemon():
                peer.answer(call_id, Stopping(pid=self._host.pid))
                self._host.stop(end_programs=request.end_programs)
            case ListMessages():
                limit = min(request.limit, self._limits.page_messages)
                self._queue(peer, _Search(call_id, lambda: self._history.page(request, limit)))
            case GetMessage():
                message = MessageId(request.id)
                self._look_up(peer, call_id, lambda: self._lookups.record(message), _as_it_is)
            case GetStatus():
                # only the count takes long; the rest is the loop's own, and made there
                self._look_up(peer, call_id, self._lookups.count, self._host.status)
            case _:
                raise AssertionError(f"nobody answers {request.method}")

    def resume(self, peer: Peer) -> None:
        """Go on with the searches of a peer that reads again."""
        self._search_next(peer)

    def leave(self, peer: Peer) -> None:
        """Forget what a peer searches for, and break off what runs for it."""
        self._queues.pop(peer, None)
        with self._running_lock:
            if self._running is peer:
                self._history.interrupt()

    async def close(self) -> None:
        """Break off the search that runs; answers that are not there yet go nowhere."""
        if self._is_closed:
            return
        self._is_closed = True
        self._queues.clear()
        self._history.interrupt()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._search_thread.shutdown)
        await loop.run_in_executor(None, self._lookup_thread.shutdown)
        self._lookups.close()

    def _queue(self, peer: Peer, search: _Search) -> None:
        """Let a peer's searches run one after the other, so that it is owed one page at a time."""
        if self._may_wait(peer, search.call_id):
            self._queues.setdefault(peer, deque()).append(search)
            self._search_next(peer)

    def _search_next(self, peer: Peer) -> None:
        queue = self._queues.get(peer)
        if not queue or queue[0].is_running or peer.sink.is_paused:
            return
        search = queue[0]
        search.is_running = True

        def run() -> msgspec.Struct:
            with self._running_lock:
                self._running = peer
            try:
                return search.run()
            finally:
                with self._running_lock:
                    self._running = None

        self._run(self._search_thread, peer, search.call_id, run, _as_it_is, lambda: self._end_search(peer))

    def _end_search(self, peer: Peer) -> None:
        queue = self._queues.get(peer)
        if queue:
            queue.popleft()
            self._search_next(peer)
            if not queue:
                del self._queues[peer]

    def _look_up(
        self, peer: Peer, call_id: CallId, look_up: Callable[[], T], finish: Callable[[T], msgspec.Struct]
    ) -> None:
        if self._may_wait(peer, call_id):
            self._run(self._lookup_thread, peer, call_id, look_up, finish)

    def _may_wait(self, peer: Peer, call_id: CallId) -> bool:
        """Count one more request that waits, or refuse it."""
        if peer.waiting >= self._limits.waiting_requests:
            peer.answer(call_id, TooManyWaiting(self._limits.waiting_requests))
            return False
        peer.waiting += 1
        return True

    def _run(  # noqa: PLR0913, PLR0917  # who asks, what, where it runs, and what comes after
        self,
        thread: ThreadPoolExecutor,
        peer: Peer,
        call_id: CallId,
        run: Callable[[], T],
        finish: Callable[[T], msgspec.Struct],
        then: Callable[[], None] | None = None,
    ) -> None:
        """Have something done by a thread, and answer with what it brings; it has waited long enough then."""
        future = self._loop.run_in_executor(thread, run)

        def answer(future: asyncio.Future[T]) -> None:
            peer.waiting -= 1
            if not (peer.has_left or self._is_closed):
                peer.answer(call_id, _answer_of(future, finish))
            else:
                future.exception()  # nobody is there to be told
            if then is not None:
                then()
            peer.flush()

        future.add_done_callback(answer)


class _Search:
    """A page that a peer has asked for."""

    __slots__ = ("call_id", "is_running", "run")

    def __init__(self, call_id: CallId, run: Callable[[], msgspec.Struct]) -> None:
        self.call_id = call_id
        self.run = run
        self.is_running = False


def _answer_of(future: asyncio.Future[T], finish: Callable[[T], msgspec.Struct]) -> msgspec.Struct | FugueError:
    try:
        return finish(future.result())
    except FugueError as error:
        return error
    except Exception as error:
        log.exception("a search failed")
        return InternalError(f"{type(error).__name__}: {error}")


def _as_it_is(answer: msgspec.Struct) -> msgspec.Struct:
    return answer
