"""A daemon inside the process, without a socket: the same server, and the same lines, handed over in memory."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from types import TracebackType
from typing import Self

from fugue_core.client.link import Link, Receiver
from fugue_core.daemon.config import Config
from fugue_core.daemon.programs import ProgramHost
from fugue_core.daemon.server import Server, running
from fugue_core.daemon.switchboard import Switchboard
from fugue_core.errors import FugueError
from fugue_core.protocol.lines import LineCutter


class LocalDaemon:
    """For tests, and for programs that want fugue's routing for themselves.

        async with LocalDaemon() as daemon, connect(daemon) as client: ...

    Args of the constructor:
        state_dir: Where to keep the store; None: in a temporary directory that ends with the daemon.
        config: Limits and settings.
    """

    def __init__(self, state_dir: str | None = None, config: Config | None = None) -> None:
        self._state_dir = state_dir
        self._config = config or Config()
        self._stack = contextlib.AsyncExitStack()
        self.server: Server | None = None

    async def __aenter__(self) -> Self:
        directory = self._state_dir or self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fugue-"))
        program_host = ProgramHost.local(directory)
        try:
            self.server = await self._stack.enter_async_context(
                running("in-process", directory, self._config, program_host)
            )
        except FugueError:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        self.server = None

    async def open_link(self, receiver: Receiver) -> Link:
        """Return a new link to this daemon, see `client.link.Opener`."""
        if self.server is None:
            raise ConnectionRefusedError("the daemon has ended")
        return _LocalLink(self.server.switchboard, receiver, self._config.limits.line_bytes)


class _LocalLink:
    """Both ends of a connection: `Link` for the client, and the `Sink` behind it for the daemon."""

    def __init__(self, switchboard: Switchboard, receiver: Receiver, line_bytes: int) -> None:
        self._switchboard = switchboard
        self._receiver = receiver
        self._lines = LineCutter(line_bytes)
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        self._sink = _LocalSink(self)
        self._peer = switchboard.connect(self._sink)

    def write(self, data: bytes) -> None:
        """Hand lines to the daemon."""
        if not self._is_closed:
            block, error = self._lines.feed(data)
            self._switchboard.take_lines(self._peer, block, error)

    def hand_over(self, data: bytes) -> bool:
        """Hand lines to the client, when whoever wrote them is done; False where it is gone."""
        if not self._is_closed:
            self._loop.call_soon(self._receiver.take_lines, data)
        return not self._is_closed

    def close(self) -> None:
        """End both ends."""
        if not self._is_closed:
            self._is_closed = True
            self._switchboard.disconnect(self._peer)
            self._loop.call_soon(self._receiver.lose, "closed")


class _LocalSink:
    is_paused = False

    def __init__(self, link: _LocalLink) -> None:
        self._link = link
        self.taken_bytes = 0

    def write(self, data: bytes) -> None:
        if self._link.hand_over(data):
            self.taken_bytes += len(data)

    def listen(self, *, is_on: bool) -> None:
        """Do nothing: who is in the same process cannot be kept from speaking."""

    def close(self) -> None:
        self._link.close()
