"""What comes out of a program, on disk before it is on any screen, so that whoever comes next knows the screen.

A daemon that is killed has no time to save anything. So each part of a program's output is written here as soon as it
is read, and the next daemon feeds it to a new screen: that is the one the program drew, with its scrollback.

The file, for one run of a program: `MAGIC`; then records, each a kind, the length of what follows it, and that.

    o  bytes     what made a screen as it was then, and what the program wrote since
    r  HH        from here on the terminal has so many columns and rows
    t  ?         from here on something was typed that may stand in the program's line and was not sent, or no more
    i  I         from here on the program waits at its prompt, with this process group; 0: that is not certain any more
    .            all is here: the daemon that wrote it ended in peace. Means nothing where more records follow

Nothing is synced: this is for the end of a process, and after the end of the machine no program runs any more.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

log = logging.getLogger(__name__)

MAGIC = b"fugue 1\n"
LIMIT_BYTES = 4 * 1024 * 1024
"""Of output, after which the file is begun anew. The screen and its scrollback, with which it begins, come on top."""
QUICK_BYTES = 512 * 1024
"""A file that is longer is begun anew when its daemon ends in peace, so that the next is soon there."""
TRY_AGAIN_S = 5.0
"""After the disk has refused something."""

_HEAD = struct.Struct("<cI")
_SIZE = struct.Struct("<HH")
_GROUP = struct.Struct("<I")
_CLOSED = -1
_YES, _NO = b"1", b"0"


class Past(NamedTuple):
    """What a journal has.

    Fields:
        records: The program's output, and the sizes its terminal had, in order.
        is_whole: It has all that was read of the program.
        end: Where the file can go on.
        is_line_begun: Something was typed that may stand in the program's line and was not sent.
        idle_group: See `Prompt.idle_group`.
    """

    records: list[bytes | tuple[int, int]]
    is_whole: bool
    end: int
    is_line_begun: bool = False
    idle_group: int | None = None


class Journal:
    """The file of one run of a program. A disk that refuses costs what is in it, and nobody has to wait or to know."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = _CLOSED
        self._output_bytes = 0
        self._again_at = 0.0
        self._is_refused = False
        self._is_line_begun = False
        self._idle_group: int | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is to be begun anew: it is long, or the disk has refused it and may not any more."""
        if self._fd == _CLOSED:
            return time.monotonic() >= self._again_at
        return self._output_bytes >= LIMIT_BYTES

    @property
    def is_long(self) -> bool:
        """Whether it takes long to read."""
        return self._output_bytes >= QUICK_BYTES

    def begin(self, cols: int, rows: int, drawn: bytes) -> None:
        """Begin anew, with a size and what makes a fresh screen of it what the screen is now."""
        self._let_go()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            self._fd = os.open(f"{self._path}~", flags, 0o600)
            _write(self._fd, MAGIC)
            _write(self._fd, _record(b"r", _SIZE.pack(cols, rows)), _record(b"o", drawn))
            if self._is_line_begun:
                _write(self._fd, _record(b"t", _YES))
            if self._idle_group:
                _write(self._fd, _record(b"i", _GROUP.pack(self._idle_group)))
            os.replace(f"{self._path}~", self._path)
        except OSError as error:
            self._refuse(error)
        else:
            self._output_bytes = 0
            self._is_refused = False

    def go_on(self, past: Past) -> None:
        """Write on behind what is there."""
        self._let_go()
        try:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            os.ftruncate(self._fd, past.end)
        except OSError as error:
            self._refuse(error)
        else:
            self._output_bytes = past.end
            self._is_line_begun = past.is_line_begun
            self._idle_group = past.idle_group

    def output(self, data: bytes) -> None:
        """Keep what the program wrote."""
        self._output_bytes += len(data)
        self._keep(_HEAD.pack(b"o", len(data)), data)

    def resize(self, cols: int, rows: int) -> None:
        """Keep the size that the terminal has from now on."""
        self._keep(_record(b"r", _SIZE.pack(cols, rows)))

    def prompt(self, *, is_line_begun: bool, idle_group: int | None) -> None:
        """Keep what is known of the program's prompt; nothing, where it is kept already."""
        if is_line_begun != self._is_line_begun:
            self._is_line_begun = is_line_begun
            self._keep(_record(b"t", _YES if is_line_begun else _NO))
        if idle_group != self._idle_group:
            self._idle_group = idle_group
            self._keep(_record(b"i", _GROUP.pack(idle_group or 0)))

    def close(self) -> None:
        """Say that all is here, and write no more."""
        self._keep(_record(b".", b""))
        self._let_go()

    def remove(self) -> None:
        """Take it off the disk."""
        self._let_go()
        for path in (self._path, f"{self._path}~"):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _keep(self, *parts: bytes) -> None:
        if self._fd != _CLOSED:
            try:
                _write(self._fd, *parts)
            except OSError as error:
                self._refuse(error)

    def _refuse(self, error: OSError) -> None:
        if not self._is_refused:
            log.warning("what the program of %s shows is not kept on disk: %s", os.path.basename(self._path), error)
        self.remove()  # with a gap it would show what never was
        self._is_refused = True
        self._again_at = time.monotonic() + TRY_AGAIN_S

    def _let_go(self) -> None:
        if self._fd != _CLOSED:
            os.close(self._fd)
            self._fd = _CLOSED


def read(path: str) -> Past | None:
    """Return what a journal has; None where there is none, or something else."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    if not data.startswith(MAGIC):
        return None
    records: list[bytes | tuple[int, int]] = []
    is_whole = is_line_begun = False
    idle_group = None
    end = len(MAGIC)
    for kind, content, after in _records(data):
        end = after
        is_whole = kind == b"."
        if kind == b"o":
            records.append(content)
        elif kind == b"r" and len(content) == _SIZE.size and 0 not in (size := _SIZE.unpack(content)):
            records.append(size)
        elif kind == b"t":
            is_line_begun = content == _YES
        elif kind == b"i" and len(content) == _GROUP.size:
            idle_group = _GROUP.unpack(content)[0] or None
    return Past(records, is_whole, end, is_line_begun, idle_group)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Return kind, content and end of each record that is whole: whoever wrote may have been killed in the middle."""
    start = len(MAGIC)
    while start + _HEAD.size <= len(data):
        kind, size_bytes = _HEAD.unpack_from(data, start)
        start += _HEAD.size
        if start + size_bytes > len(data):
            return
        yield kind, data[start : start + size_bytes], start + size_bytes
        start += size_bytes


def _record(kind: bytes, content: bytes) -> bytes:
    return _HEAD.pack(kind, len(content)) + content


def _write(fd: int, *parts: bytes) -> None:
    """Write all of it. Raises `OSError`."""
    written = os.writev(fd, parts)
    if written < sum(map(len, parts)):
        rest = memoryview(b"".join(parts))[written:]
        while rest:
            rest = rest[os.write(fd, rest) :]
