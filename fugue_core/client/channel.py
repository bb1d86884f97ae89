"""One connection to the daemon: many requests under way at once, each answered under its own id, events apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec

from fugue_core.client.link import Link, Opener
from fugue_core.errors import ConnectionLost, MalformedLine
from fugue_core.protocol.events import Notice
from fugue_core.protocol.requests import Request
from fugue_core.protocol.rpc import Reply, decode_replies, encode_call, error_from_wire


class _Question(NamedTuple):
    future: asyncio.Future[Any]
    kind: type[Request]
    on_answer: Callable[[Any], None] | None


class Channel:
    """Ask, and be answered.

    Invariant: each id in `_pending` is of a request that was written and has no answer yet; when the link ends, each of
    them fails with `ConnectionLost`.
    """

    def __init__(self, on_notices: Callable[[Sequence[Notice]], None], on_lost: Callable[[], None]) -> None:
        self._on_notices = on_notices
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._last_id = 0
        self._pending: dict[int, _Question] = {}
        self._out: list[bytes] = []
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
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.lost is not None:
            future.set_exception(self.lost)
            return future
        self._last_id = call_id = self._last_id + 1
        self._pending[call_id] = _Question(future, type(request), on_answer)
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(encode_call(call_id, request))
        return future

    def close(self) -> None:
        """End the connection; what is unanswered fails with `ConnectionLost`."""
        self._flush()
        if self._link is not None:
            self._link.close()
        self.lose("closed")

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
        """Fail whatever is unanswered. See `client.link.Receiver`."""
        if self.lost is not None:
            return
        self.lost = ConnectionLost(reason)
        pending, self._pending = self._pending, {}
        for question in pending.values():
            if not question.future.done():
                question.future.set_exception(ConnectionLost(reason))
        self._on_lost()

    # --------------------------------------------------------------------------------------------------- private

    def _settle(self, reply: Reply) -> None:
        question = self._pending.pop(reply.id, None) if isinstance(reply.id, int) else None
        if question is None or question.future.done():
            return  # whoever asked does not wait any more
        if reply.error is not None:
            question.future.set_exception(error_from_wire(reply.error))
            return
        try:
            answer = _decoder(question.kind).decode(reply.result)  # type: ignore[arg-type]  # no error, so a result
        except (msgspec.DecodeError, RecursionError) as error:
            question.future.set_exception(MalformedLine(f"the answer to {question.kind.method}: {error}"))
            return
        if question.on_answer is not None:
            question.on_answer(answer)
        question.future.set_result(answer)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self._link is not None and self.lost is None:
            self._link.write(b"".join(out))


@cache
def _decoder(kind: type[Request]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind.answer)
