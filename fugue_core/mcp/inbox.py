"""The mail of one session, given out to whoever asks for it: each message once, whoever else asks at the same time.

A message is only looked at until the answer that carries it is written; then the daemon is told. So what a cancelled
call would have carried is not marked as handed to anybody, and the next call gets it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from fugue_core.client.client import Client
from fugue_core.protocol.envelope import Envelope
from fugue_core.protocol.requests import Received

_WATCH_S = 60.0
"""How long the daemon is asked to wait for news at a time."""


class Inbox:
    """What of the mail was given out.

    Invariant: all that waits up to `_place` was given out by this process or is in `_returned`; of what waits beyond
    it, `_taken` was given out.
    """

    def __init__(self, client: Callable[[], Awaitable[Client]]) -> None:
        self._client = client
        self._place = 0
        self._taken: set[UUID] = set()
        self._returned: list[Envelope] = []
        self._due: list[UUID] = []
        self._looking = asyncio.Lock()
        self._watch: asyncio.Task[Received] | None = None

    async def take(self, limit: int, *, is_anew: bool = False) -> tuple[list[Envelope], int]:
        """Return at most `limit` messages that were not given out, oldest first, and how many wait after them.

        Args:
            limit: At most so many.
            is_anew: Begin with the oldest that is not acknowledged, given out or not.
        """
        client = await self._client()
        async with self._looking:
            if is_anew:
                self._place = 0
                self._taken.clear()
                self._returned.clear()
            found, self._returned = self._returned[:limit], self._returned[limit:]
            remaining = 0
            while len(found) < limit:
                received = await client.receive(peek=True, after=self._place, limit=limit - len(found))
                remaining = received.remaining
                if not received.envelopes:
                    break
                found += [envelope for envelope in received.envelopes if envelope.id not in self._taken]
                self._taken.difference_update([envelope.id for envelope in received.envelopes])
                self._place = received.envelopes[-1].seq
                if not remaining:
                    break
            return found, remaining + len(self._returned)

    async def wait(self, patience_s: float) -> None:
        """Return when something may have come, or after so many seconds."""
        if self._watch is None or self._watch.done():
            client = await self._client()
            watching = client.receive(peek=True, limit=1, after=self._place, wait_s=_WATCH_S)
            self._watch = asyncio.create_task(watching)
        watch = self._watch
        done, _ = await asyncio.wait({watch}, timeout=patience_s)
        if done and not watch.cancelled():
            watch.result()  # what has gone wrong is whoever waits for to say

    def give_back(self, envelopes: list[Envelope]) -> None:
        """Take back what was taken, since it reaches nobody; the next call gets it."""
        self._returned = sorted([*self._returned, *envelopes], key=lambda envelope: envelope.seq)
        if self._watch is not None:
            self._watch.cancel()

    def claim(self, envelope: Envelope) -> None:
        """Note that a message was given out by another way than `take`."""
        if envelope.seq > self._place:
            self._taken.add(envelope.id)

    async def mark_handed(self, envelopes: list[Envelope]) -> None:
        """Tell the daemon that the bytes of these were written to whoever reads them."""
        client = await self._client()
        ids = {envelope.id for envelope in envelopes}
        after = envelopes[0].seq - 1
        while ids:
            received = await client.receive(after=after, limit=len(ids))
            if not received.envelopes:
                return
            ids -= {envelope.id for envelope in received.envelopes}
            after = received.envelopes[-1].seq

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

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._watch is not None:
            self._watch.cancel()
