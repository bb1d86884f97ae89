"""The bytes: lines from stdin, lines to stdout, until the input ends or nobody reads any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
from collections.abc import Sequence

from fugue_core.mcp.identity import Identity
from fugue_core.mcp.server import Server
from fugue_core.protocol.lines import LineCutter

LINE_BYTES = 4 * 1024 * 1024
"""The longest line that is read; the daemon's own limit for a message is smaller."""
_READ_BYTES = 256 * 1024
_STDIN, _STDOUT = 0, 1


def serve(socket_path: str, *, named: str | None, join: str | None, tags: Sequence[str]) -> None:
    """Answer what comes on stdin until it ends. The arguments are those of `Identity`."""
    asyncio.run(_serve(Identity(socket_path, named=named, join=join, tags=tags)))


async def _serve(identity: Identity) -> None:
    ended = asyncio.Event()
    writer = _Writer(ended)
    server = Server(identity, writer.write)
    loop = asyncio.get_running_loop()
    cutter = LineCutter(LINE_BYTES)

    def take(data: bytes, taken: threading.Event) -> None:
        try:
            block, error = cutter.feed(data)
            if error is not None:
                server.refuse_line(error)
            server.take(block)
        finally:
            taken.set()

    def read() -> None:
        """Hand on what is read, a piece at a time: where the loop waits for the client, so does this."""
        try:
            while data := os.read(_STDIN, _READ_BYTES):
                taken = threading.Event()
                loop.call_soon_threadsafe(take, data, taken)
                taken.wait()
        except OSError:
            pass  # as good as its end
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            loop.call_soon_threadsafe(ended.set)

    # A thread, since stdin may be a file, which no selector watches, and since others may share it: to make it
    # non-blocking would do that to them as well.
    threading.Thread(target=read, name="stdin", daemon=True).start()
    await ended.wait()
    await server.end()


class _Writer:
    """Writes to stdout, and waits for a client that does not read: then nothing more is read of it, either."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended
        self._is_read = True

    def write(self, lines: bytes) -> bool:
        """Write all of it; False where nobody reads any more."""
        left = memoryview(lines)
        while left and self._is_read:
            try:
                left = left[os.write(_STDOUT, left) :]
            except BlockingIOError:  # whoever we share it with has made it so
                select.select([], [_STDOUT], [])
            except OSError:
                self._is_read = False
                self._ended.set()
        return self._is_read
