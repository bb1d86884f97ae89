"""One connection to the daemon: many requests under way at once, each answered under its own id, events apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec

from fugue_core.client.link import Link, Opener
from fugue_core.errors import ConnectionLost, LineTooLong, MalformedLine
from fugue_core.limits import Limits
from fugue_core.protocol.events import Notice
from fugue_core.protocol.request import Request
from fugue_core.protocol.rpc import Reply, decode_replies, encode_call, error_from_wire


class _Question:
    """A request that is not answered yet."""

    __slots__ = ("future", "kind", "on_answer")

    def __init__(
        self, future: asyncio.Future[Any], kind: type[Request], on_answer: Callable[[Any], None] | None
    ) -> None:
        self.future = future
        self.kind = kind
        self.on_answer = on_answer

    def settle(self, _call_id: int, answer: Any) -> None:
        """Take the answer, or the exception in its place."""
        if self.future.done():
            return  # whoever asked does not wait any more
        if isinstance(answer, Exception):
            self.future.set_exception(answer)
            return
        if self.on_answer is not None:
            self.on_answer(answer)
        self.future.set_result(answer)


class _Batch:
    """Requests of one kind that were asked together; their answers come in any order."""

    __slots__ = ("_first_id", "_left", "answers", "future", "kind")

    def __init__(self, future: asyncio.Future[list[Any]], kind: type[Request], first_id: int, count: int) -> None:
        self.future = future
        self.kind = kind
        self.answers: list[Any] = [None] * count
        self._first_id = first_id
        self._left = count

    def settle(self, call_id: int, answer: Any) -> None:
        """Take one answer, or the exception in its place."""
        self.answers[call_id - self._first_id] = answer
        self._left -= 1
        if not self._left and not self.future.done():
            self.future.set_result(self.answers)


class Channel:
    """Ask, and be answered.

    Invariant: each id in `_pending` is of a request that was written and has no answer yet; when the link ends, each of
    them fails with `ConnectionLost`.

    Attributes:
        line_bytes: The longest line that the daemon reads. A longer one it could not answer: it does not read its id.
        lost: Why the link has ended; None while it has not.
    """

    def __init__(self, on_notices: Callable[[Sequence[Notice]], None], on_lost: Callable[[], None]) -> None:
        self._on_notices = on_notices
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._last_id = 0
        self._pending: dict[int, _Question | _Batch] = {}
        self._out: list[bytes] = []
        self.line_bytes = Limits().line_bytes
        self.lost: ConnectionLost | None = None

    @classmethod
    async def open(
        cls, opener: Opener, on_notices: Callable[[Sequence[Notice]], None], on_lost: Callable[[], None]
    ) -> Channel:
        """Return a channel over a new link."""
        channel = cls(on_notices, on_lost)
        channel._link = await opener.open_link(channel)
        return channel

    def ask(self, request: Request, on_answer: Callable[[Any], None] | None = None) -> asyncio.Future[Any]:
        """Send a request; return what will be its answer, of the type `request.answer`, or its `FugueError`.

        All requests of one turn of the event loop go out in one write, in the order of asking.

        Args:
            request: What is asked.
            on_answer: Called with the answer as soon as it is read, before any event that was read after it.

        Raises:
            InvalidParams, LineTooLong: It cannot be sent.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.lost is not None:
            future.set_exception(self.lost)
            return future
        call_id = self._last_id + 1
        line = self._encode(call_id, request)
        self._last_id = call_id
        self._pending[call_id] = _Question(future, type(request), on_answer)
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(line)
        return future

    def tell(self, request: Request) -> None:
        """Send a request as a notification: nobody answers it, and it is not asked again."""
        if self.lost is None:
            if not self._out:
                self._loop.call_soon(self._flush)
            self._out.append(self._encode(None, request))

    def ask_all(self, requests: Sequence[Request]) -> asyncio.Future[list[Any]]:
        """Send requests of one kind; return what will be their answers, in order, or exceptions in their places.

        Far cheaper than asking for each: one future, and one write.

        Raises:
            InvalidParams, LineTooLong: One of them cannot be sent, so none is.
        """
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        if self.lost is not None or not requests:
            future.set_result([self.lost] * len(requests))
            return future
        first_id = self._last_id + 1
        lines = [self._encode(call_id, request) for call_id, request in enumerate(requests, start=first_id)]
        self._last_id += len(requests)
        batch = _Batch(future, type(requests[0]), first_id, len(requests))
        self._pending.update(dict.fromkeys(range(first_id, self._last_id + 1), batch))
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += lines
        return future

    def close(self) -> None:
        """End the connection; what is unanswered fails with `ConnectionLost`. Nobody is told: who closes it knows."""
        self._flush()
        if self._link is not None:
            self._link.close()
        self._end("closed")

    # --------------------------------------------------------------------------------------------- for the link

    def take_lines(self, block: bytes) -> None:
        """Give answers to those who wait for them, and events to the subscriber. See `client.link.Receiver`."""
        try:
            replies = decode_replies(block)
        except MalformedLine as error:
            if self._link is not None:
                self._link.close()
            self.lose(f"what came is no answer: {error}")
            return
        notices: list[Notice] = []
        for reply in replies:
            if reply.params is not None:
                notices.append(reply.params)
                continue
            if notices:
                self._on_notices(notices)
                notices = []
            self._settle(reply)
        if notices:
            self._on_notices(notices)

    def lose(self, reason: str) -> None:
        """Fail whatever is unanswered, and tell that it was lost. See `client.link.Receiver`."""
        if self.lost is None:
            self._end(reason)
            self._on_lost()

    # --------------------------------------------------------------------------------------------------- private

    def _end(self, reason: str) -> None:
        if self.lost is None:
            self.lost = ConnectionLost(reason)
            pending, self._pending = self._pending, {}
            for call_id, question in pending.items():
                question.settle(call_id, ConnectionLost(reason))

    def _settle(self, reply: Reply) -> None:
        call_id = reply.id
        question = self._pending.pop(call_id, None) if isinstance(call_id, int) else None
        if question is None or not isinstance(call_id, int):
            return
        if reply.error is not None:
            question.settle(call_id, error_from_wire(reply.error))
            return
        try:
            answer = _decoder(question.kind).decode(reply.result)  # type: ignore[arg-type]  # no error, so a result
        except (msgspec.DecodeError, RecursionError) as error:
            answer = MalformedLine(f"the answer to {question.kind.method}: {error}")
        question.settle(call_id, answer)

    def _encode(self, call_id: int | None, request: Request) -> bytes:
        line = encode_call(call_id, request)
        if len(line) > self.line_bytes + 1:
            raise LineTooLong(len(line) - 1, self.line_bytes)
        return line

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self._link is not None and self.lost is None:
            self._link.write(b"".join(out))


@cache
def _decoder(kind: type[Request]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind.answer)
