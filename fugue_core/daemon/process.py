"""Processes that sessions live for: when they began, and when they end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

from fugue_core.protocol.session import SessionId


def process_start(pid: int) -> int | None:
    """Return when a process began, in clock ticks since the machine did; 0: the system does not say; None: no such.

    Two processes that had the same id began at different times.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name before it may hold anything
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return None
    except ProcessLookupError:
        return None
    else:
        return None if fields[0] == b"Z" else int(fields[19])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # another user's, and alive
    return 0


class ProcessWatch:
    """Say when the processes of sessions end. Where there are pidfds (Linux), at once; else by looking each second."""

    def __init__(self, on_end: Callable[[SessionId], None]) -> None:
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._watched: dict[SessionId, tuple[int, int | None]] = {}
        self._pidfds: dict[SessionId, int] = {}

    def watch(self, processes: Mapping[SessionId, tuple[int, int | None]]) -> None:
        """Watch exactly these from now on: for each session the process's id and when it began.

        A process that has ended already is reported; where `on_end` could not act on it, so does the next call.
        """
        for session in [session for session in self._watched if self._watched[session] != processes.get(session)]:
            self._drop(session)
        for session, (pid, started) in processes.items():
            if process_start(pid) != started:
                self._on_end(session)
            elif session not in self._watched:
                self._watched[session] = (pid, started)
                self._open(session, pid)

    def close(self) -> None:
        """Watch nothing more."""
        self.watch({})

    def _open(self, session: SessionId, pid: int) -> None:
        try:
            pidfd = os.pidfd_open(pid)
        except (AttributeError, OSError):
            return  # `watch` is called each second as well
        self._pidfds[session] = pidfd
        self._loop.add_reader(pidfd, self._ended, session)

    def _ended(self, session: SessionId) -> None:
        self._drop(session)
        self._on_end(session)

    def _drop(self, session: SessionId) -> None:
        del self._watched[session]
        pidfd = self._pidfds.pop(session, None)
        if pidfd is not None:
            self._loop.remove_reader(pidfd)
            os.close(pidfd)
