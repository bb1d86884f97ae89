"""The edge between the event loop and a program's terminal: bytes out of it, bytes into it, its size."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import struct
import termios
from collections.abc import Callable

from fugue_core.terminal.pace import Pace

READ_BYTES = 64 * 1024
"""Asked for at once; the kernel hands out at most 4 KiB."""
LEFT_BYTES = 1024 * 1024
"""Far more than the kernel holds of what a program wrote before it exited."""
NO_TERMINAL = -1
"""In place of a descriptor, where there is none."""
HUNG_UP_S = 0.5
"""How often a terminal is looked at that no process has open; one may open it again."""


class Pty:
    """The master end of a terminal. It owns the descriptor and closes it.

    What is typed and not yet read by the program waits here, without limit: `waiting_bytes` is for whoever has one.
    """

    def __init__(self, master: int, on_output: Callable[[bytes], None], pace: Pace) -> None:
        """Read from `master` from now on; `on_output` is called with what comes.

        Args:
            master: Non-blocking, or `NO_TERMINAL`.
            on_output: Called with what the program writes.
            pace: Says how long to rest between two parts of a flood.
        """
        self._master = master
        self._on_output = on_output
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._look_again: asyncio.TimerHandle | None = None
        if master != NO_TERMINAL:
            self._loop.add_reader(master, self._read)

    @property
    def waiting_bytes(self) -> int:
        """How much of what was typed the program's terminal has no room for yet."""
        return len(self._waiting)

    @property
    def foreground(self) -> int | None:
        """The process group in the foreground of the terminal; None where there is none."""
        try:
            return os.tcgetpgrp(self._master) or None
        except OSError:  # it is closed, or no process has it as its own
            return None

    def type(self, data: bytes) -> None:
        """Give the program something to read, as soon as its terminal has room."""
        if self._master < 0:
            return
        is_first = not self._waiting
        self._waiting += data
        if is_first and not self._write():
            self._loop.add_writer(self._master, self._write_on)

    def resize(self, cols: int, rows: int) -> None:
        """Change the terminal's size; the program is told by the system, where it is another."""
        if self._master >= 0:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def drain(self) -> None:
        """Read what the program has left behind when it exited; without end, where another still writes, it is not."""
        size_bytes = 0
        while size_bytes < LEFT_BYTES and (taken := self._take(LEFT_BYTES)):
            size_bytes += taken

    def close(self) -> None:
        """Let go of the terminal. What the program goes on writing stays in it, for whoever else holds it."""
        if self._master < 0:
            return
        self._stop_looking()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        self._master = NO_TERMINAL

    def _read(self) -> None:
        began, turn_bytes = self._pace.clock(), self._pace.turn_bytes
        if self._take(turn_bytes) < turn_bytes:
            return
        rest_s = self._pace.rest_s(self._pace.clock() - began)
        if rest_s and self._master != NO_TERMINAL:
            self._look_again_in(rest_s)

    def _take(self, limit_bytes: int) -> int:
        """Hand on what is there, up to about `limit_bytes`; return how much it was."""
        pieces = []
        size_bytes = 0
        while self._master != NO_TERMINAL and size_bytes < limit_bytes:
            try:
                data = os.read(self._master, READ_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = b""
            if not data:
                # no process has the terminal open: until one has again, it would be readable all the time
                self._look_again_in(HUNG_UP_S)
                break
            pieces.append(data)
            size_bytes += len(data)
        if pieces:
            self._on_output(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        return size_bytes

    def _look_again_in(self, seconds: float) -> None:
        self._stop_looking()
        self._loop.remove_reader(self._master)
        self._look_again = self._loop.call_later(seconds, self._loop.add_reader, self._master, self._read)

    def _stop_looking(self) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
            self._look_again = None

    def _write(self) -> bool:
        """Write what waits; say whether nothing waits any more."""
        try:
            while self._waiting:
                del self._waiting[: os.write(self._master, self._waiting)]
        except BlockingIOError:
            return False
        except OSError:  # nobody has it open, and nobody will read it
            self._waiting.clear()
        return True

    def _write_on(self) -> None:
        if self._write():
            self._loop.remove_writer(self._master)


def size_of(master: int) -> tuple[int, int] | None:
    """Return the columns and rows of a terminal; None where nobody gave it a size."""
    rows, cols, _, _ = struct.unpack("HHHH", fcntl.ioctl(master, termios.TIOCGWINSZ, b"\0" * 8))
    return (cols, rows) if cols and rows else None
