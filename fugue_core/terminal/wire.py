"""The keeper's end of its connection to the daemon: lines out, with terminals; lines in; and nothing ever waits.

What the lines say is in `terminal.keeper`. It imports the standard library only, and little of it.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import json
import os
import select
import socket
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Held(Protocol):
        """What a terminal belongs to; `master` is less than 0 once it was given back."""

        master: int


LINE_BYTES = 8 * 1024 * 1024
"""One line from the daemon. The system takes at most 6 MiB of arguments and environment, 2 MiB as a rule."""
OUTBOX_BYTES = 8 * 1024 * 1024
READ_BYTES = 256 * 1024
SEND_AGAIN_S = 0.02
"""When to try again where more descriptors are on their way than may be; nothing else tells when they have arrived."""


class Gone(Exception):
    """The daemon has gone, or reads too slowly."""


class Connection:
    """A daemon. What is written waits in `_outbox`: lines, each with whoever's terminal travels with it.

    Attributes:
        send_again_at: When to `flush` again, by the monotonic clock; None: when it can be written to.
    """

    __slots__ = ("_inbox", "_outbox", "_outbox_bytes", "_socket", "send_again_at")

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)  # noqa: FBT003  # its only argument
        self._socket = connected
        self._inbox = bytearray()
        self._outbox: collections.deque[tuple[bytes, Held | None]] = collections.deque()
        self._outbox_bytes = 0
        self.send_again_at: float | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._socket.fileno()

    @property
    def awaited(self) -> int:
        """What to wait for, as `select.poll` says it."""
        wants_to_write = self._outbox and self.send_again_at is None
        return select.POLLIN | (select.POLLOUT if wants_to_write else 0)

    @property
    def is_overlong(self) -> bool:
        """A line has come that is longer than any may be."""
        return len(self._inbox) > LINE_BYTES

    def tell(self, message: dict[str, object], holder: Held | None = None) -> None:
        """Write a line, now or as soon as can be, and with it a terminal that its holder has then. Raises `Gone`."""
        line = _line(message)
        self._outbox.append((line, holder))
        self._outbox_bytes += len(line)
        if self.send_again_at is None:
            self.flush()
        if self._outbox_bytes > OUTBOX_BYTES:
            raise Gone

    def flush(self) -> None:
        """Write what can be written. Raises `Gone`."""
        self.send_again_at = None
        while self._outbox:
            line, holder = self._outbox[0]
            if holder is not None and holder.master < 0:  # forgotten meanwhile
                sent = len(line)
            else:
                try:
                    sent = self._socket.sendmsg([line], _with_terminal(holder))
                except BlockingIOError:
                    return
                except OSError as error:
                    if error.errno != errno.ETOOMANYREFS:  # more descriptors are on their way than one may have open
                        raise Gone from error
                    self.send_again_at = time.monotonic() + SEND_AGAIN_S
                    return
            self._outbox_bytes -= sent
            if sent == len(line):
                self._outbox.popleft()
            else:
                self._outbox[0] = (line[sent:], None)

    def receive(self) -> list[bytearray] | None:
        """Read once; return the lines that are whole now, or None where there was nothing to read. Raises `Gone`."""
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self._inbox += data
        lines: list[bytearray] = []
        if b"\n" in data:
            *lines, self._inbox = self._inbox.split(b"\n")
        return lines

    def close(self, bye: str | None) -> None:
        """End it, with a word where all else was written."""
        if bye is not None and not self._outbox:
            with contextlib.suppress(OSError):  # then it learns only that it ended
                self._socket.send(_line({"bye": bye}))
        self._socket.close()


def parsed(line: bytearray) -> dict[str, Any] | None:
    """Return the object that a line is; None where it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def is_own_user(connected: socket.socket) -> bool:
    """Say whether a process of this user is at the other end."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # elsewhere the mode of the socket keeps others out
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.getuid())


def _line(message: dict[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _with_terminal(holder: Held | None) -> list[tuple[int, int, bytes]]:
    if holder is None:
        return []
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", holder.master))]
