"""What carries a client's lines: a Unix socket here; `daemon.local` has one without a socket."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Protocol

from fugue_core.errors import DaemonUnavailable
from fugue_core.protocol.lines import LineCutter

READ_BYTES = 256 * 1024
LINE_BYTES = 2**40
"""No limit to speak of: the daemon is trusted, and an answer is as long as what was asked for."""


class Receiver(Protocol):
    """Who is told what comes over a link."""

    def take_lines(self, block: bytes) -> None:
        """Take whole lines."""

    def lose(self, reason: str) -> None:
        """The link has ended. Called once, and nothing comes after it."""


class Link(Protocol):
    """A way to the daemon."""

    def write(self, data: bytes) -> None:
        """Send, some time; never waits."""

    def close(self) -> None:
        """End the link."""


class Opener(Protocol):
    """Somewhere a daemon can be reached."""

    async def open_link(self, receiver: Receiver) -> Link:
        """Return a new link. Raises `DaemonUnavailable`, `ConnectionRefusedError` or `FileNotFoundError`."""


class SocketLink(asyncio.BufferedProtocol):
    """A link over a Unix socket."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._lines = LineCutter(LINE_BYTES)
        self._view = memoryview(bytearray(READ_BYTES))
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a stream socket has no other
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._receiver.lose(str(exc) if exc else "the daemon closed it")

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's suggestion
        """Return where the loop shall read to."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on every whole line that has arrived."""
        block, _ = self._lines.feed(bytes(self._view[:nbytes]))
        if block:
            self._receiver.take_lines(block)

    def write(self, data: bytes) -> None:
        """Send, some time."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """End the link."""
        if self._transport is not None:
            self._transport.close()


class SocketOpener:
    """The daemon at a socket; started where none runs, if so asked."""

    def __init__(self, socket_path: str, *, start: bool) -> None:
        self.socket_path = socket_path
        self._start = start

    async def open_link(self, receiver: Receiver) -> Link:
        """Return a new link, see `Opener`."""
        try:
            return await self._open(receiver)
        except (ConnectionRefusedError, FileNotFoundError):
            if not self._start:
                raise
        from fugue_core.client.start import start_daemon  # noqa: PLC0415  # seldom needed

        await asyncio.to_thread(start_daemon, self.socket_path)
        return await self._open(receiver)

    async def _open(self, receiver: Receiver) -> Link:
        transport, link = await asyncio.get_running_loop().create_unix_connection(
            lambda: SocketLink(receiver), self.socket_path
        )
        uid = _owner(transport.get_extra_info("socket"))
        if uid is not None and uid != os.getuid():
            transport.abort()
            raise DaemonUnavailable(self.socket_path, f"another user (uid {uid}) listens there")
        return link


def _owner(connection: socket.socket) -> int | None:
    """Return the user who listens at the other end; None where the system does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None  # elsewhere the mode of the directory must do
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)
