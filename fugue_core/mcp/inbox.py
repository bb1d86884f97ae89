"""The mail of one session, given out to whoever asks for it: each message once, whoever else asks at the same time.

A message is only looked at until the answer that carries it is written; then the daemon is told. So what a cancelled
call would have carried is not marked as handed to anybody, and the next call gets it. What was handed by another reader
of the session is not given out again; what the daemon offers again is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

from fugue_core.client.client import Client
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.requests import Received

_WATCH_S = 60.0
"""How long the daemon is asked to wait for news at a time."""


class Inbox:
    """What of the mail was given out.

    Invariant: `_out` was given out, and the daemon has not been told yet. What answers a message of `_asked` is for the
    call that waits for it. Of `_kept` the agent will say itself when it has been dealt with.
    """

    def __init__(self, client: Callable[[], Awaitable[Client]]) -> None:
        self._client = client
        self._out: set[UUID] = set()
        self._asked: list[UUID] = []
        self._due: list[UUID] = []
        self._kept: set[UUID] = set()
        self._landed = asyncio.Event()
        self._looking = asyncio.Lock()
        self._watch: asyncio.Task[Received] | None = None

    async def take(self, limit: int) -> tuple[list[Envelope], int]:
        """Return at most `limit` messages that were handed to nobody, oldest first, and how many wait after them."""
        client = await self._client()
        async with self._looking:
            passed_over = len(self._out) + len(self._asked)
            fresh = await client.receive(peek=True, fresh=True, after=0, limit=limit + passed_over)
            others = [envelope for envelope in fresh.envelopes if self._is_free(envelope)]
            found = others[:limit]
            remaining = fresh.remaining + len(others) - len(found)
            self._out.update(envelope.id for envelope in found)
            return found, remaining

    def _is_free(self, envelope: Envelope) -> bool:
        return envelope.id not in self._out and envelope.reply_to not in self._asked

    async def answer_to(self, message: UUID, wait_s: float) -> Envelope:
        """Return the first answer to a message as soon as it is there; no other call is given it. Raises `NoAnswer`."""
        client = await self._client()
        self._asked.append(message)
        try:
            envelope = await client.answer_to(message, wait_s=wait_s, peek=True)
            self._out.add(envelope.id)
        finally:
            self._asked.remove(message)
        return envelope

    async def look(self, after: int, limit: int) -> tuple[list[Envelope], int]:
        """Return likewise what is not acknowledged after a seq, whoever has it."""
        received = await (await self._client()).receive(peek=True, after=after, limit=limit)
        self._out.update(envelope.id for envelope in received.envelopes)
        return list(received.envelopes), received.remaining

    async def wait(self, patience_s: float) -> None:
        """Return when something may have come, or after so many seconds."""
        if self._out:  # the daemon would say that there is something, and mean these
            self._landed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._landed.wait(), patience_s)
            return
        if self._watch is None or self._watch.done():
            client = await self._client()
            watching = client.receive(peek=True, fresh=True, after=0, limit=1, wait_s=_WATCH_S)
            self._watch = asyncio.create_task(watching)
        watch = self._watch
        done, _ = await asyncio.wait({watch}, timeout=patience_s)
        if done and not watch.cancelled():
            watch.result()  # what has gone wrong is whoever waits for to say

    async def mark_handed(self, envelopes: list[Envelope]) -> None:
        """Tell the daemon that the bytes of these were written to whoever reads them."""
        try:
            await (await self._client()).hand(*envelopes)
        finally:
            self.release(envelopes)

    def release(self, envelopes: Iterable[Envelope]) -> None:
        """Let others be given these again, as far as the daemon has not been told."""
        self._out.difference_update([envelope.id for envelope in envelopes])
        self._landed.set()

    async def owe(self, envelopes: list[Envelope]) -> None:
        """Note that these are acknowledged by the next call."""
        self._due += [envelope.id for envelope in envelopes]

    async def settle(self) -> int:
        """Acknowledge what is owed; return how many deliveries ended by it."""
        if not self._due:
            return 0
        due, self._due = self._due, []
        try:
            acked = await (await self._client()).ack(*due)
        except BaseException:
            self._due = [*due, *self._due]
            raise
        return acked.acked

    async def keep(self, envelopes: list[Envelope]) -> None:
        """Note that these are acknowledged by the agent's word alone."""
        self._kept.update(envelope.id for envelope in envelopes)

    def let_go(self, messages: Iterable[UUID]) -> None:
        """Forget what was kept."""
        self._kept.difference_update(messages)

    async def note_answered(self, message: UUID) -> None:
        """Acknowledge a message that was answered, unless it is kept: it has been dealt with, however it was read."""
        if message not in self._kept:
            await (await self._client()).ack(message)

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._watch is not None:
            self._watch.cancel()
