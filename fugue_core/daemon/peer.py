"""One connection, whatever carries it. No I/O."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import msgspec

from fugue_core.errors import FugueError
from fugue_core.hub import Caller
from fugue_core.protocol.rpc import BadCall, Call, CallId, encode_error, encode_result


class Sink(Protocol):
    """Where the bytes for a peer go."""

    @property
    def is_paused(self) -> bool:
        """True while the peer does not read and enough waits for it already."""

    @property
    def taken_bytes(self) -> int:
        """How much of what was written has left this process; what follows it may yet be lost with the connection."""

    def write(self, data: bytes) -> None:
        """Send, some time; never waits."""

    def listen(self, *, is_on: bool) -> None:
        """Read what the peer says, or let it wait; who `is_paused` is not read from in any case."""

    def close(self) -> None:
        """End the connection when what was written has gone out."""


class Peer:
    """What the daemon knows of one connection.

    Attributes:
        is_closing: It takes no more requests, and is let go when `out` is sent.
        is_draining: It asks no more, and is let go when nothing is owed to it.
        out: Lines of this turn; one write sends them all.
        written_bytes: What was given to the sink, ever.
        deferred: What it has asked and what is not carried out yet, since it is owed enough already.
        waiting: How many of its requests are unanswered on purpose.
        backlog: Events that wait until it reads again.
        has_missed: The backlog grew over its limit and was dropped: a `resync` is due.
    """

    __slots__ = (
        "backlog",
        "backlog_bytes",
        "backlog_events",
        "caller",
        "deferred",
        "has_left",
        "has_missed",
        "has_said_hello",
        "is_closing",
        "is_draining",
        "is_subscribed",
        "out",
        "sink",
        "waiting",
        "written_bytes",
    )

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.caller = Caller()
        self.has_said_hello = False
        self.is_closing = False
        self.is_draining = False
        self.has_left = False
        self.is_subscribed = False
        self.out: list[bytes] = []
        self.written_bytes = 0
        self.deferred: deque[Call | BadCall] = deque()
        self.waiting = 0
        self.backlog: deque[bytes] = deque()
        self.backlog_events = 0
        self.backlog_bytes = 0
        self.has_missed = False

    def answer(self, call_id: CallId, answer: msgspec.Struct | FugueError) -> None:
        """Put an answer into `out`; a notification gets none."""
        if call_id is None:
            return
        if isinstance(answer, FugueError):
            self.out.append(encode_error(call_id, answer))
        else:
            self.out.append(encode_result(call_id, answer))

    def drop_backlog(self) -> None:
        """Forget the events that wait."""
        self.backlog.clear()
        self.backlog_events = 0
        self.backlog_bytes = 0

    def flush(self) -> None:
        """Send what this turn has for the peer, in one write."""
        if self.out and not self.has_left:
            data = self.out[0] if len(self.out) == 1 else b"".join(self.out)
            self.written_bytes += len(data)
            self.sink.write(data)
        self.out = []
        is_done = self.is_draining and not (self.waiting or self.deferred or self.is_subscribed)
        if (self.is_closing or is_done) and not self.has_left:
            self.sink.close()
