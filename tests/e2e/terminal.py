"""A terminal at which somebody sits: what a command writes to it, how it looks, what is typed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from types import TracebackType
from typing import Any, Self

from fugue_core.terminal.screen import open_screen
from tests.e2e.conftest import Fugue
from tests.e2e.daemon import PATIENCE_S


class Terminal:
    """A command of fugue on a terminal of its own, within the block.

    Attributes:
        written: All that the command has written.
        process: The command.
    """

    def __init__(
        self, fugue: Fugue, *words: str, cols: int = 80, rows: int = 24, session: str | None = None, **options: Any
    ) -> None:
        self._ours, self._theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self._is_there = True
        self.screen = open_screen(cols, rows)
        self._set_size(cols, rows)
        self.attributes = termios.tcgetattr(self._theirs)
        self.written = b""
        terminal = {"stdin": self._theirs, "stdout": self._theirs, "stderr": self._theirs}
        self.process: subprocess.Popen[bytes] = fugue.start(
            *words,
            session=session,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            **{**terminal, **options},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self.hang_up()
        self.screen.close()

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal's settings are those that the command found."""
        return termios.tcgetattr(self._theirs) == self.attributes

    @property
    def name(self) -> str:
        """The path of the command's side."""
        return os.ttyname(self._theirs)

    @property
    def blocks(self) -> bool:
        """Whether those who have it from before still wait for it, as a shell expects."""
        return os.get_blocking(self._theirs)

    @property
    def text(self) -> str:
        """What is to be seen now."""
        self._read()
        return self.screen.capture()

    def type(self, data: bytes | str) -> None:
        """Press keys."""
        left = data if isinstance(data, bytes) else data.encode()
        while left:
            try:
                left = left[os.write(self._ours, left) :]
            except BlockingIOError:
                select.select([], [self._ours], [], PATIENCE_S)

    def hang_up(self) -> None:
        """Close the terminal, as somebody does who closes its window."""
        if self._is_there:
            self._is_there = False
            os.close(self._theirs)
            os.close(self._ours)

    def resize(self, cols: int, rows: int) -> None:
        """Pull at the corner of the window."""
        self._read()
        self.screen.resize(cols, rows)
        self._set_size(cols, rows)

    def until_shows(self, *texts: str) -> None:
        """Look on until all of these are to be seen."""
        self.until(lambda: all(text in self.text for text in texts), texts)

    def until_gone(self, text: str) -> None:
        """Look on until this is not to be seen."""
        self.until(lambda: text not in self.text, text)

    def until(self, condition: Any, what: object = "") -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {what}\n{self.screen.capture()}"
            select.select([self._ours], [], [], 0.02)

    def end(self, number: signal.Signals | None = None) -> int:
        """Look on until the command has ended; return its exit code."""
        if number is not None:
            self.process.send_signal(number)
        self.until(self._has_ended, "the end")
        self._read()
        code: int = self.process.returncode
        return code

    def _has_ended(self) -> bool:
        self._read()
        return self.process.poll() is not None

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 65536):
                self.written += data
                self.screen.feed(data)
        except (BlockingIOError, OSError):
            return

    def _set_size(self, cols: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
