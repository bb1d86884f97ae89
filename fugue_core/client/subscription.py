"""The live feed as a client sees it: an endless iterator of events that begins with everything as it is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from fugue_core.protocol.events import Event, Notice, Resync
from fugue_core.protocol.requests import Since, Subscribed

QUEUE_EVENTS = 100_000
"""Events held for an iterator that does not come for them; then they are dropped, and a `Resync` comes instead."""


class Subscription:
    """Iterate over events: `async for event in subscription`.

    The first event is a `Resync` with everything as it is now. Another one comes whenever events were missed: because
    this iterator was not read, the connection was lost, or the daemon was started anew. Its snapshot replaces all that
    was known.

    Attributes:
        since: The last event that was taken in, to go on from after a lost connection.
    """

    def __init__(self, on_close: Callable[[], None], on_overflow: Callable[[], None]) -> None:
        self._on_close = on_close
        self._on_overflow = on_overflow
        self._queue: deque[Event] = deque()
        self._news = asyncio.Event()
        self._is_closed = False
        self._error: Exception | None = None
        self._epoch = ""
        self._number = 0
        self._is_stale = False

    @property
    def since(self) -> Since | None:
        """Where to go on; None where only a snapshot will do."""
        return Since(epoch=self._epoch, number=self._number) if self._epoch and not self._is_stale else None

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            await self._wait()
        return self._queue.popleft()

    async def next_batch(self) -> list[Event]:
        """Wait for an event; return it with all others that are there already. Cheaper than one by one."""
        while not self._queue:
            await self._wait()
        events = list(self._queue)
        self._queue.clear()
        return events

    def close(self) -> None:
        """Take no more events; whoever iterates comes to the end."""
        if not self._is_closed:
            self._is_closed = True
            self._news.set()
            self._on_close()

    # ------------------------------------------------------------------------------------------------- for the client

    def take(self, notices: Sequence[Notice]) -> None:
        """Take in events as they came."""
        if self._is_stale or self._is_closed:
            return
        self._number = notices[-1].number
        self._queue.extend([notice.event for notice in notices if notice.event is not None])
        if len(self._queue) > QUEUE_EVENTS:
            self._queue.clear()
            self._is_stale = True
            self._on_overflow()
        else:
            self._news.set()

    def begin(self, subscribed: Subscribed) -> None:
        """Take in the answer to `events.subscribe`. Without a snapshot, what follows goes on without a gap."""
        snapshot = subscribed.snapshot
        if snapshot is not None:
            self._is_stale = False
            self._epoch = snapshot.epoch
            self._number = snapshot.number
            self._queue.clear()
            self._queue.append(Resync(snapshot=snapshot))
            self._news.set()

    def fail(self, error: Exception) -> None:
        """Let the iteration end with an error: there is no way to go on."""
        self._error = error
        self._news.set()

    # -------------------------------------------------------------------------------------------------------- private

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        if self._is_closed:
            raise StopAsyncIteration
        self._news.clear()
        await self._news.wait()
