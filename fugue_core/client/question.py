"""Wait for the answer to a message."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fugue_core.errors import NoAnswer
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.request import Request
from fugue_core.protocol.requests import GetSession, ListMessages, LogPage, Received, ReceiveMessages
from fugue_core.protocol.session import SessionInfo


async def await_answer(
    message: UUID, wait_s: float, ask: Callable[[Request], Awaitable[Any]], *, peek: bool
) -> Envelope:
    """Return the first message to the own session that answers `message`.

    Any number may be awaited at once; mail of other kinds is left as it is.

    Args:
        message: The one that is answered.
        wait_s: Seconds.
        ask: Asks the daemon, again where a connection was lost.
        peek: Only look.

    Raises:
        NoAnswer: None came in time.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):  # a lost connection begins the daemon's own count anew
            received: Received = await ask(ReceiveMessages(reply_to=message, limit=1, wait_s=wait_s, peek=peek))
            if received.envelopes:
                return received.envelopes[0]
    return await _late(message, wait_s, ask, peek=peek)


async def _late(message: UUID, wait_s: float, ask: Callable[[Request], Awaitable[Any]], *, peek: bool) -> Envelope:
    """Look once more: it may just have come, or another reader of the mailbox may have acknowledged it."""
    received: Received = await ask(ReceiveMessages(reply_to=message, limit=1, peek=peek))
    if received.envelopes:
        return received.envelopes[0]
    session: SessionInfo = await ask(GetSession())
    page: LogPage = await ask(ListMessages(filter=f"reply:{message} to:{session.id}", order="oldest", limit=1))
    if page.entries:
        return page.entries[0].envelope
    raise NoAnswer(message, wait_s)
