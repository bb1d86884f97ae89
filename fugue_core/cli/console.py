"""The terminal that the user sits at, taken over for a program and given back as it was."""

from __future__ import annotations

import os
import select
import termios

from fugue_core.cli.output import terminal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

_STDIN, _STDOUT = 0, 1
_READ_BYTES = 64 * 1024
_FAREWELL_PATIENCE_S = 1.0
"""How long a terminal that takes nothing is waited for at the end."""

_OUT_OF_SEQUENCE = b"\x18\x1b\\"
_TO_USUAL_SCREEN = b"\x1b[?1049l\x1b[?47l\x1b[!p"
_USUAL_MODES = (
    b"\x1b[?6l\x1b[?69l\x1b[r\x1b[4l\x1b[20l\x1b[?1l\x1b[?5l\x1b[?7h\x1b[?25h\x1b>"
    b"\x1b[?40l\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
    b"\x1b[?2004l\x1b[?2026l\x1b[?2031l\x1b[?2048l\x1b[=0u\x1b[>4;0m\x1b[0 q\x1b(B\x0f\x1b]8;;\x1b\\\x1b[m"
)
RESTORE = _OUT_OF_SEQUENCE + _TO_USUAL_SCREEN + _USUAL_MODES
"""What undoes all that a program may have done to a terminal, and leaves what stands there.

It is `terminal.screen.RESET` but for the clearing; that module costs more to import than all of this one.
"""

CLEAR = b"\x1b[H\x1b[2J"
_BOTTOM = b"\x1b[999;1H"
_KEEP_CURSOR, _RETURN_CURSOR, _CLEAR_BELOW = b"\x1b7", b"\x1b8", b"\x1b[J"
_RESTORE_BUT_CURSOR = b"".join(
    (_OUT_OF_SEQUENCE, _KEEP_CURSOR, _TO_USUAL_SCREEN, _KEEP_CURSOR, _USUAL_MODES, _RETURN_CURSOR)
)
"""The cursor is kept twice: the way to the usual screen returns to what was kept there, and then forgets it."""
_KEEP_TITLE, _RETURN_TITLE = b"\x1b[22;2t", b"\x1b[23;2t"


_TRANSLATED = (
    *(termios.IGNBRK, termios.BRKINT, termios.PARMRK, termios.ISTRIP),
    *(termios.INLCR, termios.IGNCR, termios.ICRNL, termios.IXON),
)


class Hangup(Exception):
    """The terminal is gone."""


class Console:
    """The user's terminal, raw within the block.

    It is opened anew where it can be, so that not to wait for it is our affair alone and not that of every program
    which has it as its stdin.

    Attributes:
        input, output: Descriptors; non-blocking within the block.
        last_words: What it shows at the end, printable; a terminal that takes nothing is not waited for.
        has_ended: The program has, and left the cursor where it had said everything: the last words go below that, and
            not below the whole screen, out of which they would push the first line of what it said.
    """

    def __init__(self) -> None:
        self.input = _open(_STDIN)
        self.output = _open(_STDOUT)
        self._attributes: list[Any] = termios.tcgetattr(self.input)
        self._pending = bytearray()
        self.last_words = ""
        self.has_ended = False
        self._is_raw = False

    def __enter__(self) -> Self:
        for fd in (self.input, self.output):
            os.set_blocking(fd, False)
        self.enter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.leave()
        for fd, standard in ((self.input, _STDIN), (self.output, _STDOUT)):
            if fd == standard:
                os.set_blocking(fd, True)
            else:
                os.close(fd)

    def enter(self) -> None:
        """Let keys come as they are pressed, and bytes go as they are."""
        self._is_raw = True
        iflag, oflag, cflag, lflag, ispeed, ospeed, cc = self._attributes
        cc = list(cc)
        cc[termios.VMIN], cc[termios.VTIME] = 1, 0
        iflag &= ~sum(_TRANSLATED)
        oflag &= ~termios.OPOST
        cflag = cflag & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        termios.tcsetattr(self.input, termios.TCSANOW, [iflag, oflag, cflag, lflag, ispeed, ospeed, cc])
        self.put(_KEEP_TITLE)

    def leave(self) -> None:
        """Give the terminal back as it was, with `last_words` below what stands there; again does nothing."""
        if not self._is_raw:
            return
        self._is_raw = False
        words = f"{self.last_words}\r\n" if self.last_words else ""
        if self.has_ended:
            self._pending += _RESTORE_BUT_CURSOR + _RETURN_TITLE + b"\r\n" + _CLEAR_BELOW + words.encode()
        else:
            self._pending += RESTORE + _RETURN_TITLE + _BOTTOM + b"\r\n" + words.encode()
        poll = select.poll()
        poll.register(self.output, select.POLLOUT)
        try:
            while self._pending and poll.poll(_FAREWELL_PATIENCE_S * 1000):
                self.flush()
        except Hangup:
            return
        finally:
            try:
                termios.tcsetattr(self.input, termios.TCSANOW, self._attributes)
            except termios.error:  # it is gone, and nobody needs it any more
                return

    def make_room(self) -> None:
        """Let what stands on the screen scroll away, so that it can be looked back at."""
        size = self.size()
        self.put(_BOTTOM + b"\n" * (size[1] if size else 0))

    def size(self) -> tuple[int, int] | None:
        """Return columns and rows; None where nobody knows."""
        return terminal_size(self.output)

    @property
    def file(self) -> tuple[str, int, int] | None:
        """Path, device and inode of the terminal, for who would open it as well; None where it has no name here."""
        if _STDIN in {self.input, self.output} or _STDOUT in {self.input, self.output}:
            return None
        found, other = os.fstat(self.input), os.fstat(self.output)
        if (found.st_dev, found.st_ino) != (other.st_dev, other.st_ino):
            return None
        return os.ttyname(self.input), found.st_dev, found.st_ino

    @property
    def has_pending(self) -> bool:
        """Say whether something waits until the terminal takes it."""
        return bool(self._pending)

    def put(self, data: bytes) -> None:
        """Write, as much as the terminal takes now; the rest waits. Raises `Hangup`."""
        self._pending += data
        self.flush()

    def flush(self) -> None:
        """Write what waits, as much as the terminal takes now. Raises `Hangup`."""
        try:
            while self._pending:
                del self._pending[: os.write(self.output, self._pending)]
        except BlockingIOError:
            return
        except OSError as error:
            raise Hangup from error

    def drop_pending(self) -> None:
        """Forget what waits."""
        self._pending.clear()

    def read(self) -> bytes:
        """Return what was typed; empty: nothing. Raises `Hangup`."""
        try:
            data = os.read(self.input, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise Hangup from error
        if not data:
            raise Hangup
        return data


def _open(standard: int) -> int:
    try:
        return os.open(os.ttyname(standard), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # a terminal without a name here, as in some containers
        return standard
