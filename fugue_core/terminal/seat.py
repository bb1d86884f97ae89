"""The terminal at which somebody sits, lent to the daemon: keys out of it, and what a program writes to it.

It is opened anew, not handed over: what is open twice has its own flags, so that not to wait for this terminal is our
affair alone, and neither its client's nor that of the shell behind it. Its settings are never touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable

from fugue_core.errors import TerminalUnavailable
from fugue_core.protocol.window import LentTerminal
from fugue_core.terminal.keyboard import Keyboard, Pressed

READ_BYTES = 64 * 1024
_CLOSED = -1


class Seat:
    """A terminal, read and written without ever waiting for it. It owns its descriptor.

    What it does not take at once waits here, and nothing more is to be written until `on_room`: so it is never more
    than one piece.

    Attributes:
        keyboard: What is held back of what was read.
    """

    def __init__(
        self,
        terminal: LentTerminal,
        on_keys: Callable[[bytes, Pressed | None, bytes], None],
        on_room: Callable[[], None],
    ) -> None:
        """Read from now on.

        Args:
            terminal: Which it is.
            on_keys: Called as `Keyboard.feed_to_key` answers, with something for the program or a key.
            on_room: Called when all that was written is taken.

        Raises:
            TerminalUnavailable: It is not there, not this one, or not ours.
        """
        self.keyboard = Keyboard(terminal.prefix)
        self._fd = _open(terminal)
        self._on_keys = on_keys
        self._on_room = on_room
        self._unwritten = bytearray()
        self._loop = asyncio.get_running_loop()
        self._no_more: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._fd, self._read)

    @property
    def is_full(self) -> bool:
        """Whether it has not taken all yet."""
        return bool(self._unwritten)

    def write(self, data: bytes) -> None:
        """Write to it, unless it is closed; as much as it takes now, and the rest when it does."""
        if self._fd == _CLOSED:
            return
        is_first = not self._unwritten
        self._unwritten += data
        if is_first and not self._flush():
            self._loop.add_writer(self._fd, self._write_on)

    def close(self) -> bytes:
        """Let go of it; return what it has not taken. Again does nothing."""
        if self._fd != _CLOSED:
            self._stop_waiting()
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = _CLOSED
        unwritten = bytes(self._unwritten)
        self._unwritten.clear()
        return unwritten

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # it was hung up, as its client finds out as well
            data = b""
        if not data:
            self._loop.remove_reader(self._fd)
            return
        self._stop_waiting()
        self._take(*self.keyboard.feed_to_key(data))

    def _take(self, typed: bytes, key: Pressed | None, rest: bytes) -> None:
        if typed or key is not None:
            self._on_keys(typed, key, rest)
        wait_s = self.keyboard.wait_s
        if wait_s is not None and self._fd != _CLOSED:
            self._no_more = self._loop.call_later(wait_s, self._flush_keys)

    def _flush_keys(self) -> None:
        self._no_more = None
        self._take(*self.keyboard.flush_to_key())

    def _stop_waiting(self) -> None:
        if self._no_more is not None:
            self._no_more.cancel()
            self._no_more = None

    def _flush(self) -> bool:
        """Write what waits; say whether all of it has gone."""
        try:
            del self._unwritten[: os.write(self._fd, self._unwritten)]
        except BlockingIOError:
            return False
        except OSError:  # it was hung up
            self._unwritten.clear()
        return not self._unwritten

    def _write_on(self) -> None:
        if self._flush():
            self._loop.remove_writer(self._fd)
            self._on_room()


def _open(terminal: LentTerminal) -> int:
    try:
        _check(terminal, os.stat(terminal.path))  # before it is opened: with some devices that does something
        fd = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise TerminalUnavailable(terminal.path, getattr(error, "strerror", None) or str(error)) from error
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, fd)
        _check(terminal, os.fstat(fd))
        if not os.isatty(fd):
            raise TerminalUnavailable(terminal.path, "it is no terminal")
        stack.pop_all()
    return fd


def _check(terminal: LentTerminal, found: os.stat_result) -> None:
    if not stat.S_ISCHR(found.st_mode):
        raise TerminalUnavailable(terminal.path, "it is no terminal")
    if (found.st_dev, found.st_ino) != (terminal.device, terminal.inode):
        raise TerminalUnavailable(terminal.path, "another one is there for the daemon")
