"""One call under way: what a tool is given to do its work."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

from fugue_core.client.client import Client
from fugue_core.mcp.identity import Identity
from fugue_core.mcp.inbox import Inbox

PROGRESS_S = 1.0
"""How often somebody who waits is told so, where he asked for it."""

Report = Callable[[float, float, str], None]


class Work:
    """What a call has to do with the rest.

    Attributes:
        inbox: The session's mail.
        is_waiting: What it waits for may never come, so that nobody waits for the call when all ends.
        when_written: Done in this order once the answer is written.
        when_lost: Done in this order where it never will be.
    """

    def __init__(self, identity: Identity, inbox: Inbox, report: Report | None) -> None:
        self._identity = identity
        self._report = report
        self.inbox = inbox
        self.is_waiting = False
        self.when_written: list[Callable[[], Awaitable[object]]] = []
        self.when_lost: list[Callable[[], object]] = []

    async def client(self) -> Client:
        """Return the connection to the daemon."""
        return await self._identity.client()

    @contextlib.contextmanager
    def waiting(self, wait_s: float, words: str) -> Iterator[None]:
        """Tell how the time goes by, where whoever called asked for it."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        timer: asyncio.TimerHandle | None = None

        def tell() -> None:
            nonlocal timer
            assert self._report is not None  # noqa: S101  # or nobody would have set the timer
            self._report(round(loop.time() - begun, 1), wait_s, words)
            timer = loop.call_later(PROGRESS_S, tell)

        if self._report is not None:
            timer = loop.call_later(min(PROGRESS_S, wait_s / 2), tell)
        self.is_waiting = True
        try:
            yield
        finally:
            self.is_waiting = False
            if timer is not None:
                timer.cancel()
