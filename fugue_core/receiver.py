"""Where one session takes out what a router put in for it. Nothing here waits but `MessageReceiver.receive`. No I/O."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from fugue_core.errors import ReceiverClosed, WouldBlock
from fugue_core.protocol.message import OrchestrationMessage

if TYPE_CHECKING:
    import asyncio

Received: TypeAlias = tuple[UUID, OrchestrationMessage]
"""Who sent it, and what."""


class MessageReceiver:
    """The end of the pipe where one session takes out what was routed to it, in the order of routing.

    It holds at most `limit` messages; a full one refuses more (`MailboxFull` at the sender) and loses none.

    Invariant: the receiver is in `waiting`, a set that all receivers of one router share, if and only if a task waits
    in `receive`. So the router's loop pays nothing for those who do not wait.
    """

    __slots__ = ("_is_closed", "_waiters", "_waiting", "limit", "queue")

    def __init__(self, limit: int, waiting: set[MessageReceiver]) -> None:
        self.limit = limit
        self.queue: deque[Received] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._waiting = waiting
        self._is_closed = False

    def __len__(self) -> int:
        return len(self.queue)

    def receive_nowait(self) -> Received:
        """Return the oldest message with its sender; raise `WouldBlock` where there is none."""
        if self.queue:
            return self.queue.popleft()
        raise ReceiverClosed if self._is_closed else WouldBlock

    async def receive(self) -> Received:
        """Wait for a message; return it with its sender.

        Several tasks may wait; each message goes to one of them. Cancelling loses no message.

        Raises:
            ReceiverClosed: The session was unregistered, and everything that had come is read.
        """
        import asyncio  # noqa: PLC0415  # only who waits needs an event loop

        while not self.queue and not self._is_closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            self._waiting.add(self)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                    self._rest()
                elif not waiter.cancelled():
                    self.wake()  # it was woken just before: hand the wake on
                raise
        received = self.receive_nowait()
        self.wake()
        return received

    def __aiter__(self) -> MessageReceiver:
        return self

    async def __anext__(self) -> Received:
        try:
            return await self.receive()
        except ReceiverClosed:
            raise StopAsyncIteration from None

    def wake(self) -> None:
        """Let the task that has waited longest look again, if there is something to see."""
        while self._waiters and (self.queue or self._is_closed):
            waiter = self._waiters.popleft()
            if not waiter.done():  # it is where the task was cancelled and has not run since
                waiter.set_result(None)
                break
        self._rest()

    def close(self) -> None:
        """Take nothing more; what is queued can still be read, and whoever waits is told."""
        self._is_closed = True
        while self._waiters:
            self.wake()

    def _rest(self) -> None:
        if not self._waiters:
            self._waiting.discard(self)
