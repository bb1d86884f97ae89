"""One client on a Unix socket: bytes in, whole lines on; bytes out, and a stop where the client does not read."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
import struct

from fugue_core.daemon.peer import Peer
from fugue_core.daemon.switchboard import Switchboard
from fugue_core.protocol.lines import LineCutter

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
"""Read at once; below the line limit, so that at most one line in a read can be too long."""
WRITE_HIGH_BYTES = 1024 * 1024
"""A client that lets more than this wait for it is not read from, and its events are held back, until it reads."""


class Connection(asyncio.BufferedProtocol):
    """The edge between a socket and a `Peer`. It moves bytes and decides nothing.

    Attributes:
        is_paused: The client does not read. See `daemon.peer.Sink`.
    """

    def __init__(self, switchboard: Switchboard, line_bytes: int, buffer: memoryview) -> None:
        """Make an edge.

        Args:
            switchboard: Where lines go.
            line_bytes: The longest line.
            buffer: To read into. All connections may share one: what was read is copied before the loop goes on.
        """
        self._switchboard = switchboard
        self._lines = LineCutter(line_bytes)
        self._buffer = buffer
        self._transport: asyncio.Transport | None = None
        self._peer: Peer | None = None
        self._is_listening = True
        self._written_bytes = 0
        self._taken_bytes = 0
        self.is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take in a client, unless it is another user's."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a stream socket has no other
        self._transport = transport
        uid = peer_uid(transport.get_extra_info("socket"))
        if uid is not None and uid != os.getuid():
            log.warning("refused a client of user %d", uid)
            transport.abort()
            return
        transport.set_write_buffer_limits(high=0)  # so that we are told when all is out; `write` sees to the rest
        self._peer = self._switchboard.connect(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the client go."""
        if exc is None:  # it ended as it should: what waited has gone out
            self._taken_bytes = self._written_bytes
        if self._peer is not None:
            self._switchboard.disconnect(self._peer)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's suggestion
        """Return where the loop shall read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on every whole line that has arrived."""
        if self._peer is not None:
            block, error = self._lines.feed(bytes(self._buffer[:nbytes]))
            if block or error is not None:
                self._switchboard.take_lines(self._peer, block, error)

    def eof_received(self) -> bool:
        """Where the client only has no more to ask, as at the end of a pipe into `nc`, stay until it is answered."""
        if self._peer is None or self._transport is None or has_hung_up(self._transport.get_extra_info("socket")):
            return False
        self._switchboard.drain(self._peer)
        return True

    def resume_writing(self) -> None:
        """Go on with a client that has read what waited for it."""
        self.is_paused = False
        self._read_or_wait()
        if self._peer is not None:
            self._switchboard.resume(self._peer)

    def listen(self, *, is_on: bool) -> None:
        """Read what the client says, or leave it in the socket. See `daemon.peer.Sink`."""
        if is_on is not self._is_listening:
            self._is_listening = is_on
            self._read_or_wait()

    def _read_or_wait(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._is_listening and not self.is_paused:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    @property
    def taken_bytes(self) -> int:
        """How much of all that was written is the system's now. See `daemon.peer.Sink`."""
        transport = self._transport
        if transport is not None and not transport.is_closing():  # or the buffer may be empty since it was thrown away
            self._taken_bytes = self._written_bytes - transport.get_write_buffer_size()
        return self._taken_bytes

    def write(self, data: bytes) -> None:
        """Send, some time; read no more from a client that lets too much wait."""
        if self._transport is None or self._transport.is_closing():
            return
        self._written_bytes += len(data)
        self._transport.write(data)
        if not self.is_paused and self._transport.get_write_buffer_size() > WRITE_HIGH_BYTES:
            self.is_paused = True
            self._read_or_wait()

    def close(self) -> None:
        """End the connection when what was written has gone out."""
        if self._transport is not None:
            _ = self.taken_bytes  # which nobody can say while it closes
            self._transport.close()


def has_hung_up(connection: socket.socket) -> bool:
    """Say whether the other end is gone, and not just done with writing."""
    poll = select.poll()
    poll.register(connection.fileno(), 0)
    return bool(poll.poll(0))


def peer_uid(connection: socket.socket) -> int | None:
    """Return the user at the other end of a Unix socket; None where the system does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None  # elsewhere the directory's mode keeps others out
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)
