"""Requests that change nothing: answered when the turn they came in is on disk, the long ones from a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from fugue_core.daemon.feed import Feed
from fugue_core.daemon.peer import Peer
from fugue_core.errors import FugueError, InternalError, TooManyWaiting
from fugue_core.history import History
from fugue_core.limits import Limits
from fugue_core.protocol.message import MessageId
from fugue_core.protocol.requests import (
    DaemonStatus,
    GetMessage,
    GetStatus,
    ListMessages,
    Ping,
    Pong,
    Request,
    StopDaemon,
    Stopping,
    SubscribeEvents,
)
from fugue_core.protocol.rpc import CallId

log = logging.getLogger(__name__)

T = TypeVar("T")


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
    stop: Callable[[], None]


class InquiryDesk:
    """Answer what needs no hub."""

    def __init__(self, history: History, feed: Feed, limits: Limits, host: Host) -> None:
        self._history = history
        self._feed = feed
        self._limits = limits
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._searches: set[asyncio.Future[Any]] = set()

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
                self._host.stop()
            case ListMessages():
                limit = min(request.limit, self._limits.page_messages)
                self._search(peer, call_id, lambda: self._history.page(request, limit), _as_it_is)
            case GetMessage():
                self._search(peer, call_id, lambda: self._history.record(MessageId(request.id)), _as_it_is)
            case GetStatus():
                # only the count takes long; the rest is the loop's own, and made there
                self._search(peer, call_id, self._history.count, self._host.status)
            case _:
                raise AssertionError(f"nobody answers {request.method}")

    async def close(self) -> None:
        """Let the searches that have begun end; their answers go nowhere."""
        for search in self._searches:
            search.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    def _search(
        self,
        peer: Peer,
        call_id: CallId,
        search: Callable[[], T],
        finish: Callable[[T], msgspec.Struct],
    ) -> None:
        if peer.waiting >= self._limits.waiting_requests:
            peer.answer(call_id, TooManyWaiting(self._limits.waiting_requests))
            return
        peer.waiting += 1
        future = self._loop.run_in_executor(self._thread, search)
        self._searches.add(future)

        def answer(future: asyncio.Future[T]) -> None:
            self._searches.discard(future)
            peer.waiting -= 1
            if not future.cancelled():
                peer.answer(call_id, _answer_of(future, finish))
                peer.flush()

        future.add_done_callback(answer)


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
