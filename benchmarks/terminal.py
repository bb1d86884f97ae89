"""A program in a terminal of its own: what it draws is read as it comes, and what is typed goes to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

ROWS, COLUMNS = 40, 120
READ_BYTES = 1 << 20
ENDING_S = 10.0
PATIENCE_S = 60.0
ASKS_FOR_FRAMES = b"\x1b[?2026$p"
HAS_FRAMES = b"\x1b[?2026;2$y"
FRAME_END = b"\x1b[?2026l"
TICKS = os.sysconf("SC_CLK_TCK")


class Terminal:
    """The side of the terminal where the person sits.

    It says of itself that it can hold a frame back until all of it is there, so that the program marks the end of each.

    Attributes:
        frames: How many frames have come.
    """

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self._process = process
        self._fd = fd
        self._begun = b""
        self.frames = 0

    def press(self, key: str) -> None:
        """Type something."""
        os.write(self._fd, key.encode())

    def watch(self, seconds: float) -> None:
        """Read what is drawn for so long."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self._read(left)

    def wait_for(self, is_shown: Callable[[bytes], bool], patience_s: float = PATIENCE_S) -> float:
        """Read until a frame has come that fits; return when, by `time.perf_counter`.

        A program may draw its first frame before it has heard what the terminal can do; then what it has drawn so far
        counts as one.

        Raises:
            TimeoutError
            RuntimeError: The program has ended.
        """
        until = time.perf_counter() + patience_s
        while (left := until - time.perf_counter()) > 0:
            whole = self._read(left)
            if any(map(is_shown, whole)) or (not self.frames and is_shown(self._begun)):
                return time.perf_counter()
        raise TimeoutError(f"not drawn in {patience_s} s")

    def cpu_s(self) -> float:
        """Return how long the program has kept a core busy."""
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_bytes(self) -> int:
        """Return the program's resident memory."""
        with open(f"/proc/{self._process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _read(self, patience_s: float) -> list[bytes]:
        """Wait for something to be drawn; return the frames that are whole with it."""
        if not select.select([self._fd], [], [], patience_s)[0]:
            return []
        try:
            drawn = os.read(self._fd, READ_BYTES)
        except OSError as error:  # nobody holds the other side any more
            raise RuntimeError(f"it has ended: {self._begun.decode(errors='replace')}") from error
        if ASKS_FOR_FRAMES in drawn:
            os.write(self._fd, HAS_FRAMES)
        *whole, self._begun = (self._begun + drawn).split(FRAME_END)
        self.frames += len(whole)
        return whole


@contextlib.contextmanager
def in_terminal(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a program in a terminal of 120 x 40 in true colour; end it afterwards."""
    near, far = pty.openpty()
    try:
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        process = subprocess.Popen(
            command, env={**environment, **terminal}, stdin=far, stdout=far, stderr=far, start_new_session=True
        )
        os.close(far)
        try:
            yield Terminal(process, near)
        finally:
            process.kill()
            process.wait(ENDING_S)
    finally:
        os.close(near)
